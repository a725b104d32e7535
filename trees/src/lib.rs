//! Trees of files: a read-only view of them, reading one from a directory, and writing one to a directory.
//!
//! A tree is the files of an image, of a stack of layers, or of a directory. No module here knows a layer or the store.
//!
//! The modules form levels, and each uses the levels below it only:
//!
//! ```text
//! materialize      writing a tree to disk
//! create           making the file that an entry describes
//! dir_tree         a directory on disk as a tree
//! clone_mount      a directory or file as a mount of its own
//! xattr            extended attributes: the ones of layers, and overlayfs' own
//! id_map           the IDs that the user namespace of this process has
//! safe_path        opening paths in trees that an image or a process controls
//! ---------------------------------------------------------------------------------------------
//! tree             a read-only view of files; resolution of symlinks inside it
//! sparse           reading, hashing and copying content with holes
//! entry            the metadata of a path
//! memory_tree      a tree in memory, for tests
//! path             paths in trees: clean, ordered, within limits
//! error            the error type
//! ```

#![cfg_attr(test, allow(clippy::disallowed_methods, reason = "tests damage trees on purpose"))]

pub mod clone_mount;
pub mod create;
pub mod dir_tree;
pub mod entry;
mod error;
pub mod id_map;
pub mod materialize;
#[cfg(any(test, feature = "testing"))]
pub mod memory_tree;
pub mod path;
pub mod safe_path;
pub mod sparse;
pub mod tree;
pub mod xattr;

pub use create::Skipped;
pub use error::{TreeError, bad_entry, failed};
