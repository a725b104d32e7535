//! Defaults of a canonical tree, and the rules that its values must keep beyond their form.

use std::net::IpAddr;

use crate::ComposeError;
use crate::node::{Map, Node, Value};
use crate::path::TreePath;

/// Adds what users leave out: the context of a build, the protocol of a port, the number of devices.
pub(crate) fn add_defaults(node: &mut Node) {
    walk(node, &TreePath::default());
}

fn walk(node: &mut Node, path: &TreePath) {
    let at = node.at.clone();
    match &mut node.value {
        Value::Map(map) => {
            for (key, default) in defaults(map, path) {
                map.entry(key.to_owned()).or_insert_with(|| Node { value: default, at: at.clone() });
            }
            map.iter_mut().for_each(|(key, value)| walk(value, &path.key(key)));
        }
        Value::List(items) => {
            items.iter_mut().enumerate().for_each(|(index, item)| walk(item, &path.index(index)))
        }
        _ => {}
    }
}

fn defaults(map: &Map, path: &TreePath) -> Vec<(&'static str, Value)> {
    let text = |text: &str| Value::Text(text.to_owned());
    if path.matches("services.*.build") {
        vec![("context", text("."))]
    } else if path.matches("services.*.secrets.*") {
        let source = map.get("source").map(|source| source.value.to_text()).unwrap_or_default();
        vec![("target", Value::Text(format!("/run/secrets/{source}")))]
    } else if path.matches("services.*.ports.*") {
        vec![("protocol", text("tcp")), ("mode", text("ingress"))]
    } else if path.matches("services.*.volumes.*.bind") {
        vec![("create_host_path", Value::Bool(true))]
    } else if path.matches_any(DEVICE_REQUESTS) && !map.contains_key("device_ids") {
        vec![("count", text("all"))]
    } else {
        Vec::new()
    }
}

const DEVICE_REQUESTS: &[&str] = &["services.*.deploy.resources.reservations.devices.*", "services.*.gpus.*"];

/// Checks rules between the keys of a mapping: what excludes each other, and what must be there.
pub(crate) fn check_rules(node: &Node) -> Result<(), ComposeError> {
    check(node, &TreePath::default())
}

fn check(node: &Node, path: &TreePath) -> Result<(), ComposeError> {
    match &node.value {
        Value::Map(map) => {
            if let Some(reason) = broken_rule(map, path) {
                return Err(ComposeError::value(&node.at, path, reason));
            }
            map.iter().try_for_each(|(key, value)| check(value, &path.key(key)))
        }
        Value::List(items) => {
            items.iter().enumerate().try_for_each(|(index, item)| check(item, &path.index(index)))
        }
        _ => Ok(()),
    }
}

fn broken_rule(map: &Map, path: &TreePath) -> Option<String> {
    let has = |key: &str| map.contains_key(key);
    if path.matches("volumes.*") {
        let is_external = map.get("external").is_some_and(|external| external.value == Value::Bool(true));
        let other =
            map.keys().find(|key| !matches!(key.as_str(), "name" | "external") && !key.starts_with("x-"));
        return other
            .filter(|_| is_external)
            .map(|key| format!("\"external\" and {key:?} exclude each other"));
    }
    if path.matches("configs.*") {
        return source_rule(map, &["file", "environment", "content"]);
    }
    if path.matches("secrets.*") {
        return source_rule(map, &["file", "environment"]);
    }
    if path.matches_any(DEVICE_REQUESTS) && has("count") && has("device_ids") {
        return Some("\"count\" and \"device_ids\" exclude each other".to_owned());
    }
    if path.matches("services.*.ports.*") {
        let ip = map.get("host_ip").and_then(Node::as_text)?;
        return ip.parse::<IpAddr>().is_err().then(|| format!("invalid IP address {ip:?}"));
    }
    if path.matches("services.*.develop.watch.*") {
        return (map.get("path").and_then(Node::as_text) == Some("")).then(|| "the path is empty".to_owned());
    }
    None
}

/// A config or secret has one source, or is managed by somebody else.
fn source_rule(map: &Map, sources: &[&str]) -> Option<String> {
    let given = sources.iter().filter(|key| map.contains_key(**key)).count();
    let is_managed = map.contains_key("driver") || map.contains_key("external");
    match given {
        0 if !is_managed => Some(format!("one of {} must be set", sources.join(", "))),
        0 | 1 => None,
        _ => Some(format!("{} exclude each other", sources.join(", "))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tree(text: &str) -> Node {
        crate::yaml::parse(text, "c.yaml").unwrap().remove(0).root
    }

    #[test]
    fn absent_keys_get_their_defaults() {
        let check = |service: &str, expected: &str| {
            let mut root = tree(&format!("services: {{a: {{{service}}}}}"));
            add_defaults(&mut root);
            let got = serde_json::Value::from(&root);
            assert_eq!(got["services"]["a"], serde_json::from_str::<serde_json::Value>(expected).unwrap());
        };
        check("build: {}", r#"{"build":{"context":"."}}"#);
        check("secrets: [{source: s}]", r#"{"secrets":[{"source":"s","target":"/run/secrets/s"}]}"#);
        check("ports: [{target: 1}]", r#"{"ports":[{"target":1,"protocol":"tcp","mode":"ingress"}]}"#);
        check("gpus: [{device_ids: ['0']}, {}]", r#"{"gpus":[{"device_ids":["0"]},{"count":"all"}]}"#);
    }

    #[test]
    fn a_broken_rule_is_reported_with_its_place() {
        let check = |text: &str, expected: &str| {
            assert_eq!(check_rules(&tree(text)).unwrap_err().to_string(), expected);
        };
        check(
            "volumes: {v: {external: true, driver: d}}",
            "c.yaml:1:11: volumes.v: \"external\" and \"driver\" exclude each other",
        );
        check("secrets: {s: {}}", "c.yaml:1:11: secrets.s: one of file, environment must be set");
        check(
            "configs: {s: {file: a, content: b}}",
            "c.yaml:1:11: configs.s: file, environment, content exclude each other",
        );
        check(
            "services: {a: {ports: [{host_ip: x}]}}",
            "c.yaml:1:24: services.a.ports[0]: invalid IP address \"x\"",
        );
        check(
            "services: {a: {gpus: [{count: 1, device_ids: []}]}}",
            "c.yaml:1:23: services.a.gpus[0]: \"count\" and \"device_ids\" exclude each other",
        );
    }
}
