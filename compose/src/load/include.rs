//! `include`: a file adds the services, volumes and networks of other files.

use std::path::PathBuf;

use super::reset::remove;
use super::{Group, Loader};
use crate::ComposeError;
use crate::files::join;
use crate::merge::merge;
use crate::node::{Map, Node, Value};
use crate::path::TreePath;
use crate::paths::parent;

/// Parts of a file that an included file adds to.
const PARTS: &[&str] = &["services", "volumes", "networks", "secrets", "configs", "models"];

/// Entry of the list `include`: files that form one project of their own.
struct Include {
    paths: Vec<String>,
    project_dir: Option<String>,
    env_files: Vec<String>,
}

impl Loader<'_> {
    /// Loads the files that a document includes, and adds what they define. Definitions of the document itself win.
    pub(super) fn add_includes(
        &mut self,
        root: &mut Node,
        resets: &[Vec<String>],
        group: &Group,
        included: &[PathBuf],
    ) -> Result<(), ComposeError> {
        let Some(entries) = root.as_map_mut().and_then(|file| file.remove("include")) else { return Ok(()) };
        let Value::List(items) = &entries.value else {
            if entries.is_null() {
                return Ok(());
            }
            return Err(ComposeError::value(&entries.at, "include", "must be a list"));
        };
        for (index, item) in items.iter().enumerate() {
            let include = Include::of(item, &TreePath::of(&["include"]).index(index))?;
            let other = self.group_of(&include, group)?;
            if let Some(again) = other.files.iter().find(|file| included.contains(file)) {
                let mut members: Vec<String> =
                    included.iter().map(|file| file.display().to_string()).collect();
                members.push(again.display().to_string());
                return Err(ComposeError::Cycle { what: "include", members });
            }
            let tree = self.load(&other, included)?;
            add(root, tree, resets)?;
        }
        Ok(())
    }

    fn group_of(&self, include: &Include, group: &Group) -> Result<Group, ComposeError> {
        let base = self.base(&group.dir);
        let files: Vec<PathBuf> =
            include.paths.iter().map(|path| PathBuf::from(base.absolute(path))).collect();
        let dir = match &include.project_dir {
            Some(dir) => PathBuf::from(base.absolute(dir)),
            None => files.first().map_or_else(|| group.dir.clone(), |file| parent(file)),
        };
        let env_files = if include.env_files.is_empty() {
            let default = dir.join(".env");
            if self.files.is_file(&default) { vec![default] } else { Vec::new() }
        } else {
            let given = include.env_files.iter().filter(|file| *file != "/dev/null");
            given.map(|file| join(&group.dir, file)).collect()
        };
        let mut variables = self.read_variables(&env_files, &group.variables)?;
        variables.extend(group.variables.clone());
        Ok(Group { files, dir, variables })
    }
}

impl Include {
    fn of(item: &Node, path: &TreePath) -> Result<Self, ComposeError> {
        if let Some(file) = item.as_text() {
            return Ok(Self { paths: vec![file.to_owned()], project_dir: None, env_files: Vec::new() });
        }
        let Some(keys) = item.as_map() else {
            return Err(ComposeError::value(&item.at, path, "must be a string or a mapping"));
        };
        let known = ["path", "project_directory", "env_file"];
        if let Some((key, value)) = keys.iter().find(|(key, _)| !known.contains(&key.as_str())) {
            let (at, path, key) = (value.at.clone(), path.to_string(), key.clone());
            return Err(ComposeError::UnknownKey { at, path, key, similar: None });
        }
        let paths = texts(keys, "path", path)?;
        if paths.is_empty() {
            return Err(ComposeError::value(&item.at, path, "the key \"path\" is missing"));
        }
        let project_dir = keys.get("project_directory").and_then(Node::as_text).filter(|dir| !dir.is_empty());
        Ok(Self {
            paths,
            project_dir: project_dir.map(ToOwned::to_owned),
            env_files: texts(keys, "env_file", path)?,
        })
    }
}

/// Reads a text or a list of texts.
fn texts(keys: &Map, key: &str, path: &TreePath) -> Result<Vec<String>, ComposeError> {
    let Some(node) = keys.get(key) else { return Ok(Vec::new()) };
    let items = node.as_list().unwrap_or(std::slice::from_ref(node));
    let text = |item: &Node| item.as_text().map(ToOwned::to_owned);
    items
        .iter()
        .map(text)
        .collect::<Option<_>>()
        .ok_or_else(|| ComposeError::value(&node.at, path.key(key), "must be a string or a list of strings"))
}

/// Adds the parts of an included tree to a document.
fn add(root: &mut Node, mut tree: Node, resets: &[Vec<String>]) -> Result<(), ComposeError> {
    let Some(file) = root.as_map_mut() else { return Ok(()) };
    for part in PARTS {
        let included = tree.as_map_mut().and_then(|tree| tree.remove(*part));
        let Some(Node { value: Value::Map(included), at }) = included else { continue };
        let target = file.entry((*part).to_owned()).or_insert_with(|| Node::new(Value::Map(Map::new()), &at));
        if target.is_null() {
            target.value = Value::Map(Map::new());
        }
        let Some(target) = target.as_map_mut() else { continue };
        for (name, node) in included {
            let node = match target.remove(&name) {
                Some(own) => {
                    let mut wrapped = wrap(part, &name, node);
                    remove(&mut wrapped, resets);
                    merge(unwrap(wrapped, part, &name), own, &TreePath::of(&[part, &name]))?
                }
                None => node,
            };
            target.insert(name, node);
        }
    }
    Ok(())
}

fn wrap(part: &str, name: &str, node: Node) -> Node {
    let at = node.at.clone();
    let inner = Node::new(Value::Map(Map::from([(name.to_owned(), node)])), &at);
    Node::new(Value::Map(Map::from([(part.to_owned(), inner)])), &at)
}

/// Takes a node out again; null if it was reset as a whole.
fn unwrap(mut wrapped: Node, part: &str, name: &str) -> Node {
    let at = wrapped.at.clone();
    let inner = wrapped.as_map_mut().and_then(|map| map.remove(part));
    let node = inner.and_then(|mut inner| inner.as_map_mut()?.remove(name));
    node.unwrap_or_else(|| Node::new(Value::Null, &at))
}
