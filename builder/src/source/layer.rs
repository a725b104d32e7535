//! A layer's blob to the layer store: verified, unpacked in this process, bounded.
//!
//! Invariant: a layer is published only when its blob was read to the last byte and had the announced digest, and its
//! tar was read to the last byte and had the announced diff ID. What follows the tar's end marker counts.

use std::io::{self, BufRead, BufReader, Read};

use flate2::bufread::MultiGzDecoder;
use oci::DiffId;
use rootfs::layers::Layers;

use super::SourceError;

const BUFFER_BYTES: usize = 128 << 10;

/// The zstd window that is taken, as a power of two: 128 MiB, as the zstd program takes.
const ZSTD_WINDOW_LOG: u32 = 27;

/// No layer unpacks to more.
const MAX_LAYER_BYTES: u64 = 64 << 30;

/// Up to here, a blob may unpack to any multiple of its size.
const FREE_BYTES: u64 = 4 << 30;

/// Beyond [`FREE_BYTES`], a blob may unpack to this multiple of its size.
const MAX_RATIO: u64 = 200;

/// Imports the layer whose blob of `blob_bytes` bytes `blob` reads; returns its diff ID.
pub(super) fn import(
    layers: &Layers,
    blob: impl Read,
    blob_bytes: u64,
    expected: Option<DiffId>,
) -> Result<DiffId, SourceError> {
    let tar = unpacked(blob).map_err(|source| SourceError::Io {
        action: "unpack",
        path: "the layer".into(),
        source,
    })?;
    let limit_bytes = MAX_LAYER_BYTES.min(FREE_BYTES.max(blob_bytes.saturating_mul(MAX_RATIO)));
    Ok(layers.import(&mut Bounded { inner: tar, left_bytes: limit_bytes, limit_bytes }, expected)?)
}

/// The tar in a blob: gzip (of one or more members), zstd, or as it is. The bytes tell, as with other engines: media
/// types have been wrong for as long as there are any.
pub(super) fn unpacked<'a>(blob: impl Read + 'a) -> io::Result<Box<dyn Read + 'a>> {
    let mut blob = BufReader::with_capacity(BUFFER_BYTES, blob);
    let start = blob.fill_buf()?;
    if is_gzip(start) {
        return Ok(Box::new(MultiGzDecoder::new(blob)));
    }
    if is_zstd(start) {
        let mut decoder = zstd::Decoder::with_buffer(blob)?;
        decoder.window_log_max(ZSTD_WINDOW_LOG)?;
        return Ok(Box::new(decoder));
    }
    Ok(Box::new(blob))
}

/// True for what [`unpacked`] unpacks, by its first bytes.
pub(super) fn is_packed(start: &[u8]) -> bool {
    is_gzip(start) || is_zstd(start)
}

fn is_gzip(start: &[u8]) -> bool {
    start.starts_with(&[0x1f, 0x8b])
}

/// A zstd frame, or a skippable one in front of it.
fn is_zstd(start: &[u8]) -> bool {
    start.starts_with(&[0x28, 0xb5, 0x2f, 0xfd])
        || matches!(start, [first, 0x2a, 0x4d, 0x18, ..] if first & 0xf0 == 0x50)
}

struct Bounded<R> {
    inner: R,
    left_bytes: u64,
    limit_bytes: u64,
}

impl<R: Read> Read for Bounded<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = self.inner.read(buffer)?;
        self.left_bytes = self.left_bytes.checked_sub(count as u64).ok_or_else(|| {
            io::Error::new(
                io::ErrorKind::InvalidData,
                format!("it unpacks to more than {} MiB", self.limit_bytes >> 20),
            )
        })?;
        Ok(count)
    }
}
