//! A layer as a tar: written, read, and found again.
//!
//! ```text
//! path     names in a tar: clean, in order, within limits
//! header   ustar and PAX headers, out
//! member   the members of any tar, in: ustar, PAX, GNU; strict
//! sparse   the maps of sparse files
//! write    entries -> canonical tar + index
//! gather   members of a foreign tar -> what they leave, as an extractor would
//! import   a foreign tar -> blob + index
//! index    what is in a tar and where: one sidecar file
//! stored   the bytes of a file that lies in a tar
//! pyc      times inside Python's byte code
//! pipe     a second thread that hashes and writes
//! ```
//!
//! Canonical form, the same bytes for the same entries on any machine: entries in the order of their paths' components,
//! parents first; ustar headers with numeric owners, and PAX records (sorted) for what does not fit; whole seconds, none
//! negative, none later than the clamp; a hard link points to the first of its names; a directory ends in `/`; an opaque
//! one is followed by its marker; a whiteout stands where the name that it hides would; two zero blocks at the end.

pub(crate) mod extract;
pub(crate) mod gather;
pub(crate) mod import;
pub(crate) mod new_entry;
mod pipe;
mod pyc;
pub(crate) mod stored;
#[cfg(test)]
mod tests;
pub(crate) mod write;

/// What a removed name starts with in a tar.
pub(crate) const WHITEOUT_PREFIX: &[u8] = b".wh.";
/// The name that makes its directory hide lower layers.
pub(crate) const OPAQUE_MARKER: &[u8] = b".wh..wh..opq";
