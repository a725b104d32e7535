//! Trees with databases, and the packages in them as short lines.

use packages::{Inventory, find};
use trees::memory_tree::MemoryTree;

/// Returns a tree with these files.
pub fn tree(files: &[(&str, &[u8])]) -> MemoryTree {
    files.iter().fold(MemoryTree::new(), |tree, (path, content)| tree.file(path, content))
}

/// Lists the packages of a tree with these files.
pub fn inventory(files: &[(&str, &[u8])]) -> Inventory {
    find(&tree(files)).expect("a tree in memory can be read")
}

/// Returns the packages as lines `kind name version architecture`.
pub fn lines(inventory: &Inventory) -> Vec<String> {
    let line = |package: &packages::Package| {
        let architecture = package.architecture.as_deref().unwrap_or("-");
        format!("{} {} {} {architecture}", package.kind, package.name, package.version)
    };
    inventory.packages.iter().map(line).collect()
}

/// Returns the reasons of the problems.
pub fn reasons(inventory: &Inventory) -> Vec<String> {
    inventory.problems.iter().map(ToString::to_string).collect()
}
