//! Versions: where each name has pointed, since when, and why.
//!
//! ```text
//! versions/<64 hex>    the list of one name, as JSON in one line, and its checksum; the file name hashes the name
//! ```
//!
//! A version is recorded when [`Store::tag`] moves a name to another image, under the lock of `index.json`. A name that
//! stays where it is records nothing. The store knows when and where; everything else about a version is its *origin*, an
//! object that the crates above describe ([`Store::describe_changes`]) and that the store does not look into.
//!
//! A list keeps its last [`MAX_VERSIONS`] versions. Collection keeps the images of the last of them ([`VersionLimits`]); the
//! others stay in the list without their image. Taking a name away (`rmi`) removes its list.
//!
//! A list that is lost or damaged is a miss: the next change begins a new one. So is a change that could not be recorded,
//! on a full disk for example; the image that the name pointed to is then recorded with the next change, without an
//! origin.
//!
//! A list is written to `tmp/` before the file system is synced for `index.json`, and renamed afterwards. So it costs no
//! sync of its own and is never cut short.

use std::path::{Path, PathBuf};

use oci::{Descriptor, Reference};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::files::{IoContext, files_in, now_ms, read_if_present, remove_file, rename, write_new};
use crate::identity::hashed_name;
use crate::index::{BUILT_ANNOTATION, without_name};
use crate::sealed::{seal, unseal};
use crate::tmp::ensure_private_dir;
use crate::{Problem, Store, StoreError};

/// Largest number of versions in the list of a name.
pub const MAX_VERSIONS: usize = 100;

/// Number of versions of a name that keep their image where the user does not say otherwise.
const DEFAULT_COUNT: usize = 10;
/// Time for which a version keeps its image after the name has moved on, unless the user says otherwise.
const DEFAULT_AGE_MS: u64 = 90 * 24 * 3_600_000;

/// Versions that keep their images from collection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct VersionLimits {
    /// Number of last versions of each name, the present one included.
    pub count: usize,
    /// Time in milliseconds for which a version keeps its image after the name has moved on.
    pub age_ms: u64,
}

impl Default for VersionLimits {
    fn default() -> Self {
        Self { count: DEFAULT_COUNT, age_ms: DEFAULT_AGE_MS }
    }
}

/// Place that a name has pointed to.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Version {
    /// Number of the version: 1 for the first one of the name. Numbers are not used again.
    pub number: u64,
    /// Time at which the name began to point there, in milliseconds since 1970.
    pub time_ms: u64,
    /// Descriptor of the manifest or index.
    pub manifest: Descriptor,
    /// Description of the change; empty if nobody described it.
    #[serde(default)]
    pub origin: Map<String, Value>,
}

/// Versions of one name, the oldest first.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct VersionList {
    /// Versions with ascending numbers.
    pub versions: Vec<Version>,
    /// Defect of the file as a clause, if it is damaged; then there are no versions.
    pub damage: Option<&'static str>,
}

/// Content of a file.
#[derive(Serialize, Deserialize)]
struct Document {
    /// The name that the versions belong to.
    name: String,
    versions: Vec<Version>,
}

/// List that has been written but does not have its name yet.
pub(crate) struct Draft {
    tmp: PathBuf,
    path: PathBuf,
}

impl Draft {
    /// Gives the list its name.
    pub(crate) fn publish(self) -> Result<(), StoreError> {
        rename(&self.tmp, &self.path).at("rename into versions", &self.path)
    }
}

impl Store {
    /// Returns the versions of a name; none if there is no list, or a damaged one.
    pub fn versions(&self, name: &Reference) -> Result<VersionList, StoreError> {
        Ok(match load(&path_of(self.root(), name))? {
            None => VersionList::default(),
            Some(Ok(document)) => VersionList { versions: document.versions, damage: None },
            Some(Err(damage)) => VersionList { versions: Vec::new(), damage: Some(damage) },
        })
    }

    /// Adds fields to the description of all changes that this process makes to names from now on: who makes them, by
    /// which command, from what. `describe` runs only when a name moves to another image, so it can be slow.
    pub fn describe_changes(&self, describe: impl Fn() -> Map<String, Value> + Send + Sync + 'static) {
        self.session.origin.add(Box::new(describe));
    }

