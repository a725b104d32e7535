//! Tars, member by member.
//!
//! ```text
//! members        the members of any tar, in: ustar, PAX, GNU; strict
//! sparse         the maps of sparse files
//! write_header   ustar and PAX headers, out
//! ```

pub(crate) mod members;
pub(crate) mod sparse;
pub(crate) mod write_header;

pub use members::{Member, Members};
pub use sparse::Extent;

/// The unit of a tar.
pub(crate) const BLOCK_BYTES: usize = 512;

/// The bytes that pad `size_bytes` to whole blocks.
pub(crate) fn padding(size_bytes: u64) -> usize {
    const BLOCK: u64 = BLOCK_BYTES as u64;
    usize::try_from((BLOCK - size_bytes % BLOCK) % BLOCK).expect("less than a block")
}
