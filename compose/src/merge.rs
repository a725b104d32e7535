//! Merging Compose files: a later file adds to an earlier one, or overrides it.
//!
//! `unique` drops what a later item of a list redefines. Source: Compose specification, "Merge".

mod unique;

use crate::ComposeError;
use crate::node::{Map, Node, Value};
use crate::path::TreePath;

pub(crate) use unique::keep_unique;

/// Rule by which two values of the same key become one.
type Rule = fn(Node, Node, &TreePath) -> Result<Node, ComposeError>;

/// Values that are neither merged as mappings, nor appended as lists, nor replaced as scalars.
const RULES: &[(&str, Rule)] = &[
    ("networks.*.ipam.config", merge_pools),
    ("networks.*.labels", append_as_list),
    ("volumes.*.labels", append_as_list),
    ("services.*.annotations", append_as_list),
    ("services.*.build", merge_build),
    ("services.*.build.args", append_as_list),
    ("services.*.build.additional_contexts", append_as_list),
    ("services.*.build.extra_hosts", append_missing),
    ("services.*.build.labels", append_as_list),
    ("services.*.command", replace),
    ("services.*.depends_on", merge_depends_on),
    ("services.*.deploy.labels", append_as_list),
    ("services.*.dns", append_as_list),
    ("services.*.dns_opt", append_as_list),
    ("services.*.dns_search", append_as_list),
    ("services.*.entrypoint", replace),
    ("services.*.env_file", append_as_list),
    ("services.*.label_file", append_as_list),
    ("services.*.environment", append_as_list),
    ("services.*.extra_hosts", append_missing),
    ("services.*.healthcheck.test", replace),
    ("services.*.labels", append_as_list),
    ("services.*.volumes.*.volume.labels", append_as_list),
    ("services.*.logging", merge_logging),
    ("services.*.models", merge_as_maps),
    ("services.*.networks", merge_as_maps),
    ("services.*.sysctls", append_as_list),
    ("services.*.tmpfs", append_as_list),
    ("services.*.ulimits.*", replace),
];

/// Merges `over` into `base`; both are the values at `path`.
pub(crate) fn merge(base: Node, over: Node, path: &TreePath) -> Result<Node, ComposeError> {
    if let Some((_, rule)) = RULES.iter().find(|(pattern, _)| path.matches(pattern)) {
        return rule(base, over, path);
    }
    if over.is_null() {
        return Ok(base);
    }
    match (base.value, over.value) {
        (Value::Map(base), Value::Map(more)) => {
            Ok(Node { value: Value::Map(merge_maps(base, more, path)?), at: over.at })
        }
        (Value::List(mut base), Value::List(more)) => {
            base.extend(more);
            Ok(Node { value: Value::List(base), at: over.at })
        }
        (Value::Map(_), _) => {
            Err(ComposeError::value(&over.at, path, "only a mapping can override a mapping"))
        }
        (Value::List(_), _) => Err(ComposeError::value(&over.at, path, "only a list can override a list")),
        (_, value) => Ok(Node { value, at: over.at }),
    }
}

/// Merges two mappings key by key.
pub(crate) fn merge_maps(mut base: Map, over: Map, path: &TreePath) -> Result<Map, ComposeError> {
    for (key, value) in over {
        let merged = match base.remove(&key) {
            Some(before) => merge(before, value, &path.key(&key))?,
            None => value,
        };
        base.insert(key, merged);
    }
    Ok(base)
}

fn replace(_: Node, over: Node, _: &TreePath) -> Result<Node, ComposeError> {
    Ok(over)
}

/// Turns both values into lists, `KEY=VALUE` for mappings, and appends.
fn append_as_list(base: Node, over: Node, _: &TreePath) -> Result<Node, ComposeError> {
    let at = over.at.clone();
    let mut items = into_list(base);
    items.extend(into_list(over));
    Ok(Node { value: Value::List(items), at })
}

/// Appends as [`append_as_list`] does, but nothing that is there already.
fn append_missing(base: Node, over: Node, _: &TreePath) -> Result<Node, ComposeError> {
    let at = over.at.clone();
    let mut items = into_list(base);
    for item in into_list(over) {
        if !items.iter().any(|one| one.value == item.value) {
            items.push(item);
        }
    }
    Ok(Node { value: Value::List(items), at })
}

