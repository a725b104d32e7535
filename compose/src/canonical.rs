//! Canonical form of a tree: short forms of values become long ones.

use crate::ComposeError;
use crate::error::Location;
use crate::files::clean;
use crate::node::{Map, Node, Value};
use crate::path::TreePath;
use crate::short::{self, Port, Volume};

/// Function that gives a value its long form.
type Rule = fn(Node, &TreePath) -> Result<Node, ComposeError>;

const RULES: &[(&str, Rule)] = &[
    ("services.*.build", build),
    ("services.*.build.additional_contexts", pairs_as_map),
    ("services.*.build.provenance", as_text),
    ("services.*.build.sbom", as_text),
    ("services.*.build.secrets.*", file_mount),
    ("services.*.build.ssh", ssh),
    ("services.*.configs.*", file_mount),
    ("services.*.depends_on", depends_on),
    ("services.*.develop.watch.*.ignore", as_list),
    ("services.*.develop.watch.*.include", as_list),
    ("services.*.devices.*", device),
    ("services.*.dns", as_list),
    ("services.*.env_file", env_files),
    ("services.*.extends", extends),
    ("services.*.gpus", gpus),
    ("services.*.label_file", as_list),
    ("services.*.models", names_as_map),
    ("services.*.networks", names_as_map),
    ("services.*.ports", ports),
    ("services.*.secrets.*", file_mount),
    ("services.*.volumes.*", volume),
    ("configs.*", resource),
    ("networks.*", resource),
    ("secrets.*", resource),
    ("volumes.*", resource),
];

/// Gives all values of a tree their long forms.
pub(crate) fn canonical(root: Node) -> Result<Node, ComposeError> {
    walk(root, &TreePath::default())
}

fn walk(node: Node, path: &TreePath) -> Result<Node, ComposeError> {
    let node = match RULES.iter().find(|(pattern, _)| path.matches(pattern)) {
        Some((_, rule)) => rule(node, path)?,
        None => node,
    };
    let value = match node.value {
        Value::Map(map) => {
            let walked = map.into_iter().map(|(key, value)| {
                let value = walk(value, &path.key(&key))?;
                Ok((key, value))
            });
            Value::Map(walked.collect::<Result<_, ComposeError>>()?)
        }
        Value::List(items) => {
            let items = items.into_iter().enumerate().filter(|(_, item)| !is_empty_server(item, path));
            let walked = items.map(|(index, item)| walk(item, &path.index(index)));
            Value::List(walked.collect::<Result<_, _>>()?)
        }
        other => other,
    };
    Ok(Node { value, at: node.at })
}

/// Reports whether an item is a name server without a value, such as an unset variable leaves.
fn is_empty_server(item: &Node, list: &TreePath) -> bool {
    list.matches("services.*.dns") && (item.is_null() || item.as_text() == Some(""))
}

fn map_of<const N: usize>(entries: [(&str, Node); N], at: &Location) -> Node {
    Node::new(Value::Map(entries.into_iter().map(|(key, value)| (key.to_owned(), value)).collect()), at)
}

fn flag(value: bool, at: &Location) -> Node {
    Node::new(Value::Bool(value), at)
}

/// Replaces a text by the mapping that it stands for.
fn expand(node: Node, form: impl FnOnce(&str, &Location) -> Node) -> Node {
    match &node.value {
        Value::Text(text) => form(text, &node.at),
        _ => node,
    }
}

fn build(node: Node, _: &TreePath) -> Result<Node, ComposeError> {
    Ok(expand(node, |context, at| map_of([("context", Node::text(context, at))], at)))
}

fn extends(node: Node, _: &TreePath) -> Result<Node, ComposeError> {
    Ok(expand(node, |service, at| map_of([("service", Node::text(service, at))], at)))
}

fn file_mount(node: Node, _: &TreePath) -> Result<Node, ComposeError> {
    Ok(expand(node, |source, at| map_of([("source", Node::text(source, at))], at)))
}

