//! Packages of an image, as the databases of package managers in its tree list them.
//!
//! ```text
//! find         walks a tree, finds databases and has them read
//! os_release   the distribution, which is part of a package's purl
//! dpkg, apk, rpm, python, conda, r, npm   one reader for each package manager
//! ------------------------------------------------------------------------------------
//! database     reading a file of the tree within limits; the list that readers add to
//! paragraph    `Name: value` text, which dpkg, pip and R use
//! purl         package URLs
//! package      a package, and the kinds of package managers
//! ```
//!
//! | kind | files |
//! |---|---|
//! | dpkg | `/var/lib/dpkg/status`, `/var/lib/dpkg/status.d/*` (distroless) |
//! | apk | `/lib/apk/db/installed`, `/usr/lib/apk/db/installed` |
//! | rpm | `rpmdb.sqlite`, `Packages.db` (ndb), `Packages` (Berkeley DB) in `/var/lib/rpm`, `/usr/lib/sysimage/rpm`, `/usr/share/rpm` |
//! | pip | `*.dist-info/METADATA`, `*.egg-info`, `*.egg-info/PKG-INFO` in any directory |
//! | conda | `conda-meta/*.json` in any directory |
//! | R | `DESCRIPTION` of an installed package in any directory |
//! | npm | `node_modules/*/package.json`, `node_modules/@*/*/package.json` in any directory |
//!
//! The tree is read through the indexes of its layers, so nothing is unpacked. All files are content of an image and not
//! trusted: sizes and counts are bounded ([`limits`]), text is taken as UTF-8 with replacements, and what cannot be
//! understood is skipped and reported as a [`Problem`]. Only a tree that cannot be read is an error.
//!
//! Invariants: no input makes a reader panic or read without end. The same tree always gives the same list.

mod apk;
mod conda;
mod database;
mod dpkg;
mod find;
pub mod limits;
mod npm;
mod os_release;
mod package;
mod paragraph;
mod purl;
mod python;
mod r;
mod rpm;

pub use database::Problem;
pub use find::{Inventory, find};
pub use os_release::Distribution;
pub use package::{Kind, Package, Source};
