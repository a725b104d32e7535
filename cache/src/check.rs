//! Proves that a store is what it promises to be.
//!
//! Problems are things that no crash and no power cut may cause: a blob that is not what its name says, a name that
//! leads to something absent. Records and derived files may be lost at any time; what is wrong with those is counted
//! as stale, does no harm, and goes with the next repair or collection.
//!
//! Concurrency: others may use the store meanwhile; everything is looked at when it is needed, never listed ahead.

use std::collections::BTreeSet;
use std::path::PathBuf;

use oci::{DiffId, Digest};
use rayon::prelude::*;

use crate::files::{At, names_in, read_if_present, remove_file};
use crate::locks::{Mode, lock_file};
use crate::reach::Reach;
use crate::records::{all_records, decode};
use crate::scratch::{clear, leftovers, random_name};
use crate::tree::remove_tree;
use crate::{Key, Store, StoreError};

/// Something that must not be.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, thiserror::Error)]
#[non_exhaustive]
pub enum Problem {
    /// A blob is not what its name says.
    #[error("blob {digest} is corrupt: its content has {found}")]
    Corrupt {
        /// Its name.
        digest: Digest,
        /// The digest of its content.
        found: Digest,
    },
    /// A blob, or what should be one, cannot be read or understood.
    #[error("blob {digest} is unreadable: {reason}")]
    Unreadable {
        /// Its name.
        digest: Digest,
        /// Why.
        reason: String,
    },
    /// A document names a blob that is not here.
    #[error("no blob {digest}, which {of} names")]
    Missing {
        /// The blob's name.
        digest: Digest,
        /// The document; the same as `digest` if it is a name that leads there.
        of: Digest,
    },
    /// A blob has another length than the manifest says.
    #[error("blob {digest} has {found_bytes} bytes, not {expected_bytes} as its manifest says")]
    Size {
        /// Its name.
        digest: Digest,
        /// What the manifest says.
        expected_bytes: u64,
        /// What it has.
        found_bytes: u64,
    },
    /// Something that is no blob lies among the blobs.
    #[error("{} is no blob", path.display())]
    Stray {
        /// Where.
        path: PathBuf,
    },
    /// The file of names cannot be read.
    #[error("the names are unreadable: {reason}")]
    Names {
        /// Why.
        reason: String,
    },
}

/// What a check has found.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct CheckReport {
    /// How many blobs there are.
    pub blobs: u64,
    /// How long they are together.
    pub blobs_bytes: u64,
    /// How many images have been followed.
    pub images: u64,
    /// How many records are good.
    pub records: u64,
    /// Records that are damaged or lead to no layer: misses.
    pub stale_records: u64,
    /// What was derived from layers that are not here any more.
    pub stale_layers: u64,
    /// Leftovers of dead processes.
    pub leftovers: u64,
    /// What must not be, sorted.
    pub problems: Vec<Problem>,
}

impl CheckReport {
    /// True if the store is what it promises to be.
    pub fn is_clean(&self) -> bool {
        self.problems.is_empty()
    }
}

impl Store {
    /// Checks the store. `read_data`: reads and hashes every blob too, on all cores; without it only the documents
    /// that names lead to.
    pub fn check(&self, read_data: bool) -> Result<CheckReport, StoreError> {
        let mut report = CheckReport::default();
        self.check_blobs(read_data, &mut report)?;
        self.check_names(&mut report);
        self.check_records(&mut report)?;
        report.stale_layers = self.stale_layers()?.len().try_into().unwrap_or(u64::MAX);
        report.leftovers = leftovers(self.root())?.len().try_into().unwrap_or(u64::MAX);
        report.problems.sort_unstable();
        report.problems.dedup();
        Ok(report)
    }

    fn check_blobs(&self, read_data: bool, report: &mut CheckReport) -> Result<(), StoreError> {
        let dir = self.root().join("blobs/sha256");
        let mut digests = Vec::new();
        for name in names_in(&dir)? {
            let path = dir.join(&name);
            let length =
                path.symlink_metadata().ok().filter(|found| found.is_file()).map(|found| found.len());
            match (Digest::from_hex(&name), length) {
                (Ok(digest), Some(length)) => {
                    report.blobs += 1;
                    report.blobs_bytes += length;
                    digests.push(digest);
                }
                _ => report.problems.push(Problem::Stray { path }),
            }
        }
        if read_data {
            report.problems.extend(self.verify_all(&digests));
        }
        Ok(())
    }