fn as_list(node: Node, _: &TreePath) -> Result<Node, ComposeError> {
    Ok(expand(node, |text, at| Node::new(Value::List(vec![Node::text(text, at)]), at)))
}

fn gpus(node: Node, _: &TreePath) -> Result<Node, ComposeError> {
    Ok(expand(node, |_, at| {
        let all = map_of([("count", Node::text("all", at))], at);
        Node::new(Value::List(vec![all]), at)
    }))
}

fn as_text(node: Node, _: &TreePath) -> Result<Node, ComposeError> {
    Ok(Node::text(node.value.to_text(), &node.at))
}

fn pairs_as_map(node: Node, path: &TreePath) -> Result<Node, ComposeError> {
    let Value::List(items) = &node.value else { return Ok(node) };
    let mut map = Map::new();
    for (index, item) in items.iter().enumerate() {
        let Some((key, value)) = item.as_text().and_then(|text| text.split_once('=')) else {
            return Err(ComposeError::value(&item.at, path.index(index), "must have the form NAME=VALUE"));
        };
        map.insert(key.to_owned(), Node::text(value, &item.at));
    }
    Ok(Node::new(Value::Map(map), &node.at))
}

/// Keys of an SSH agent: `default`, or `ID=PATH`.
fn ssh(node: Node, path: &TreePath) -> Result<Node, ComposeError> {
    let Value::List(items) = &node.value else { return Ok(node) };
    let mut map = Map::new();
    for (index, item) in items.iter().enumerate() {
        let text = item.as_text().unwrap_or_default();
        let (id, value) = match text.split_once('=') {
            Some((id, path)) => (id, Node::text(path, &item.at)),
            None if text == "default" => (text, Node::new(Value::Null, &item.at)),
            None => {
                let reason = format!("{text:?} must be \"default\" or have the form ID=PATH");
                return Err(ComposeError::value(&item.at, path.index(index), reason));
            }
        };
        map.insert(id.to_owned(), value);
    }
    Ok(Node::new(Value::Map(map), &node.at))
}

fn names_as_map(node: Node, _: &TreePath) -> Result<Node, ComposeError> {
    let Value::List(items) = &node.value else { return Ok(node) };
    let entry = |item: &Node| Some((item.as_text()?.to_owned(), Node::new(Value::Null, &item.at)));
    Ok(Node::new(Value::Map(items.iter().filter_map(entry).collect()), &node.at))
}

fn depends_on(node: Node, path: &TreePath) -> Result<Node, ComposeError> {
    let names = names_as_map(node, path)?;
    let Value::Map(map) = names.value else { return Ok(names) };
    let mut services = Map::new();
    for (name, dependency) in map {
        let at = dependency.at.clone();
        let mut keys = match dependency.value {
            Value::Map(keys) => keys,
            _ => Map::new(),
        };
        keys.entry("condition".to_owned()).or_insert_with(|| Node::text("service_started", &at));
        keys.entry("required".to_owned()).or_insert_with(|| flag(true, &at));
        services.insert(name, Node::new(Value::Map(keys), &at));
    }
    Ok(Node::new(Value::Map(services), &names.at))
}

fn env_files(node: Node, path: &TreePath) -> Result<Node, ComposeError> {
    let list = as_list(node, path)?;
    let Value::List(items) = list.value else { return Ok(list) };
    let files = items.into_iter().map(|item| {
        let mut file = expand(item, |path, at| map_of([("path", Node::text(path, at))], at));
        let at = file.at.clone();
        if let Some(keys) = file.as_map_mut() {
            keys.entry("required".to_owned()).or_insert_with(|| flag(true, &at));
        }
        file
    });
    Ok(Node::new(Value::List(files.collect()), &list.at))
}

