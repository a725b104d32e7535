//! Proves that a store keeps its promises.
//!
//! A problem is damage that no crash and no power cut can cause: a blob whose content does not match its name, a name
//! that leads to something absent. Records and derived files can be lost at any time. Damage to those is counted as
//! stale; it does no harm, and goes with the next repair or collection. Files that the store does not know, and containers
//! without a root, are listed but are no damage.
//!
//! Concurrency: others can use the store meanwhile. Everything is looked at when it is needed, never listed ahead.

use std::path::PathBuf;

use oci::Digest;
use rayon::prelude::*;

use crate::files::names_in;
use crate::layout::unknown_entries;
use crate::reach::Reach;
use crate::records::all_records;
use crate::roots::{damaged_roots, unprotected_containers};
use crate::stale::{is_record_stale, stale_layers};
use crate::tmp::leftovers;
use crate::versions::damaged;
use crate::{Problem, Store, StoreError};

/// Counts and problems that [`Store::check`] has found.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct CheckReport {
    /// Number of blobs in the store.
    pub blobs: u64,
    /// Total size of the blobs.
    pub blobs_bytes: u64,
    /// Number of entries in the list of images that were followed.
    pub images: u64,
    /// Number of records that lead to a layer.
    pub records: u64,
    /// Number of records that are damaged or lead to a layer that is gone: cache misses.
    pub stale_records: u64,
    /// Number of directories derived from layers that are gone.
    pub stale_layers: u64,
    /// Number of files and directories in `tmp/` that dead processes left.
    pub leftovers: u64,
    /// Directories of containers that no root protects, which keeps collection from removing anything. Containers made
    /// by older versions have no root until `runner` gives them one.
    pub unprotected: Vec<PathBuf>,
    /// Files and directories in the root of the store that no part of dsbuild makes. They are never touched.
    pub unknown: Vec<PathBuf>,
    /// Damage that was found, sorted and without duplicates.
    pub problems: Vec<Problem>,
}

impl CheckReport {
    /// Returns whether the check found no problem.
    pub fn is_clean(&self) -> bool {
        self.problems.is_empty()
    }
}

impl Store {
    /// Checks the store without changing it.
    ///
    /// `read_data`: read and hash every blob too, on all cores. Otherwise only the documents that names lead to are read.
    pub fn check(&self, read_data: bool) -> Result<CheckReport, StoreError> {
        let mut report = CheckReport::default();
        self.check_blobs(read_data, &mut report)?;
        self.check_names(&mut report);
        self.check_records(&mut report)?;
        report.stale_layers = stale_layers(self)?.len().try_into().unwrap_or(u64::MAX);
        report.leftovers = leftovers(self.root())?.len().try_into().unwrap_or(u64::MAX);
        report.unprotected = unprotected_containers(self.root())?;
        report.unknown = unknown_entries(self.root())?;
        report.problems.extend(damaged_roots(self.root())?);
        report.problems.extend(damaged(self.root())?);
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

    /// Reads all blobs. A blob that was removed in the meantime is not a problem here.
    fn verify_all(&self, digests: &[Digest]) -> Vec<Problem> {
        let verify = |digest: &Digest| match self.verify_blob(digest) {
            Ok(()) | Err(StoreError::Missing { .. }) => None,
            Err(error) => Some(Problem::from_error(*digest, &error)),
        };
        digests.par_iter().filter_map(verify).collect()
    }

    fn check_names(&self, report: &mut CheckReport) {
        let index = match self.read_index() {
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
            if is_record_stale(self, &key, &path)? {
                report.stale_records += 1;
            } else {
                report.records += 1;
            }
        }
        Ok(())
    }
}
