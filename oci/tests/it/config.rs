//! Image configs: nothing is lost or reordered on the way through.

use oci::{Config, Healthcheck, ImageConfig};
use serde_json::{Value, json};

/// With every field that we know, in our order, and some that we do not.
fn full() -> Value {
    json!({
        "created": "2020-01-01T00:00:00Z",
        "author": "someone",
        "architecture": "arm64",
        "os": "linux",
        "variant": "v8",
        "os.version": "1",
        "os.features": ["f"],
        "config": {
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
            "Healthcheck": {"Test": ["CMD", "x"], "Interval": 1_000_000_000_i64, "Timeout": 2, "StartPeriod": 3, "StartInterval": 4, "Retries": 5},
            "OnBuild": ["RUN x"],
            "Shell": ["/bin/bash", "-c"],
            "Hostname": "unknown to us",
        },
        "rootfs": {"type": "layers", "diff_ids": ["sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"]},
        "history": [
            {"created": "2020-01-01T00:00:00Z", "created_by": "RUN x", "author": "a", "comment": "c"},
            {"empty_layer": true},
        ],
        "moby.buildkit.cache.v0": "bm90aGluZw==",
    })
}

#[test]
fn nothing_is_lost() {
    let config: ImageConfig = serde_json::from_value(full()).expect("a config");
    assert_eq!(serde_json::to_value(&config).expect("JSON"), full());
    assert_eq!(config.config.env, ["B=2", "A=1"], "the order of Env counts");
    let health = config.config.healthcheck.expect("a health check");
    assert_eq!((health.interval_ns, health.retries), (1_000_000_000, 5));
    assert_eq!(config.extra["moby.buildkit.cache.v0"], "bm90aGluZw==");
}

#[test]
fn the_bytes_are_always_the_same() {
    let once = |_| {
        let config: ImageConfig = serde_json::from_value(full()).expect("a config");
        serde_json::to_string(&config).expect("JSON")
    };
    let texts: Vec<String> = (0..4).map(once).collect();
    assert!(texts.windows(2).all(|pair| pair[0] == pair[1]));
}

#[test]
fn what_go_writes_for_nothing_is_nothing() {
    let text = r#"{"architecture":"amd64","os":"linux","config":{"Env":null,"Cmd":null,"Entrypoint":null,"Labels":null,
        "Volumes":null,"ExposedPorts":null,"OnBuild":null,"Shell":null,"Healthcheck":null},"rootfs":{"type":"layers","diff_ids":null},
        "history":null}"#;
    let config: ImageConfig = serde_json::from_str(text).expect("a config");
    assert_eq!(config.config, Config::default());
    let minimal: ImageConfig = serde_json::from_str(r#"{"config":null}"#).expect("a config");
    assert_eq!(minimal, ImageConfig::default());
}

#[test]
fn empty_lists_are_left_out_but_for_layers() {
    let text = serde_json::to_string(&ImageConfig::default()).expect("JSON");
    assert_eq!(
        text,
        r#"{"architecture":"","os":"","config":{},"rootfs":{"type":"layers","diff_ids":[]},"history":[]}"#
    );
    let none = Config { entrypoint: Some(Vec::new()), ..Config::default() };
    assert_eq!(serde_json::to_string(&none).expect("JSON"), r#"{"Entrypoint":[]}"#);
    assert_eq!(serde_json::to_string(&Healthcheck::default()).expect("JSON"), "{}");
}

#[test]
fn wrong_types_are_errors() {
    for text in [
        r#"{"config":{"Env":"A=1"}}"#,
        r#"{"config":{"Env":[1]}}"#,
        r#"{"config":[]}"#,
        r#"{"history":{}}"#,
        r#"{"rootfs":{"type":"layers","diff_ids":["x"]}}"#,
        r#"{"os":"linux","os":"linux"}"#,
        r#"{"config":{"User":"a","User":"b"}}"#,
        "[]",
    ] {
        assert!(serde_json::from_str::<ImageConfig>(text).is_err(), "{text} was taken");
    }
}