    /// Writes the list of `name` with a new version that leads to `manifest`. `before` is the image that the name leads to
    /// until now. Returns `None` if the name moves nowhere. A name with a digest can never move, so it has no versions.
    pub(crate) fn draft_version(
        &self,
        name: &Reference,
        before: Option<&Descriptor>,
        manifest: &Descriptor,
    ) -> Result<Option<Draft>, StoreError> {
        if name.digest.is_some() || before.is_some_and(|before| before.digest == manifest.digest) {
            return Ok(None);
        }
        let VersionList { mut versions, .. } = self.versions(name)?;
        if let Some(before) = before
            && versions.last().is_none_or(|last| last.manifest.digest != before.digest)
        {
            let built_ms = before.annotations.get(BUILT_ANNOTATION).and_then(|text| text.parse().ok());
            push(&mut versions, built_ms.unwrap_or(0), before, Map::new());
        }
        push(&mut versions, now_ms(), manifest, self.session.origin.describe());
        let surplus = versions.len().saturating_sub(MAX_VERSIONS);
        versions.drain(..surplus);
        let document = Document { name: name.to_string(), versions };
        let json = serde_json::to_string(&document).expect("a list is maps, strings and numbers");
        let path = path_of(self.root(), name);
        ensure_private_dir(&versions_dir(self.root()))?;
        let tmp = self.session.tmp_path()?;
        write_new(&tmp, seal(&format!("{json}\n")).as_bytes(), false).at("write", &tmp)?;
        Ok(Some(Draft { tmp, path }))
    }

    /// Removes the list of a name that is taken away.
    pub(crate) fn forget_versions(&self, name: &Reference) -> Result<(), StoreError> {
        remove_file(&path_of(self.root(), name)).map(drop)
    }
}

/// Appends a version with the next number.
fn push(versions: &mut Vec<Version>, time_ms: u64, manifest: &Descriptor, origin: Map<String, Value>) {
    let number = versions.last().map_or(1, |last| last.number + 1);
    versions.push(Version { number, time_ms, manifest: without_name(manifest.clone()), origin });
}

/// Returns the manifests of all versions that keep their image.
pub(crate) fn kept(root: &Path, limits: &VersionLimits) -> Result<Vec<Descriptor>, StoreError> {
    let mut kept = Vec::new();
    for path in files_in(&versions_dir(root))? {
        let Some(Ok(Document { versions, .. })) = load(&path)? else { continue };
        kept.extend(within(&versions, limits, now_ms()).map(|version| version.manifest.clone()));
    }
    Ok(kept)
}

/// Returns the versions that keep their image at the time `now_ms`, the newest first.
fn within<'a>(
    versions: &'a [Version],
    limits: &VersionLimits,
    now_ms: u64,
) -> impl Iterator<Item = &'a Version> {
    let oldest_ms = now_ms.saturating_sub(limits.age_ms);
    let mut end_ms = u64::MAX;
    let newest = versions.iter().rev().take(limits.count);
    newest.filter(move |version| std::mem::replace(&mut end_ms, version.time_ms) >= oldest_ms)
}

/// Lists the files that are damaged.
pub(crate) fn damaged(root: &Path) -> Result<Vec<Problem>, StoreError> {
    let mut problems = Vec::new();
    for path in files_in(&versions_dir(root))? {
        if let Some(Err(reason)) = load(&path)? {
            problems.push(Problem::Versions { path, reason: reason.to_owned() });
        }
    }
    Ok(problems)
}

/// Reads a list; `None` if it does not exist. The inner error is the defect of the file, as a clause.
fn load(path: &Path) -> Result<Option<Result<Document, &'static str>>, StoreError> {
    let bytes = match read_if_present(path) {
        Err(error) if error.kind() == std::io::ErrorKind::InvalidData => {
            return Ok(Some(Err("it is not a regular file")));
        }
        read => read.at("read", path)?,
    };
    Ok(bytes.map(|bytes| {
        let text = unseal(&bytes)?;
        serde_json::from_str(text).map_err(|_| "it is not a list of versions")
    }))
}

fn path_of(root: &Path, name: &Reference) -> PathBuf {
    versions_dir(root).join(hashed_name(name.to_string().as_bytes()))
}

fn versions_dir(root: &Path) -> PathBuf {
    root.join("versions")
}

#[cfg(test)]
mod tests {
    use super::*;
    use oci::Digest;

    fn version(number: u64, time_ms: u64) -> Version {
        let digest = Digest::of(&number.to_le_bytes());
        let manifest = Descriptor::new(oci::media_type::MANIFEST, digest, 2);
        Version { number, time_ms, manifest, origin: Map::new() }
    }

    #[track_caller]
    fn check(limits: VersionLimits, now_ms: u64, expected: &[u64]) {
        let versions: Vec<_> = [(1, 100), (2, 200), (3, 300)].map(|(n, at)| version(n, at)).into();
        let kept: Vec<u64> = within(&versions, &limits, now_ms).map(|version| version.number).collect();
        assert_eq!(kept, expected, "{limits:?} at {now_ms}");
    }

    #[test]
    fn the_age_of_a_version_begins_when_the_name_moves_on() {
        let limits = |count, age_ms| VersionLimits { count, age_ms };
        check(limits(10, 1000), 400, &[3, 2, 1]);
        check(limits(10, 100), 400, &[3, 2]);
        check(limits(10, 0), 1_000_000, &[3]);
        check(limits(2, 1000), 400, &[3, 2]);
        check(limits(0, 1000), 400, &[]);
    }
}
