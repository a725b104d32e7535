//! A package, and the kinds of package managers.

use std::fmt;
use std::path::PathBuf;

use serde::Serialize;

use crate::limits::MAX_VALUE_BYTES;

/// Package manager that lists a package.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Kind {
    /// Packages of Debian and its descendants.
    Dpkg,
    /// Packages of Alpine Linux and Wolfi.
    Apk,
    /// Packages of Fedora, RHEL, SUSE and their descendants.
    Rpm,
    /// Python distributions, whether pip, uv or a package of the system installed them.
    Pip,
    /// Packages in a conda environment.
    Conda,
    /// Packages in a library of R.
    R,
    /// Packages of Node.js in a `node_modules` directory.
    Npm,
}

impl Kind {
    /// Returns the name of the kind, as in JSON: `dpkg`, `pip`.
    pub fn name(self) -> &'static str {
        match self {
            Self::Dpkg => "dpkg",
            Self::Apk => "apk",
            Self::Rpm => "rpm",
            Self::Pip => "pip",
            Self::Conda => "conda",
            Self::R => "r",
            Self::Npm => "npm",
        }
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

/// Source package that a binary package was built from.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct Source {
    /// Name of the source package; the file name of the source for rpm.
    pub name: String,
    /// Version of the source package, if the database has it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub version: Option<String>,
}

/// Installed package. Packages are ordered by kind, name, version, architecture and location.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct Package {
    /// Package manager that lists the package.
    pub kind: Kind,
    /// Name as its package manager writes it, for example `libssl3t64` or `PyYAML`.
    pub name: String,
    /// Version as its package manager writes it, with epoch and revision: `1:2.3-4+deb13u1`.
    pub version: String,
    /// Architecture in the words of the package manager, for example `amd64` or `x86_64`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub architecture: Option<String>,
    /// File that lists or describes the package, relative to the root.
    pub location: PathBuf,
    /// License as the package states it. It is often no SPDX expression.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub license: Option<String>,
    /// Source package, if the database has it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub source: Option<Source>,
    /// Maintainer or vendor as the package states it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub supplier: Option<String>,
    /// Package URL without the distribution: `pkg:deb/debian/curl@8.14.1-2?arch=amd64&distro=debian-13`.
    pub purl: String,
}

impl Package {
    /// Returns a package without optional values. Its purl is set when all else is known.
    pub(crate) fn new(kind: Kind, name: &str, version: &str) -> Self {
        Self {
            kind,
            name: clip(name),
            version: clip(version),
            architecture: None,
            location: PathBuf::new(),
            license: None,
            source: None,
            supplier: None,
            purl: String::new(),
        }
    }
}

/// Returns the text within the limit on its length, and `None` for one without content.
pub(crate) fn value(text: &str) -> Option<String> {
    let text = text.trim();
    (!text.is_empty()).then(|| clip(text))
}

/// Returns the beginning of the text, at most [`MAX_VALUE_BYTES`] long.
fn clip(text: &str) -> String {
    text[..text.floor_char_boundary(MAX_VALUE_BYTES)].to_owned()
}
