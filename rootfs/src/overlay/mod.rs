//! Mounting layers on top of each other with overlayfs.
//!
//! ```text
//! lower      a directory or a mount that serves as a lower layer
//! attached   a mount that is attached for a moment
//! options    options that every overlay has
//! mount      mounting: the choice of the API, and stacks that are too high for one overlay
//! probe      whether a file system can hold an upper directory
//! ```

mod attached;
mod lower;
mod mount;
mod options;
mod probe;

pub(crate) use attached::Attached;
pub(crate) use lower::{Lower, LowerMount};
pub(crate) use mount::{MountApi, Overlay};
pub use options::MAX_LAYERS;
pub(crate) use options::MAX_LOWERS;
pub(crate) use probe::unfit_file_system;
