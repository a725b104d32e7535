//! Tars: reading the members of any tar, and writing the headers of a canonical one.
//!
//! ```text
//! members        reader: the members of any tar (ustar, PAX, GNU), in one pass
//! extensions     PAX records and long names before a member
//! member         one member, as its headers describe it
//! read_header    decoding of a ustar header block
//! pax            decoding of the records of a PAX header
//! sparse         decoding of the maps of sparse files
//! number         decoding of numbers in headers and records
//! write_header   encoding of ustar and PAX headers
//! ```
//!
//! This crate knows tars but no layers: whiteouts are ordinary members to it, and names are not yet cleaned.

mod error;
mod extensions;
mod member;
mod members;
mod number;
mod pax;
mod read_header;
mod sparse;
#[cfg(test)]
mod tests;
mod timestamp;
mod write_header;

pub use error::TarError;
pub use member::{Extent, Member};
pub use members::Members;
pub use timestamp::Timestamp;
pub use write_header::Header;

/// Unit of a tar: headers and the content of files each fill whole blocks.
pub const BLOCK_BYTES: usize = 512;

/// Returns the number of bytes that pad `size_bytes` to whole blocks.
pub fn padding(size_bytes: u64) -> usize {
    const BLOCK: u64 = BLOCK_BYTES as u64;
    usize::try_from((BLOCK - size_bytes % BLOCK) % BLOCK).expect("less than a block")
}
