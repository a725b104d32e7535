//! One Compose file: parsed, interpolated, merged with the files before it.

use std::path::{Path, PathBuf};

use super::extends::Source;
use super::reset::remove;
use super::{Group, Loader};
use crate::merge::{keep_unique, merge};
use crate::node::{Node, Value};
use crate::path::TreePath;
use crate::paths::display;
use crate::yaml::Document;
use crate::{ComposeError, canonical, interpolate, schema, yaml};

impl Loader<'_> {
    /// Merges the documents of a file into the tree of the files before it.
    pub(super) fn add_file(
        &mut self,
        mut tree: Option<Node>,
        file: &Path,
        group: &Group,
        including: &[PathBuf],
    ) -> Result<Option<Node>, ComposeError> {
        let text = self.read(file)?;
        for document in yaml::parse(&text, &display(file, &group.dir))? {
            let Document { mut root, resets } = document;
            self.prepare(&mut root, group)?;
            let mut included = including.to_vec();
            included.push(file.to_owned());
            self.add_includes(&mut root, &resets, group, &included)?;
            if let Some(tree) = &mut tree {
                remove(tree, &resets);
            }
            self.extend_services(
                &mut root,
                &Source { file: file.to_owned(), dir: group.dir.clone() },
                &resets,
                group,
            )?;
            let merged = match tree {
                Some(tree) => merge(tree, root, &TreePath::default())?,
                None => root,
            };
            tree = Some(self.finish(merged, file)?);
        }
        Ok(tree)
    }

    /// Replaces the variables of a document, which must be a mapping.
    pub(super) fn prepare(&mut self, root: &mut Node, group: &Group) -> Result<(), ComposeError> {
        if !matches!(root.value, Value::Map(_)) {
            return Err(ComposeError::value(&root.at, TreePath::default(), "must be a mapping"));
        }
        if !self.interpolates {
            return Ok(());
        }
        let mut unset = Vec::new();
        interpolate::interpolate(root, &|name| group.variables.get(name).cloned(), &mut unset)?;
        for name in unset {
            self.warn(format!("the variable {name} is not set; it is replaced by an empty text"));
        }
        Ok(())
    }

    pub(super) fn warn(&mut self, warning: String) {
        if !self.warnings.contains(&warning) {
            self.warnings.push(warning);
        }
    }

    /// Checks the tree after a file was merged, and gives it its canonical form.
    fn finish(&mut self, mut tree: Node, file: &Path) -> Result<Node, ComposeError> {
        keep_unique(&mut tree)?;
        schema::check(&tree)?;
        if tree.as_map_mut().and_then(|map| map.remove("version")).is_some() {
            let name = file.display();
            self.warn(format!("{name}: the key \"version\" is obsolete and ignored; please remove it"));
        }
        let mut tree = canonical::canonical(tree)?;
        // A range of ports is several ports now, one of which an override can name.
        keep_unique(&mut tree)?;
        Ok(tree)
    }
}
