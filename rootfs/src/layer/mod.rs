//! One layer, from one representation to another.
//!
//! ```text
//! new_entry       an entry that is about to be written
//! write           new entries -> canonical tar + index
//! entry_header    a new entry -> its header in the tar
//! load            reading the small files of a layer ahead, several at a time
//! source          reading the content of a new entry, and noticing that it changed
//! import          foreign tar -> blob + index
//! gather          members of a foreign tar -> the entries that unpacking them would leave
//! extract         tar + index -> tree on disk
//! stored          the content of a file that is stored in a tar
//! pyc             source times inside Python's byte code
//! pipe            a second thread that hashes and writes
//! ```
//!
//! A canonical tar has the same bytes for the same entries on any machine:
//!
//! - Entries are in the order of their paths' components, parents first.
//! - Headers are ustar with numeric owners, preceded by sorted PAX records for values that do not fit.
//! - Times are whole seconds, and none is later than the clamp.
//! - A hard link points to the first name of its file. The name of a directory ends in `/`.
//! - An opaque directory is followed by its marker. A whiteout is at the position of the name that it removes.
//! - Two zero blocks end the tar.

mod entry_header;
pub(crate) mod extract;
mod gather;
pub(crate) mod import;
mod load;
pub(crate) mod new_entry;
mod pipe;
mod pyc;
mod source;
pub(crate) mod stored;
#[cfg(test)]
mod tests;
pub(crate) mod write;

/// Prefix that turns a name in a tar into a whiteout of that name.
const WHITEOUT_PREFIX: &[u8] = b".wh.";
/// Name of a file in a tar that makes its directory opaque.
const OPAQUE_MARKER: &[u8] = b".wh..wh..opq";