    /// A blob that was taken away while we looked is no problem here.
    fn verify_all(&self, digests: &[Digest]) -> Vec<Problem> {
        let verify = |digest: &Digest| match self.verify_blob(digest) {
            Ok(()) | Err(StoreError::Missing { .. }) => None,
            Err(error) => Some(Problem::from_error(*digest, error)),
        };
        digests.par_iter().filter_map(verify).collect()
    }

    fn check_names(&self, report: &mut CheckReport) {
        let index = match self.load_index() {
            Ok(index) => index,
            Err(error) => {
                report.problems.push(Problem::Names { reason: crate::error::chain(&error) });
                return;
            }
        };
        for entry in &index.manifests {
            report.images += 1;
            report.problems.extend(Reach::of(self, entry).problems);
        }
    }

    fn check_records(&self, report: &mut CheckReport) -> Result<(), StoreError> {
        for (key, path) in all_records(self.root())? {
            match self.is_stale(&key, &path)? {
                true => report.stale_records += 1,
                false => report.records += 1,
            }
        }
        Ok(())
    }

    fn is_stale(&self, key: &Key, path: &std::path::Path) -> Result<bool, StoreError> {
        let bytes = read_if_present(path).unwrap_or_default().unwrap_or_default();
        match decode(key, &bytes) {
            Some(record) => Ok(self.stat_blob(&record.layer.0)?.is_none()),
            None => Ok(true),
        }
    }

    /// Directories under `layers/` whose layer is not here.
    pub(crate) fn stale_layers(&self) -> Result<Vec<PathBuf>, StoreError> {
        let dir = self.root().join("layers");
        let mut stale = Vec::new();
        for name in names_in(&dir)? {
            let layer = Digest::from_hex(&name).map(DiffId);
            if !layer.is_ok_and(|layer| matches!(self.stat_blob(&layer.0), Ok(Some(_)))) {
                stale.push(dir.join(name));
            }
        }
        Ok(stale)
    }

    /// Takes away what a check has found to be wrong, so that it is fetched or built anew. Names whose blobs are
    /// missing stay, and work again once their blobs are back. Unreadable names are put aside as
    /// `index.json.damaged`.
    pub fn repair(&self, report: &CheckReport) -> Result<(), StoreError> {
        let corrupt: BTreeSet<&Digest> = report
            .problems
            .iter()
            .filter_map(|problem| match problem {
                Problem::Corrupt { digest, .. } => Some(digest),
                _ => None,
            })
            .collect();
        for digest in corrupt {
            // Again: meanwhile another may have put the right one there.
            if matches!(self.verify_blob(digest), Err(StoreError::Corrupt { .. })) {
                self.delete_blob(digest)?;
            }
        }
        for problem in &report.problems {
            match problem {
                Problem::Stray { path } => self.take_away(path)?,
                Problem::Names { .. } => self.put_names_aside()?,
                _ => {}
            }
        }
        for (key, path) in all_records(self.root())? {
            if self.is_stale(&key, &path)? {
                remove_file(&path)?;
            }
        }
        clear(leftovers(self.root())?);
        Ok(())
    }

    /// Removes a file or tree so that nobody sees it half.
    fn take_away(&self, path: &std::path::Path) -> Result<(), StoreError> {
        let away = self.root().join("tmp").join(random_name());
        std::fs::rename(path, &away).at("move away", path)?;
        remove_tree(&away).at("remove", &away)
    }

    fn put_names_aside(&self) -> Result<(), StoreError> {
        let _lock = lock_file(&self.root().join("index.json.lock"), Mode::Exclusive)?;
        if self.load_index().is_ok() {
            return Ok(());
        }
        let path = self.root().join("index.json");
        std::fs::rename(&path, self.root().join("index.json.damaged")).at("move away", &path)
    }
}
