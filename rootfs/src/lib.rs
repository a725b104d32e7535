//! Layers, and snapshots to run processes in.
//!
//! A layer has several representations, all derived from its tar: an index of its entries, an EROFS image that mounts
//! the tar in place, and a tree on disk. A stack of layers is seen as one [`trees::tree::Tree`], without making any file.
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
//! ---------------------------------------------------------------------------------------------
//! content          sources of the content of new files
//! times            the times that a tar keeps
//! change           a path that differs from the layers below
//! error            the error type
//! ```

#![cfg_attr(test, allow(clippy::disallowed_methods, reason = "tests damage stores on purpose"))]

mod change;
mod content;
mod copy;
pub mod diff;
mod erofs;
mod error;
mod index;
mod layer;
pub mod layers;
pub mod mkdir;
mod overlay;
pub mod snapshot;
#[cfg(test)]
mod testing;
mod times;

pub use error::RootfsError;