fn device(node: Node, path: &TreePath) -> Result<Node, ComposeError> {
    let Some(text) = node.as_text() else { return Ok(node) };
    let (source, target, permissions) =
        short::device(text).map_err(|reason| ComposeError::value(&node.at, path, reason))?;
    let text = |text: String| Node::text(text, &node.at);
    let keys = [("source", text(source)), ("target", text(target)), ("permissions", text(permissions))];
    Ok(map_of(keys, &node.at))
}

fn ports(node: Node, path: &TreePath) -> Result<Node, ComposeError> {
    let Value::List(items) = node.value else { return Ok(node) };
    let mut all = Vec::new();
    for (index, item) in items.into_iter().enumerate() {
        if let Value::Map(_) = item.value {
            all.push(item);
            continue;
        }
        let parsed = short::ports(&item.value.to_text());
        let parsed = parsed.map_err(|reason| ComposeError::value(&item.at, path.index(index), reason))?;
        all.extend(parsed.into_iter().map(|port| port_keys(port, &item.at)));
    }
    Ok(Node::new(Value::List(all), &node.at))
}

fn port_keys(port: Port, at: &Location) -> Node {
    let mut keys = Map::from([
        ("mode".to_owned(), Node::text("ingress", at)),
        ("protocol".to_owned(), Node::text(port.protocol, at)),
        ("target".to_owned(), Node::new(Value::Int(port.target.into()), at)),
    ]);
    let optional = [("host_ip", port.host_ip), ("published", port.published)];
    for (key, text) in optional.into_iter().filter(|(_, text)| !text.is_empty()) {
        keys.insert(key.to_owned(), Node::text(text, at));
    }
    Node::new(Value::Map(keys), at)
}

fn volume(node: Node, path: &TreePath) -> Result<Node, ComposeError> {
    let Some(text) = node.as_text() else { return Ok(node) };
    let volume = short::volume(text).map_err(|reason| ComposeError::value(&node.at, path, reason))?;
    Ok(volume_keys(volume, &node.at))
}

fn volume_keys(volume: Volume, at: &Location) -> Node {
    let kind = if volume.is_bind { "bind" } else { "volume" };
    let target = clean(volume.target.as_ref()).to_string_lossy().into_owned();
    let mut keys =
        Map::from([("type".to_owned(), Node::text(kind, at)), ("target".to_owned(), Node::text(target, at))]);
    let mut options = Map::new();
    if volume.is_bind {
        options.insert("create_host_path".to_owned(), flag(true, at));
    }
    for (key, text) in [("propagation", volume.propagation), ("selinux", volume.selinux)] {
        if !text.is_empty() {
            options.insert(key.to_owned(), Node::text(text, at));
        }
    }
    if volume.is_bind || !options.is_empty() {
        keys.insert("bind".to_owned(), Node::new(Value::Map(options), at));
    }
    if volume.nocopy {
        keys.insert("volume".to_owned(), map_of([("nocopy", flag(true, at))], at));
    }
    if volume.read_only {
        keys.insert("read_only".to_owned(), flag(true, at));
    }
    if !volume.source.is_empty() {
        keys.insert("source".to_owned(), Node::text(volume.source, at));
    }
    Node::new(Value::Map(keys), at)
}

/// Gives `external: {name: …}`, the old form, its new one.
fn resource(mut node: Node, path: &TreePath) -> Result<Node, ComposeError> {
    let Some(keys) = node.as_map_mut() else { return Ok(node) };
    let Some(external) = keys.get("external").filter(|external| external.as_map().is_some()).cloned() else {
        return Ok(node);
    };
    if let Some(name) = external.get("name") {
        match keys.get("name") {
            Some(other) if other.value != name.value => {
                let reason = "name and external.name conflict; only use name";
                return Err(ComposeError::value(&name.at, path, reason));
            }
            Some(_) => {}
            None => {
                keys.insert("name".to_owned(), name.clone());
            }
        }
    }
    keys.insert("external".to_owned(), flag(true, &external.at));
    Ok(node)
}

#[cfg(test)]
mod tests;
