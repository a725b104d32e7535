//! Removes what a check found to be wrong, so that it is fetched or built anew.

use std::collections::BTreeSet;

use oci::Digest;

use crate::files::{IoContext, remove_file, rename};
use crate::locks::{Mode, lock_file};
use crate::records::all_records;
use crate::stale::is_record_stale;
use crate::tmp::{clear, discard, leftovers};
use crate::{CheckReport, Problem, Store, StoreError};

impl Store {
    /// Removes corrupt blobs, stray files, stale records and leftovers.
    ///
    /// Names whose blobs are missing stay, and work again once their blobs are back. An unreadable list of names is put
    /// aside as `index.json.damaged`.
    pub fn repair(&self, report: &CheckReport) -> Result<(), StoreError> {
        self.delete_corrupt(&report.problems)?;
        for problem in &report.problems {
            match problem {
                Problem::Stray { path } => discard(self.root(), path)?,
                Problem::Names { .. } => self.put_names_aside()?,
                _ => {}
            }
        }
        for (key, path) in all_records(self.root())? {
            if is_record_stale(self, &key, &path)? {
                remove_file(&path)?;
            }
        }
        clear(leftovers(self.root())?);
        Ok(())
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

    fn put_names_aside(&self) -> Result<(), StoreError> {
        let _lock = lock_file(&self.root().join("index.json.lock"), Mode::Exclusive)?;
        if self.load_index().is_ok() {
            return Ok(());
        }
        let path = self.root().join("index.json");
        rename(&path, &self.root().join("index.json.damaged")).at("move away", &path)
    }
}
