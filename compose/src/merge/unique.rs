//! Lists in which a later item redefines an earlier one: a port, a mount, a variable.

use crate::ComposeError;
use crate::node::{Node, Value};
use crate::path::TreePath;
use crate::short;

/// Function that names what an item of a list defines.
type Identity = fn(&Node, &TreePath) -> Result<String, ComposeError>;

const LISTS: &[(&str, Identity)] = &[
    ("networks.*.labels", name_of_pair),
    ("networks.*.ipam.options", name_of_pair),
    ("services.*.annotations", name_of_pair),
    ("services.*.build.additional_contexts", name_of_pair),
    ("services.*.build.args", name_of_pair),
    ("services.*.build.labels", name_of_pair),
    ("services.*.build.platform", name_of_pair),
    ("services.*.build.tags", name_of_pair),
    ("services.*.cap_add", name_of_pair),
    ("services.*.cap_drop", name_of_pair),
    ("services.*.configs", config_target),
    ("services.*.deploy.labels", name_of_pair),
    ("services.*.devices", device_target),
    ("services.*.dns", name_of_pair),
    ("services.*.dns_opt", name_of_pair),
    ("services.*.dns_search", name_of_pair),
    ("services.*.env_file", env_file_path),
    ("services.*.environment", name_of_pair),
    ("services.*.expose", text_of_port),
    ("services.*.labels", name_of_pair),
    ("services.*.links", name_of_pair),
    ("services.*.networks.*.aliases", name_of_pair),
    ("services.*.networks.*.link_local_ips", name_of_pair),
    ("services.*.ports", port),
    ("services.*.profiles", name_of_pair),
    ("services.*.secrets", secret_target),
    ("services.*.sysctls", name_of_pair),
    ("services.*.tmpfs", name_of_pair),
    ("services.*.volumes", volume_target),
];

/// Drops items of lists that a later item redefines; the later one takes the place of the first.
pub(crate) fn keep_unique(node: &mut Node) -> Result<(), ComposeError> {
    walk(node, &TreePath::default())
}

fn walk(node: &mut Node, path: &TreePath) -> Result<(), ComposeError> {
    match &mut node.value {
        Value::Map(map) => map.iter_mut().try_for_each(|(key, value)| walk(value, &path.key(key))),
        Value::List(items) => {
            if let Some((_, identity)) = LISTS.iter().find(|(pattern, _)| path.matches(pattern)) {
                *items = unique(std::mem::take(items), *identity, path)?;
            }
            Ok(())
        }
        _ => Ok(()),
    }
}

fn unique(items: Vec<Node>, identity: Identity, path: &TreePath) -> Result<Vec<Node>, ComposeError> {
    let mut kept: Vec<(String, Node)> = Vec::with_capacity(items.len());
    for (index, item) in items.into_iter().enumerate() {
        let name = identity(&item, &path.index(index))?;
        match kept.iter_mut().find(|(one, _)| *one == name) {
            Some(earlier) => earlier.1 = item,
            None => kept.push((name, item)),
        }
    }
    Ok(kept.into_iter().map(|(_, item)| item).collect())
}

fn wrong<T>(item: &Node, path: &TreePath, expected: &str) -> Result<T, ComposeError> {
    Err(ComposeError::value(&item.at, path, format!("must be {expected}")))
}

/// Returns the name of a pair, `NAME` of `NAME=VALUE`.
fn name_of_pair(item: &Node, path: &TreePath) -> Result<String, ComposeError> {
    match item.as_text() {
        Some(text) => Ok(text.split('=').next().unwrap_or_default().to_owned()),
        None => wrong(item, path, "a string"),
    }
}

fn text_of_port(item: &Node, path: &TreePath) -> Result<String, ComposeError> {
    match &item.value {
        value @ (Value::Text(_) | Value::Int(_)) => Ok(value.to_text()),
        _ => wrong(item, path, "a string or an integer"),
    }
}

fn volume_target(item: &Node, path: &TreePath) -> Result<String, ComposeError> {
    if let Some(text) = item.as_text() {
        let volume = short::volume(text).map_err(|reason| ComposeError::value(&item.at, path, reason))?;
        return Ok(volume.target);
    }
    target(item, path)
}

fn device_target(item: &Node, path: &TreePath) -> Result<String, ComposeError> {
    match item.as_text() {
        Some(text) => Ok(text.split(':').nth(1).unwrap_or(text).to_owned()),
        None => target(item, path),
    }
}

fn target(item: &Node, path: &TreePath) -> Result<String, ComposeError> {
    match item.get("target").and_then(Node::as_text) {
        Some(target) => Ok(target.to_owned()),
        None => wrong(item, path, "a string or a mapping with the key \"target\""),
    }
}

fn config_target(item: &Node, path: &TreePath) -> Result<String, ComposeError> {
    file_target(item, path, "")
}

fn secret_target(item: &Node, path: &TreePath) -> Result<String, ComposeError> {
    file_target(item, path, "/run/secrets")
}

/// The path at which a config or secret is mounted.
fn file_target(item: &Node, path: &TreePath, dir: &str) -> Result<String, ComposeError> {
    match &item.value {
        Value::Text(name) => Ok(format!("{dir}/{name}")),
        Value::Map(map) => match (map.get("target"), map.get("source")) {
            (Some(target), _) => Ok(target.value.to_text()),
            (None, Some(source)) => Ok(format!("{dir}/{}", source.value.to_text())),
            (None, None) => wrong(item, path, "a mapping with the key \"source\""),
        },
        _ => wrong(item, path, "a string or a mapping"),
    }
}

fn env_file_path(item: &Node, path: &TreePath) -> Result<String, ComposeError> {
    match item.as_text().or_else(|| item.get("path")?.as_text()) {
        Some(file) => Ok(file.to_owned()),
        None => wrong(item, path, "a string or a mapping with the key \"path\""),
    }
}

fn port(item: &Node, path: &TreePath) -> Result<String, ComposeError> {
    let Value::Map(map) = &item.value else {
        return Ok(item.value.to_text());
    };
    let Some(target) = map.get("target") else {
        return wrong(item, path, "a mapping with the key \"target\"");
    };
    let part = |key: &str, default: &str| {
        map.get(key).map_or_else(|| default.to_owned(), |value| value.value.to_text())
    };
    let (host, published) = (part("host_ip", "0.0.0.0"), part("published", ""));
    Ok(format!("{host}:{published}:{}/{}", target.value.to_text(), part("protocol", "tcp")))
}
