//! `extends`: a service takes over the keys of another one, of the same file or of another file.

use std::path::{Path, PathBuf};

use super::reset::remove;
use super::{Group, Loader};
use crate::canonical::canonical;
use crate::files::join;
use crate::merge::{keep_unique, merge};
use crate::node::{Map, Node, Value};
use crate::path::TreePath;
use crate::paths::{display, parent};
use crate::{ComposeError, yaml};

/// File that a service was read from, and the directory that its paths begin at.
#[derive(Debug, Clone)]
pub(super) struct Source {
    pub(super) file: PathBuf,
    pub(super) dir: PathBuf,
}

/// Service that is being extended, for finding cycles.
type Step = (PathBuf, String);

/// Services of a file, and the values that the file resets.
struct Services {
    map: Map,
    resets: Vec<Vec<String>>,
    source: Source,
}

impl Loader<'_> {
    /// Replaces each service that extends another one by the merged service.
    pub(super) fn extend_services(
        &mut self,
        root: &mut Node,
        source: &Source,
        resets: &[Vec<String>],
        group: &Group,
    ) -> Result<(), ComposeError> {
        let Some(Value::Map(map)) = root.get("services").map(|services| services.value.clone()) else {
            return Ok(());
        };
        let extends = |service: &Node| service.get("extends").is_some();
        if !map.values().any(extends) {
            return Ok(());
        }
        let mut services = Services { map, resets: resets.to_vec(), source: source.clone() };
        let names: Vec<String> = services.map.keys().cloned().collect();
        for name in names {
            let extended = self.extend(&name, &services, &[], group)?;
            services.map.insert(name, extended);
        }
        if let Some(node) = root.as_map_mut().and_then(|file| file.get_mut("services")) {
            node.value = Value::Map(services.map);
        }
        Ok(())
    }

    /// Returns a service with the keys of the service that it extends.
    fn extend(
        &mut self,
        name: &str,
        services: &Services,
        trail: &[Step],
        group: &Group,
    ) -> Result<Node, ComposeError> {
        let service = services.map[name].clone();
        let Some(extends) = service.get("extends").cloned() else { return Ok(service) };
        let path = TreePath::of(&["services", name, "extends"]);
        let fail = |reason: String| ComposeError::value(&extends.at, &path, reason);
        let base_name = match extends.as_text().or_else(|| extends.get("service")?.as_text()) {
            Some(base) => base.to_owned(),
            None => return Err(fail("the key \"service\" is missing".to_owned())),
        };
        let trail = with_step(trail, (services.source.file.clone(), name.to_owned()))?;

        let loaded = match extends.get("file").and_then(Node::as_text) {
            Some(file) => Some(self.services_of(file, services, group)?),
            None => None,
        };
        let others = loaded.as_ref().unwrap_or(services);
        if !others.map.contains_key(&base_name) {
            let file = display(&others.source.file, &group.dir);
            return Err(fail(format!("there is no service {base_name:?} in {file}")));
        }
        let mut base = self.extend(&base_name, others, &trail, group)?;
        if base.is_null() {
            return Ok(service);
        }
        remove_below(&mut base, name, &services.resets);
        let mut merged = merge(base, service, &TreePath::of(&["services", name]))?;
        if let Some(map) = merged.as_map_mut() {
            map.remove("extends");
        }
        Ok(merged)
    }

    /// Loads the services of another file. Their paths are absolute, since they begin at the directory of that file.
    fn services_of(&mut self, file: &str, from: &Services, group: &Group) -> Result<Services, ComposeError> {
        let path = join(&from.source.dir, file);
        let text = self.read(&path)?;
        let source = Source { dir: parent(&path), file: path };
        let (mut tree, mut resets) = (None, Vec::new());
        for document in yaml::parse(&text, &display(&source.file, &group.dir))? {
            let mut root = document.root;
            self.prepare(&mut root, group)?;
            resets = document.resets;
            let mut merged = match tree {
                Some(mut tree) => {
                    remove(&mut tree, &resets);
                    merge(tree, root, &TreePath::default())?
                }
                None => root,
            };
            keep_unique(&mut merged)?;
            tree = Some(canonical(merged)?);
        }
        let Some(mut tree) = tree else {
            return Err(ComposeError::project(format!("{}: empty compose file", source.file.display())));
        };
        self.base(&source.dir).resolve(&mut tree)?;
        match tree.as_map_mut().and_then(|file| file.remove("services")) {
            Some(Node { value: Value::Map(map), .. }) => Ok(Services { map, resets, source }),
            Some(other) => Err(ComposeError::value(&other.at, "services", "must be a mapping")),
            None => {
                Err(ComposeError::project(format!("{}: the file has no services", source.file.display())))
            }
        }
    }
}

fn with_step(trail: &[Step], step: Step) -> Result<Vec<Step>, ComposeError> {
    let mut trail = trail.to_vec();
    let is_cycle = trail.contains(&step);
    trail.push(step);
    if is_cycle {
        let member = |(file, service): &Step| format!("{service} in {}", file_name(file));
        return Err(ComposeError::Cycle { what: "extends", members: trail.iter().map(member).collect() });
    }
    Ok(trail)
}

fn file_name(file: &Path) -> String {
    file.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default()
}

/// Removes what a file resets in the service `name` from the service that it extends.
fn remove_below(base: &mut Node, name: &str, resets: &[Vec<String>]) {
    let below: Vec<Vec<String>> = resets
        .iter()
        .filter(|path| path.len() > 2 && path[0] == "services" && path[1] == name)
        .map(|path| path[2..].to_vec())
        .collect();
    remove(base, &below);
}
