//! Removes what a check found to be wrong, so that it is fetched or built anew.

use std::collections::BTreeSet;
use std::path::Path;

use oci::{Descriptor, Digest};

use crate::files::{IoContext, remove_file, rename};
use crate::index::name_of;
use crate::locks::{Mode, lock_file};
use crate::reach::Reach;
use crate::records::all_records;
use crate::stale::is_record_stale;
use crate::tmp::{clear, discard, leftovers};
use crate::{CONTAINER_ROOT_PREFIX, CheckReport, Problem, Store, StoreError};

impl Store {
    /// Removes corrupt blobs, stray files, damaged roots of containers, damaged lists of versions, stale records and leftovers. As long as a
    /// container has no root, nothing is collected; `runner` writes a new one.
    ///
    /// Images that lack a blob leave the list, with all their names: building, pulling or importing them again brings both
    /// back. Returns those names, or the digest of an image without a name. An unreadable list of names is put
    /// aside as `index.json.damaged`, and replaced by its copy or by a list of all images.
    pub fn repair(&self, report: &CheckReport) -> Result<Vec<String>, StoreError> {
        self.delete_corrupt(&report.problems)?;
        for problem in &report.problems {
            match problem {
                Problem::Stray { path } | Problem::Versions { path, .. } => discard(self.root(), path)?,
                Problem::Names { .. } => self.put_names_aside()?,
                Problem::Root { path, .. } if is_of_container(path) => discard(self.root(), path)?,
                _ => {}
            }
        }
        for (key, path) in all_records(self.root())? {
            if is_record_stale(self, &key, &path)? {
                remove_file(&path)?;
            }
        }
        clear(leftovers(self.root())?);
        self.remove_incomplete()
    }

    /// Takes the images off the list that lack a blob. An image of which a document cannot be read stays.
    fn remove_incomplete(&self) -> Result<Vec<String>, StoreError> {
        let lacks_blob = |entry: &Descriptor| {
            let reach = Reach::of(self, entry);
            reach.failure.is_none()
                && reach.problems.iter().any(|problem| matches!(problem, Problem::Missing { .. }))
        };
        let mut removed = Vec::new();
        self.change_index(|entries| {
            entries.retain(|entry| {
                let is_incomplete = lacks_blob(entry);
                if is_incomplete {
                    removed.push(name_of(entry).cloned().unwrap_or_else(|| entry.digest.to_string()));
                }
                !is_incomplete
            });
            !removed.is_empty()
        })?;
        Ok(removed)
    }

    fn delete_corrupt(&self, problems: &[Problem]) -> Result<(), StoreError> {
        let corrupt: BTreeSet<&Digest> = problems
            .iter()
            .filter_map(|problem| match problem {
                Problem::Corrupt { digest, .. } => Some(digest),
                _ => None,
            })
            .collect();
        for digest in corrupt {
            // Another process can have replaced it by a good one since the check.
            self.remove_if_corrupt(digest)?;
        }
        Ok(())
    }

    /// Writes what can be restored of the list of names, and keeps the damaged file.
    fn put_names_aside(&self) -> Result<(), StoreError> {
        let _lock = lock_file(&self.root().join("index.json.lock"), Mode::Exclusive)?;
        if self.read_index().is_ok() {
            return Ok(());
        }
        let path = self.root().join("index.json");
        let (index, _) = self.restored_index()?;
        match rename(&path, &self.root().join("index.json.damaged")) {
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {}
            moved => moved.at("move away", &path)?,
        }
        self.write_index(&index)
    }
}

/// Returns whether a root is the one of a container, which can be written again.
fn is_of_container(root: &Path) -> bool {
    root.file_name().is_some_and(|name| name.as_encoded_bytes().starts_with(CONTAINER_ROOT_PREFIX.as_bytes()))
}
