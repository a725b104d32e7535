//! Layers, the trees they make, and snapshots to run processes in.
//!
//! ```text
//! entry     what a path is: kind, mode, owner, times, xattrs
//! tree      a read-only view of files: `Tree`; lookups that stay inside it
//! layer/    canonical tar: write, read, index; tree <-> tar
//! stack     layers on top of each other, seen as one `Tree`
//! export    a merged tree as a directory
//! diff      changes on top of a `Tree`, collected before they become a layer
//! snapshot  overlayfs: prepare, mount, commit
//! users     /etc/passwd and /etc/group of a tree
//! ```

pub mod diff;
pub mod entry;
mod error;
mod export;
mod layer;
pub mod layers;
pub mod snapshot;
pub mod stack;
#[cfg(test)]
mod testing;
pub mod tree;
pub mod users;

pub use error::RootfsError;
