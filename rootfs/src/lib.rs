//! Layers, the trees that they make, and snapshots to run processes in.
//!
//! A layer has several representations, all derived from its tar: an index of its entries, an EROFS image that mounts
//! the tar in place, and a tree on disk. A stack of layers is seen as one [`tree::Tree`], without making any file.
//!
//! The modules form levels, and each uses the levels below it only:
//!
//! ```text
//! snapshot         a root file system that processes can change, and its commit; mount sources
//! layers           the layers of a store in all representations; the merged view; exports
//! ---------------------------------------------------------------------------------------------
//! mkdir            directories on the way to a path of a diff
//! diff             changes on top of a tree, before they become a layer
//! overlay          mounting directories and mounts on top of each other with overlayfs
//! erofs            index -> EROFS image; mounting an image over its tar
//! layer            new entries -> tar and index; foreign tar -> index; tar and index -> tree on disk
//! index            the entries of a tar and the positions of their bytes
//! ---------------------------------------------------------------------------------------------
//! copy             a tree copied to disk for a process to change, and the changes, found by comparison
//! materialize      writing a tree to disk
//! create           making the file that an entry describes
//! dir_tree         a directory on disk as a tree
//! clone_mount      a directory or file as a mount of its own
//! xattr            extended attributes: the ones of layers, and overlayfs' own
//! safe_path        opening paths in trees that an image or a process controls
//! ---------------------------------------------------------------------------------------------
//! tree             a read-only view of files; resolution of symlinks inside it
//! content          sources of the content of new files
//! sparse           reading, hashing and copying content with holes
//! entry, times     the metadata of a path; the times that a tar keeps
//! memory_tree      a tree in memory, for tests
//! path             paths in layers: clean, ordered, within limits
//! change           a path that differs from the layers below
//! error            the error type
//! ```

#![cfg_attr(test, allow(clippy::disallowed_methods, reason = "tests damage stores on purpose"))]

mod change;
mod clone_mount;
mod content;
mod copy;
mod create;
pub mod diff;
mod dir_tree;
pub mod entry;
mod erofs;
mod error;
mod id_map;
mod index;
mod layer;
pub mod layers;
pub mod materialize;
#[cfg(any(test, feature = "testing"))]
#[path = "testing/memory_tree.rs"]
pub mod memory_tree;
pub mod mkdir;
mod overlay;
mod path;
mod safe_path;
pub mod snapshot;
pub mod sparse;
#[cfg(test)]
mod testing;
mod times;
pub mod tree;
mod xattr;

pub use create::Skipped;
pub use error::RootfsError;
