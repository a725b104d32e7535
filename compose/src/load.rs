//! Compose files -> one tree.
//!
//! ```text
//! file     one file: parsed, interpolated, merged with those before it
//! extends  services that take over the keys of another service
//! include  files that another file includes, with paths and variables of their own
//! reset    values that a later file removes
//! ```

mod extends;
mod file;
mod include;
mod reset;

use std::path::{Path, PathBuf};

use crate::ComposeError;
use crate::defaults;
use crate::dotenv::{self, Variables};
use crate::files::Files;
use crate::node::{Map, Node, Value};
use crate::paths::Base;

/// State that the steps of loading share, and the warnings that they leave for the caller.
pub(crate) struct Loader<'a> {
    /// File system of the project.
    pub(crate) files: &'a dyn Files,
    /// Directory that `~` stands for, if it is known.
    pub(crate) home: Option<&'a Path>,
    /// Whether variables are replaced; false for `config --no-interpolate`.
    pub(crate) interpolates: bool,
    /// Whether relative paths are made absolute; false for `config --no-path-resolution`.
    pub(crate) resolves_paths: bool,
    /// Messages for the user about what is odd, but no mistake.
    pub(crate) warnings: Vec<String>,
}

/// Files that belong together: their paths begin at one directory, and their variables have the same values.
#[derive(Debug, Clone)]
pub(crate) struct Group {
    /// Absolute paths of the files, in the order in which they are merged.
    pub(crate) files: Vec<PathBuf>,
    /// Directory that relative paths begin at.
    pub(crate) dir: PathBuf,
    /// Values that replace the variables in these files.
    pub(crate) variables: Variables,
}

impl Loader<'_> {
    /// Loads a group of files into one canonical tree. `including` are the files whose `include` led here.
    pub(crate) fn load(&mut self, group: &Group, including: &[PathBuf]) -> Result<Node, ComposeError> {
        let mut tree: Option<Node> = None;
        for file in &group.files {
            tree = self.add_file(tree, file, group, including)?;
        }
        let mut tree = match tree {
            Some(tree) if tree.as_map().is_some_and(|map| !map.is_empty()) => tree,
            _ => {
                let names: Vec<String> = group.files.iter().map(|file| file.display().to_string()).collect();
                return Err(ComposeError::project(format!("{}: empty compose file", names.join(", "))));
            }
        };
        defaults::add_defaults(&mut tree);
        defaults::check_rules(&tree)?;
        if self.resolves_paths {
            self.base(&group.dir).resolve(&mut tree)?;
        }
        resolve_sources(&mut tree, &group.variables);
        Ok(tree)
    }

    pub(crate) fn base<'b>(&'b self, dir: &'b Path) -> Base<'b> {
        Base { dir, home: self.home, files: self.files }
    }

    /// Reads a file, which must exist.
    pub(crate) fn read(&self, file: &Path) -> Result<String, ComposeError> {
        self.files.read(file).map_err(|source| ComposeError::Read { file: file.to_owned(), source })
    }

    /// Reads files with variables; those of `known` come before them.
    pub(crate) fn read_variables(
        &self,
        files: &[PathBuf],
        known: &Variables,
    ) -> Result<Variables, ComposeError> {
        let mut variables = Variables::new();
        for file in files {
            let text = self.read(file)?;
            dotenv::parse(&text, file, &mut variables, &|name| known.get(name).cloned())?;
        }
        Ok(variables)
    }
}

/// Reads the content of configs from the environment, and gives services the variables that they only name.
fn resolve_sources(tree: &mut Node, variables: &Variables) {
    let entries = |tree: &mut Node, key: &str, change: &dyn Fn(&mut Map)| {
        let map = tree.as_map_mut().and_then(|file| file.get_mut(key)).and_then(Node::as_map_mut);
        map.into_iter().flat_map(|map| map.values_mut()).filter_map(Node::as_map_mut).for_each(change);
    };
    entries(tree, "services", &|service| {
        for item in service.get_mut("environment").and_then(Node::as_list_mut).into_iter().flatten() {
            let known = item.as_text().and_then(|name| Some(format!("{name}={}", variables.get(name)?)));
            if let Some(pair) = known {
                item.value = Value::Text(pair);
            }
        }
    });
    entries(tree, "configs", &|config| {
        let source = config
            .get("environment")
            .and_then(|name| Some(Node::text(variables.get(name.as_text()?)?.clone(), &name.at)));
        if let Some(content) = source {
            config.insert("content".to_owned(), content);
        }
    });
}
