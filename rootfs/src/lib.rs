//! Layers, the trees they make, and snapshots to run processes in.
//!
//! ```text
//! entry     what a path is: kind, mode, owner, times, xattrs
//! tree      a read-only view of files: `Tree`; lookups that stay inside it
//! layer/    canonical tar: write, read, index; tree <-> tar
//! erofs/    a layer's tar as a file system, mounted in place
//! stack     layers on top of each other, seen as one `Tree`
//! export    a merged tree as a directory
//! diff      changes on top of a `Tree`, collected before they become a layer
//! snapshot  overlayfs: prepare, mount, commit; mount sources
//! users     /etc/passwd and /etc/group of a tree
//!
//! materialize   a `Tree` becomes files on disk
//! dir_tree      a directory of ours as a `Tree`
//! create        making what an `Entry` says
//! safe_path     opening paths below a directory, never outside of it
//! xattr         extended attributes: a layer's, and overlayfs' own
//! ```

mod clone_mount;
mod content;
mod create;
pub mod diff;
mod dir_tree;
pub mod entry;
mod erofs;
mod error;
mod file_range;
mod index;
mod layer;
pub mod layers;
pub mod materialize;
mod overlay;
mod path;
mod safe_path;
pub mod snapshot;
pub mod tar;
#[cfg(test)]
mod testing;
mod times;
pub mod tree;
pub mod users;
mod xattr;

pub use create::Skipped;
pub use error::RootfsError;
