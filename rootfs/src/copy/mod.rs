//! A merged tree, copied to a directory that a process changes: the base of the driver for file systems without overlays.
//!
//! ```text
//! fill       writing a tree to a directory, and the difference between two trees to one that has the first of them
//! baseline   the facts about every path before a process runs
//! compare    the changes of the process, found by comparing these facts with those after it
//! parents    directories in which a sandbox had made mount points
//! kept       copies of earlier snapshots, which later ones take over
//! ```
//!
//! A copy is made from the tars of the layers, since its files must be files of their own: a process writes to them in
//! place. Reflinks are no help there: a file in a tar does not begin at a block of the file system. So a copy costs as much
//! as unpacking all layers, and the way to be fast is to make few: a step takes over the copy of the step below it.
//!
//! Overlayfs gives each name of a file with several names a copy of its own when the file changes. To leave the same layers,
//! names are copied as separate files.

mod baseline;
mod compare;
mod fill;
mod kept;
mod parents;

pub(crate) use baseline::Baseline;
pub(crate) use compare::changes;
pub(crate) use fill::{Touched, fill, update};
pub(crate) use kept::{KeptCopies, KeptCopy};
pub(crate) use parents::restore_times;
