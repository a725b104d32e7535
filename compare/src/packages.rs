//! Packages that differ between two images.

use std::collections::{BTreeMap, BTreeSet};

use packages::{Kind, Package};
use serde::Serialize;

use crate::Change;

/// Package that was added, removed or has another version.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct PackageChange {
    /// Package manager that lists the package.
    pub kind: Kind,
    /// Name of the package.
    pub name: String,
    /// Architecture in the words of the package manager, if it names one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub architecture: Option<String>,
    /// Kind of the difference.
    pub change: Change,
    /// Versions in the first image, sorted; several where the package is installed in several places.
    #[serde(skip_serializing_if = "BTreeSet::is_empty")]
    pub before: BTreeSet<String>,
    /// Versions in the second image, sorted.
    #[serde(skip_serializing_if = "BTreeSet::is_empty")]
    pub after: BTreeSet<String>,
}

type Key<'a> = (Kind, &'a str, Option<&'a str>);
type Versions<'a> = BTreeMap<Key<'a>, BTreeSet<String>>;

/// Compares two lists of packages.
pub(crate) fn compare_packages(before: &[Package], after: &[Package]) -> Vec<PackageChange> {
    let (old, new) = (versions(before), versions(after));
    let keys: BTreeSet<Key<'_>> = old.keys().chain(new.keys()).copied().collect();
    let of = |versions: &Versions<'_>, key: &Key<'_>| versions.get(key).cloned().unwrap_or_default();
    let changes = keys.into_iter().filter_map(|key| {
        let (before, after) = (of(&old, &key), of(&new, &key));
        let change = match (before.is_empty(), after.is_empty()) {
            _ if before == after => return None,
            (true, _) => Change::Added,
            (_, true) => Change::Removed,
            _ => Change::Changed,
        };
        let (kind, name, architecture) = key;
        let architecture = architecture.map(str::to_owned);
        Some(PackageChange { kind, name: name.to_owned(), architecture, change, before, after })
    });
    changes.collect()
}

fn versions(packages: &[Package]) -> Versions<'_> {
    let mut versions = Versions::new();
    for package in packages {
        let key = (package.kind, package.name.as_str(), package.architecture.as_deref());
        versions.entry(key).or_default().insert(package.version.clone());
    }
    versions
}
