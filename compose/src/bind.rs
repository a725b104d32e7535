//! A normalized tree -> the typed project. A value that does not fit is reported with its position.

use serde::de::DeserializeOwned;
use serde_path_to_error::Segment;

use crate::ComposeError;
use crate::model::Project;
use crate::node::{Node, Value};
use crate::path::TreePath;

/// Reads the services and resources of a project. The caller fills in what the tree does not have.
pub(crate) fn bind(root: &Node) -> Result<Project, ComposeError> {
    let text = |key: &str| root.get(key).and_then(Node::as_text).unwrap_or_default().to_owned();
    let extensions = root.as_map().into_iter().flatten().filter(|(key, _)| key.starts_with("x-"));
    Ok(Project {
        name: text("name"),
        services: part(root, "services")?,
        networks: part(root, "networks")?,
        volumes: part(root, "volumes")?,
        secrets: part(root, "secrets")?,
        configs: part(root, "configs")?,
        models: part(root, "models")?,
        extensions: extensions.map(|(key, value)| (key.clone(), serde_json::Value::from(value))).collect(),
        ..Project::default()
    })
}

fn part<T: DeserializeOwned + Default>(root: &Node, key: &str) -> Result<T, ComposeError> {
    let Some(node) = root.get(key).filter(|node| !node.is_null()) else { return Ok(T::default()) };
    let json = without_nulls(node);
    serde_path_to_error::deserialize(json).map_err(|error| {
        let (at, path) = locate(node, TreePath::of(&[key]), error.path());
        ComposeError::value(&at, path, error.inner().to_string())
    })
}

/// Converts a tree to JSON without empty values, except in variables, labels and options of networks, where they have a meaning.
fn without_nulls(node: &Node) -> serde_json::Value {
    fn walk(node: &Node, path: &TreePath) -> serde_json::Value {
        let keeps_nulls = path.matches_any(&[
            "*.environment",
            "*.labels",
            "*.networks",
            "*.models",
            "*.build.args",
            "*.build.labels",
            "*.build.ssh",
            "*.annotations",
            "*.sysctls",
        ]);
        match &node.value {
            Value::Map(map) => map
                .iter()
                .filter(|(_, value)| keeps_nulls || !value.is_null())
                .map(|(key, value)| (key.clone(), walk(value, &path.key(key))))
                .collect(),
            Value::List(items) => {
                items.iter().enumerate().map(|(index, item)| walk(item, &path.index(index))).collect()
            }
            _ => serde_json::Value::from(node),
        }
    }
    walk(node, &TreePath::default())
}

/// Follows the path of an error as far as the tree has it.
fn locate(node: &Node, mut path: TreePath, error: &serde_path_to_error::Path) -> (crate::Location, TreePath) {
    let mut node = node;
    for segment in error {
        let next = match segment {
            Segment::Map { key } => node.get(key).map(|value| (value, path.key(key))),
            Segment::Seq { index } => {
                node.as_list().and_then(|items| items.get(*index)).map(|item| (item, path.index(*index)))
            }
            _ => None,
        };
        let Some((value, below)) = next else { break };
        (node, path) = (value, below);
    }
    (node.at.clone(), path)
}