fn into_list(node: Node) -> Vec<Node> {
    match node.value {
        Value::List(items) => items,
        Value::Text(_) => vec![node],
        Value::Map(map) => map.into_iter().flat_map(|(key, value)| pairs(&key, value)).collect(),
        _ => Vec::new(),
    }
}

/// Writes an entry of a mapping as `KEY`, `KEY=VALUE`, or one `KEY=VALUE` for each value of a list.
fn pairs(key: &str, node: Node) -> Vec<Node> {
    match node.value {
        Value::Null => vec![Node { value: Value::Text(key.to_owned()), at: node.at }],
        Value::List(items) => items.into_iter().flat_map(|item| pairs(key, item)).collect(),
        value => vec![Node { value: Value::Text(format!("{key}={}", value.to_text())), at: node.at }],
    }
}

/// Merges two builds; a text is the context.
fn merge_build(base: Node, over: Node, path: &TreePath) -> Result<Node, ComposeError> {
    let at = over.at.clone();
    let into_map = |node: Node| match node.value {
        Value::Map(map) => map,
        Value::Text(_) => Map::from([("context".to_owned(), node)]),
        _ => Map::new(),
    };
    Ok(Node { value: Value::Map(merge_maps(into_map(base), into_map(over), path)?), at })
}

fn merge_depends_on(base: Node, over: Node, path: &TreePath) -> Result<Node, ComposeError> {
    let dependency = |at: &_| {
        Node::new(
            Value::Map(Map::from([
                ("condition".to_owned(), Node::text("service_started", at)),
                ("required".to_owned(), Node::new(Value::Bool(true), at)),
            ])),
            at,
        )
    };
    let at = over.at.clone();
    let (base, over) = (names_as_map(base, dependency), names_as_map(over, dependency));
    Ok(Node { value: Value::Map(merge_maps(base, over, path)?), at })
}

/// Merges two mappings that can be lists of names.
fn merge_as_maps(base: Node, over: Node, path: &TreePath) -> Result<Node, ComposeError> {
    let nothing = |at: &_| Node::new(Value::Null, at);
    let at = over.at.clone();
    let (base, over) = (names_as_map(base, nothing), names_as_map(over, nothing));
    Ok(Node { value: Value::Map(merge_maps(base, over, path)?), at })
}

fn names_as_map(node: Node, value: impl Fn(&crate::Location) -> Node) -> Map {
    match node.value {
        Value::Map(map) => map,
        Value::List(items) => {
            items.iter().filter_map(|item| Some((item.as_text()?.to_owned(), value(&item.at)))).collect()
        }
        _ => Map::new(),
    }
}

/// Merges the options of a log driver if both files mean the same driver.
fn merge_logging(base: Node, over: Node, path: &TreePath) -> Result<Node, ComposeError> {
    let driver = |node: &Node| node.get("driver").and_then(Node::as_text).map(ToOwned::to_owned);
    let is_same = match (driver(&base), driver(&over)) {
        (Some(one), Some(other)) => one == other,
        _ => true,
    };
    match (base.value, over.value) {
        (Value::Map(base), Value::Map(more)) if is_same => {
            Ok(Node { value: Value::Map(merge_maps(base, more, path)?), at: over.at })
        }
        (_, value) => Ok(Node { value, at: over.at }),
    }
}

/// Merges address pools with the same subnet, and appends the others.
fn merge_pools(base: Node, over: Node, path: &TreePath) -> Result<Node, ComposeError> {
    let at = over.at.clone();
    let subnet = |pool: &Node| pool.get("subnet").and_then(Node::as_text).map(ToOwned::to_owned);
    let mut pools: Vec<Node> = into_list(base);
    for pool in into_list(over) {
        match pools.iter().position(|one| subnet(one) == subnet(&pool)) {
            Some(index) => {
                let merged = merge(pools[index].clone(), pool, &path.index(index))?;
                pools[index] = merged;
            }
            None => pools.push(pool),
        }
    }
    Ok(Node { value: Value::List(pools), at })
}

#[cfg(test)]
mod tests;
