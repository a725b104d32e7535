//! Image configs: a round trip neither loses nor reorders anything.

use oci::{Config, Healthcheck, ImageConfig};
use serde_json::{Value, json};

/// A config with every known field, in the order in which this crate writes them, and some unknown fields.
fn full_config() -> Value {
    json!({
        "created": "2020-01-01T00:00:00Z",
        "author": "someone",
        "architecture": "arm64",
        "os": "linux",
        "variant": "v8",
        "os.version": "1",
        "os.features": ["f"],
        "config": full_settings(),
        "rootfs": {"type": "layers", "diff_ids": ["sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"]},
        "history": [
            {"created": "2020-01-01T00:00:00Z", "created_by": "RUN x", "author": "a", "comment": "c"},
            {"empty_layer": true},
        ],
        "moby.buildkit.cache.v0": "bm90aGluZw==",
    })
}

/// The `config` object of [`full_config`].
fn full_settings() -> Value {
    json!({
        "User": "u:g",
        "ExposedPorts": {"80/tcp": {}},
        "Env": ["B=2", "A=1"],
        "Entrypoint": ["e"],
        "Cmd": ["c"],
        "Volumes": {"/v": {}},
        "WorkingDir": "/w",
        "Labels": {"z": "1", "a": "2"},
        "StopSignal": "SIGINT",
        "ArgsEscaped": true,
        "Healthcheck": {
            "Test": ["CMD", "x"], "Interval": 1_000_000_000_i64, "Timeout": 2, "StartPeriod": 3,
            "StartInterval": 4, "Retries": 5,
        },
        "OnBuild": ["RUN x"],
        "Shell": ["/bin/bash", "-c"],
        "Hostname": "an unknown field",
    })
}

fn parse_full_config() -> ImageConfig {
    serde_json::from_value(full_config()).expect("a config")
}

#[test]
fn a_round_trip_keeps_all_fields() {
    assert_eq!(serde_json::to_value(parse_full_config()).expect("JSON"), full_config());
}

#[test]
fn fields_are_read_into_their_types() {
    let config = parse_full_config();
    let health = config.config.healthcheck.expect("a health check");
    assert_eq!((health.interval_ns, health.retries), (1_000_000_000, 5));
}

#[test]
fn env_keeps_its_order() {
    assert_eq!(parse_full_config().config.env, ["B=2", "A=1"]);
}

#[test]
fn unknown_fields_are_kept_in_extra() {
    let config = parse_full_config();
    assert_eq!(config.extra["moby.buildkit.cache.v0"], "bm90aGluZw==");
    assert_eq!(config.config.extra["Hostname"], "an unknown field");
}

#[test]
fn serialization_is_deterministic() {
    let serialize = |_| serde_json::to_string(&parse_full_config()).expect("JSON");
    let texts: Vec<String> = (0..4).map(serialize).collect();
    assert!(texts.windows(2).all(|pair| pair[0] == pair[1]));
}

#[test]
fn null_is_read_as_absent() {
    let text = r#"{"architecture":"amd64","os":"linux","config":{"Env":null,"Cmd":null,"Entrypoint":null,"Labels":null,
        "Volumes":null,"ExposedPorts":null,"OnBuild":null,"Shell":null,"Healthcheck":null},"rootfs":{"type":"layers","diff_ids":null},
        "history":null}"#;
    let config: ImageConfig = serde_json::from_str(text).expect("a config");
    assert_eq!(config.config, Config::default());
    let minimal: ImageConfig = serde_json::from_str(r#"{"config":null}"#).expect("a config");
    assert_eq!(minimal, ImageConfig::default());
}

#[test]
fn empty_fields_are_omitted_except_layers_and_history() {
    let text = serde_json::to_string(&ImageConfig::default()).expect("JSON");
    assert_eq!(
        text,
        r#"{"architecture":"","os":"","config":{},"rootfs":{"type":"layers","diff_ids":[]},"history":[]}"#
    );
    assert_eq!(serde_json::to_string(&Healthcheck::default()).expect("JSON"), "{}");
}

#[test]
fn an_empty_entrypoint_differs_from_an_absent_one() {
    let config = Config { entrypoint: Some(Vec::new()), ..Config::default() };
    assert_eq!(serde_json::to_string(&config).expect("JSON"), r#"{"Entrypoint":[]}"#);
}

#[track_caller]
fn check_rejected(texts: &[&str]) {
    for text in texts {
        assert!(serde_json::from_str::<ImageConfig>(text).is_err(), "{text} was accepted");
    }
}

#[test]
fn fields_of_the_wrong_type_are_rejected() {
    check_rejected(&[
        r#"{"config":{"Env":"A=1"}}"#,
        r#"{"config":{"Env":[1]}}"#,
        r#"{"config":[]}"#,
        r#"{"history":{}}"#,
        r#"{"rootfs":{"type":"layers","diff_ids":["x"]}}"#,
        "[]",
    ]);
}

#[test]
fn duplicate_keys_are_rejected() {
    check_rejected(&[r#"{"os":"linux","os":"linux"}"#, r#"{"config":{"User":"a","User":"b"}}"#]);
}
