//! The keys of Compose files and the forms of their values.
//!
//! ```text
//! shape     forms of values: texts, numbers, lists, mappings
//! check     compares a tree with its form
//! file      top level: volumes, networks, configs, secrets, models, include
//! service   a service; build, deploy, mounts: its larger parts
//! ```
//!
//! Source: Compose specification of 2026, docker compose 5.

mod build;
mod check;
mod deploy;
mod file;
mod mounts;
mod service;
mod shape;

use crate::ComposeError;
use crate::node::Node;
use crate::path::TreePath;

/// Checks that a file has only known keys, and that their values have the right form.
pub(crate) fn check(root: &Node) -> Result<(), ComposeError> {
    check::check(root, &shape::Shape::Object(&file::FILE), &TreePath::default())
}

#[cfg(test)]
mod tests;
