//! Image configs: a round trip neither loses nor reorders anything.

use oci::{Config, Descriptor, Digest, Healthcheck, History, ImageConfig, Manifest, media_type};
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

/// Replaces each value of a document in turn by `null`, and calls `check` with the result and the name of the field.
fn with_each_null(document: &Value, check: &mut dyn FnMut(&Value, &str)) {
    fn places(value: &Value, at: &str, found: &mut Vec<String>) {
        let mut visit = |key: &str, value: &Value| {
            let place = format!("{at}/{}", key.replace('/', "~1"));
            places(value, &place, found);
            found.push(place);
        };
        match value {
            Value::Object(fields) => fields.iter().for_each(|(key, value)| visit(key, value)),
            Value::Array(items) => {
                items.iter().enumerate().for_each(|(index, value)| visit(&index.to_string(), value));
            }
            _ => {}
        }
    }
    let mut found = Vec::new();
    places(document, "", &mut found);
    for place in found {
        let mut changed = document.clone();
        *changed.pointer_mut(&place).expect("a place in the document") = Value::Null;
        check(&changed, &place);
    }
}

#[test]
fn null_is_the_zero_value_wherever_it_stands() {
    let mut count = 0;
    with_each_null(&full_config(), &mut |config, place| {
        count += 1;
        let parsed = serde_json::from_value::<ImageConfig>(config.clone());
        // The digest of a layer has no zero value.
        assert_eq!(parsed.is_ok(), place != "/rootfs/diff_ids/0", "{place}: {parsed:?}");
    });
    assert!(count > 40, "{count} places");
}

#[test]
fn null_is_read_as_absent() {
    let text = r#"{"architecture":null,"os":null,"os.features":null,"author":null,"rootfs":null,"history":null,
        "config":{"Env":null,"Cmd":null,"User":null,"StopSignal":null,"ArgsEscaped":null,"Healthcheck":null}}"#;
    let config: ImageConfig = serde_json::from_str(text).expect("a config");
    assert_eq!(config, ImageConfig::default());
    let minimal: ImageConfig = serde_json::from_str(r#"{"config":null}"#).expect("a config");
    assert_eq!(minimal, ImageConfig::default());
    let history: ImageConfig =
        serde_json::from_str(r#"{"history":[null,{"empty_layer":null}]}"#).expect("a config");
    assert_eq!(history.history, [History::default(), History::default()]);
}

fn parse(text: &str) -> Result<ImageConfig, String> {
    let config = Descriptor::new(media_type::CONFIG, Digest::of(text.as_bytes()), text.len() as u64);
    ImageConfig::parse(&Manifest::new(config, Vec::new()), text.as_bytes()).map_err(|error| error.to_string())
}

#[test]
fn environment_entries_without_a_value_are_completed() {
    let config = parse(r#"{"config":{"Env":["A=1","NAME","","=x",null,"B=x=y"]}}"#).expect("a config");
    assert_eq!(config.config.env, ["A=1", "NAME=", "B=x=y"]);
}

#[test]
fn a_field_that_cannot_be_read_is_named() {
    #[track_caller]
    fn check(text: &str, expected: &str) {
        let error = parse(text).expect_err(text);
        assert!(error.starts_with(&format!("it cannot be read: {expected}")), "{error}");
    }
    check(r#"{"config":{"User":1}}"#, "config.User: invalid type: integer `1`, expected a string");
    check(r#"{"config":{"Env":["A=1",{}]}}"#, "config.Env[1]: invalid type: map, expected a string");
    check(r#"{"config":{"Labels":{"a":[]}}}"#, "config.Labels.a: invalid type: sequence, expected a string");
    check(r#"{"history":[{"empty_layer":"no"}]}"#, "history[0].empty_layer: invalid type: string \"no\"");
    check("[]", "invalid type: sequence");
    check("{} {}", "trailing characters");
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
