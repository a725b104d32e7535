//! Rules between the parts of a project: what a service names must exist, and its keys must not contradict each other.

mod cycle;
mod service;

use std::collections::BTreeMap;

use crate::ComposeError;
use crate::model::Project;
use crate::node::Node;
use crate::path::TreePath;

/// Broken rule: keys that lead to the value, and the explanation.
type Fault = (Vec<String>, String);

/// Checks a project. `root` is the tree that it was read from, for positions.
pub(crate) fn check(project: &Project, root: &Node) -> Result<(), ComposeError> {
    let located = |(keys, reason): Fault| located(root, &keys, reason);
    for (name, service) in &project.services {
        service::check(name, service, project).map_err(located)?;
    }
    for (name, secret) in &project.secrets {
        if !secret.external && secret.file.is_empty() && secret.environment.is_empty() {
            let reason = "a secret needs one of the keys \"file\" and \"environment\"".to_owned();
            return Err(located((vec!["secrets".to_owned(), name.clone()], reason)));
        }
    }
    check_container_names(project).map_err(located)?;
    cycle::check(project)
}

/// Two services cannot have the same name of their containers.
fn check_container_names(project: &Project) -> Result<(), Fault> {
    let mut names: BTreeMap<&str, &str> = BTreeMap::new();
    for (key, service) in project.services.iter().filter(|(_, service)| !service.container_name.is_empty()) {
        if let Some(other) = names.insert(&service.container_name, key) {
            let name = &service.container_name;
            let keys = ["services", key, "container_name"].map(ToOwned::to_owned).to_vec();
            return Err((keys, format!("the name {name:?} is that of service {other:?} already")));
        }
    }
    Ok(())
}

/// Returns the error with the position of the last key that the tree has.
fn located(root: &Node, keys: &[String], reason: String) -> ComposeError {
    let mut node = root;
    let mut path = TreePath::default();
    for key in keys {
        let next = match key.parse::<usize>() {
            Ok(index) => {
                node.as_list().and_then(|items| items.get(index)).map(|item| (item, path.index(index)))
            }
            Err(_) => node.get(key).map(|value| (value, path.key(key))),
        };
        let Some((value, below)) = next else { break };
        (node, path) = (value, below);
    }
    ComposeError::value(&node.at, path, reason)
}
