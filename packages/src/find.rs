//! Finding the databases of a tree: the ones of the system at fixed paths, the others by one walk over all directories.

use std::ffi::OsStr;
use std::io;
use std::path::{Path, PathBuf};

use trees::entry::{Entry, Kind as EntryKind};
use trees::tree::{Child, Tree};

use crate::database::{Found, Problem, beginning};
use crate::limits::{MAX_CONDA_BYTES, MAX_DESCRIPTION_BYTES};
use crate::os_release::Distribution;
use crate::package::Package;
use crate::{apk, conda, dpkg, npm, python, r, rpm};

/// Packages of an image.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub struct Inventory {
    /// Distribution that the packages of the system belong to.
    pub distribution: Distribution,
    /// Packages, sorted and each once.
    pub packages: Vec<Package>,
    /// Databases and files that are not in the list, sorted by path.
    pub problems: Vec<Problem>,
}

/// Lists the packages of a tree. An error means that the tree cannot be read.
pub fn find(tree: &dyn Tree) -> io::Result<Inventory> {
    let mut found = Found::default();
    let distribution = Distribution::of(tree, &mut found)?;
    dpkg::read(tree, &distribution, &mut found)?;
    apk::read(tree, &distribution, &mut found)?;
    rpm::read(tree, &distribution, &mut found)?;
    walk(tree, &mut found)?;
    let Found { mut packages, mut problems } = found;
    packages.sort_unstable();
    packages.dedup();
    problems.sort_by(|one, other| one.path.cmp(&other.path));
    Ok(Inventory { distribution, packages, problems })
}

/// Reads the packages that can be in any directory.
fn walk(tree: &dyn Tree, found: &mut Found) -> io::Result<()> {
    let mut pending = vec![PathBuf::new()];
    while let Some(dir) = pending.pop() {
        for child in tree.children(&dir)? {
            let path = dir.join(&child.name);
            visit(tree, &path, &child, found)?;
            if child.entry.is_dir() {
                pending.push(path);
            }
        }
    }
    Ok(())
}

/// Reads the package that a path describes, if it describes any.
fn visit(tree: &dyn Tree, path: &Path, child: &Child, found: &mut Found) -> io::Result<()> {
    // No package manager makes names that are not UTF-8.
    let Some(name) = child.name.to_str() else { return Ok(()) };
    if let Some(metadata) = python::metadata_in(name, child.entry.is_dir()) {
        let path = if metadata.is_empty() { path.to_owned() } else { path.join(metadata) };
        let bytes = regular(tree, &path, MAX_DESCRIPTION_BYTES)?;
        bytes
            .and_then(|bytes| python::package(&bytes))
            .into_iter()
            .for_each(|package| found.add(&path, package));
        return Ok(());
    }
    match &child.entry {
        Entry { kind: EntryKind::Directory { .. }, .. } => npm_directory(tree, path, name, found),
        Entry { kind: EntryKind::File { .. }, .. } if name == "DESCRIPTION" => {
            let bytes = beginning(tree, path, MAX_DESCRIPTION_BYTES)?;
            r::package(&bytes).into_iter().for_each(|package| found.add(path, package));
            Ok(())
        }
        Entry { kind: EntryKind::File { .. }, .. } if is_conda(path) => conda_file(tree, path, found),
        _ => Ok(()),
    }
}

/// Reports whether a path is a package's file in a `conda-meta` directory.
fn is_conda(path: &Path) -> bool {
    name_above(path) == Some("conda-meta") && path.extension() == Some(OsStr::new("json"))
}

fn conda_file(tree: &dyn Tree, path: &Path, found: &mut Found) -> io::Result<()> {
    let Some(bytes) = found.database(tree, path, MAX_CONDA_BYTES)? else { return Ok(()) };
    match conda::package(&bytes) {
        Ok(package) => found.add(path, package),
        Err(reason) => found.problem(path, reason),
    }
    Ok(())
}

/// Reads the `package.json` of a directory that is in `node_modules`, or in a scope there.
fn npm_directory(tree: &dyn Tree, path: &Path, name: &str, found: &mut Found) -> io::Result<()> {
    let above = name_above(path);
    let is_scoped = above.is_some_and(|scope| scope.starts_with('@'))
        && path.parent().and_then(name_above) == Some("node_modules");
    if name.starts_with(['.', '@']) || (above != Some("node_modules") && !is_scoped) {
        return Ok(());
    }
    let path = path.join("package.json");
    let Some(bytes) = regular(tree, &path, MAX_DESCRIPTION_BYTES)? else { return Ok(()) };
    match npm::package(&bytes) {
        Ok(package) => package.into_iter().for_each(|package| found.add(&path, package)),
        Err(reason) => found.problem(&path, reason),
    }
    Ok(())
}

/// Returns the name of the directory that a path is in.
fn name_above(path: &Path) -> Option<&str> {
    path.parent()?.file_name()?.to_str()
}

/// Reads a file up to `limit_bytes` if it is a regular one.
fn regular(tree: &dyn Tree, path: &Path, limit_bytes: u64) -> io::Result<Option<Vec<u8>>> {
    let is_file = matches!(tree.lookup(path)?, Some(Entry { kind: EntryKind::File { .. }, .. }));
    if is_file { beginning(tree, path, limit_bytes).map(Some) } else { Ok(None) }
}
