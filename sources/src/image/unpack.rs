//! Unpacking: from the blob of a layer to the layer in the store, verified and bounded.
//!
//! Invariant: a layer is published only if its blob was read to the last byte and has the announced digest, and its tar was
//! read to the last byte and has the announced diff ID. Bytes behind the tar's end marker count.

use std::io::{self, BufReader, Read};
use std::sync::atomic::{AtomicU64, Ordering};

use cache::ZeroCounter;
use flate2::bufread::MultiGzDecoder;
use oci::DiffId;
use rootfs::layers::Layers;

use super::ahead::read_ahead;
use super::error::SourceError;
use super::uninterrupted::Uninterrupted;

/// Size of the buffer that a blob is read through.
const BUFFER_BYTES: usize = 128 << 10;

/// Number of bytes at the start of a blob that show its compression.
const START_BYTES: usize = 4;

/// Largest zstd window that is accepted, as a power of two: 128 MiB, the limit of the zstd program.
const MAX_ZSTD_WINDOW_LOG: u32 = 27;

/// Largest size that any layer can unpack to.
const MAX_LAYER_BYTES: u64 = 64 << 30;

/// Size that any blob can unpack to, however small it is.
const MIN_LIMIT_BYTES: u64 = 4 << 30;

/// Largest ratio between a layer and its blob, for layers beyond [`MIN_LIMIT_BYTES`].
const MAX_RATIO: u64 = 200;

/// Largest length of all long runs of zeros in a layer. They are the holes of its files, take no disk space, and count for no
/// other limit.
const MAX_ZERO_BYTES: u64 = 64 << 30;

/// Imports the layer that is read from `blob`, whose size is `blob_bytes`, and returns its diff ID.
pub(super) fn import(
    layers: &Layers,
    blob: impl Read + Send,
    blob_bytes: u64,
    expected: Option<DiffId>,
) -> Result<DiffId, SourceError> {
    let limit_bytes = MAX_LAYER_BYTES.min(limit_bytes(blob_bytes));
    read_ahead(blob, |blob| {
        let tar = unpacked(blob).map_err(|source| SourceError::Io {
            action: "unpack",
            path: "the layer".into(),
            source,
        })?;
        read_ahead(tar, |tar| {
            let mut tar = Bounded::new(tar, limit_bytes);
            Ok(layers.import(&mut tar, expected)?)
        })
    })
}

/// Returns the size that so many packed bytes can unpack to.
fn limit_bytes(packed_bytes: u64) -> u64 {
    MIN_LIMIT_BYTES.max(packed_bytes.saturating_mul(MAX_RATIO))
}

/// Writes an archive, unpacked, to `out`. Fails once more comes out than the bytes that went in can unpack to.
///
/// The size of a stream is unknown, so the limit grows while the stream is read.
pub(super) fn spool(archive: impl Read + Send, out: &mut impl io::Write) -> io::Result<()> {
    let packed_bytes = AtomicU64::new(0);
    let mut unpacked = unpacked(Counted { inner: archive, read_bytes: &packed_bytes })?;
    let mut buffer = vec![0; BUFFER_BYTES];
    let mut read = ZeroCounter::default();
    loop {
        let count = unpacked.read(&mut buffer)?;
        if count == 0 {
            return Ok(());
        }
        read.add(&buffer[..count]);
        check(&read, limit_bytes(packed_bytes.load(Ordering::Relaxed)), MAX_ZERO_BYTES)?;
        out.write_all(&buffer[..count])?;
    }
}

/// Reader that counts its bytes.
struct Counted<'a, R> {
    inner: R,
    read_bytes: &'a AtomicU64,
}

impl<R: Read> Read for Counted<'_, R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = self.inner.read(buffer)?;
        self.read_bytes.fetch_add(count as u64, Ordering::Relaxed);
        Ok(count)
    }
}

/// Fails if more than a limit has been read.
fn check(read: &ZeroCounter, limit_bytes: u64, limit_zeros: u64) -> io::Result<()> {
    let excess = |bytes: u64, what: &str| {
        let message = format!("it unpacks to more than {} MiB{what}", bytes >> 20);
        Err(io::Error::new(io::ErrorKind::InvalidData, message))
    };
    if read.data_bytes() > limit_bytes {
        return excess(limit_bytes, "");
    }
    if read.zero_bytes() > limit_zeros { excess(limit_zeros, " of zeros") } else { Ok(()) }
}

/// Returns a reader of the tar in a blob: gzip (of one or more members), zstd, or not compressed. Archives that people pack by
/// themselves can be xz or bzip2 as well.
///
/// The first bytes decide, as in other engines, because media types are often wrong.
pub fn unpacked<'a>(blob: impl Read + Send + 'a) -> io::Result<Box<dyn Read + Send + 'a>> {
    let mut blob = Uninterrupted(blob);
    // A pipe can give its first bytes one by one.
    let mut start = Vec::with_capacity(START_BYTES);
    blob.by_ref().take(START_BYTES as u64).read_to_end(&mut start)?;
    let (is_gzip, is_zstd) = (is_gzip(&start), is_zstd(&start));
    let (is_xz, is_bzip2) = (is_xz(&start), is_bzip2(&start));
    let blob = BufReader::with_capacity(BUFFER_BYTES, io::Cursor::new(start).chain(blob));
    if is_gzip {
        return Ok(Box::new(MultiGzDecoder::new(blob)));
    }
    if is_zstd {
        let mut decoder = zstd::Decoder::with_buffer(blob)?;
        decoder.window_log_max(MAX_ZSTD_WINDOW_LOG)?;
        return Ok(Box::new(decoder));
    }
    if is_xz {
        return Ok(Box::new(lzma_rust2::XzReader::new(blob, true)));
    }
    if is_bzip2 {
        return Ok(Box::new(bzip2::bufread::MultiBzDecoder::new(blob)));
    }
    Ok(Box::new(blob))
}

/// Reports whether [`unpacked`] decompresses a blob that begins with `start`.
pub(super) fn is_compressed(start: &[u8]) -> bool {
    is_gzip(start) || is_zstd(start) || is_xz(start) || is_bzip2(start)
}

fn is_gzip(start: &[u8]) -> bool {
    start.starts_with(&[0x1f, 0x8b])
}

/// Reports whether a blob begins as an xz file does, as far as [`START_BYTES`] show it.
fn is_xz(start: &[u8]) -> bool {
    start.starts_with(&[0xfd, b'7', b'z', b'X'])
}

fn is_bzip2(start: &[u8]) -> bool {
    matches!(start, [b'B', b'Z', b'h', level, ..] if level.is_ascii_digit())
}

/// Reports whether a blob begins with a zstd frame, or with a skippable frame in front of one.
fn is_zstd(start: &[u8]) -> bool {
    start.starts_with(&[0x28, 0xb5, 0x2f, 0xfd])
        || matches!(start, [first, 0x2a, 0x4d, 0x18, ..] if first & 0xf0 == 0x50)
}

/// Reader that fails once more than a limit has been read.
struct Bounded<R> {
    inner: R,
    limit_bytes: u64,
    limit_zeros: u64,
    read: ZeroCounter,
}

impl<R> Bounded<R> {
    /// Wraps a reader of at most `limit_bytes` without zeros.
    fn new(inner: R, limit_bytes: u64) -> Self {
        Self { inner, limit_bytes, limit_zeros: MAX_ZERO_BYTES, read: ZeroCounter::default() }
    }
}

impl<R: Read> Read for Bounded<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = self.inner.read(buffer)?;
        self.read.add(&buffer[..count]);
        check(&self.read, self.limit_bytes, self.limit_zeros)?;
        Ok(count)
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use super::*;
    use oci::media_type::Compression;
    use testing::{Env, packed, tar};

    fn unpack(blob: &[u8]) -> io::Result<Vec<u8>> {
        let mut tar = Vec::new();
        unpacked(blob)?.read_to_end(&mut tar)?;
        Ok(tar)
    }

    #[test]
    fn the_first_bytes_decide_on_the_compression() {
        let tar = tar(&[("f", "content")]);
        for compression in [Compression::None, Compression::Gzip, Compression::Zstd] {
            assert_eq!(unpack(&packed(&tar, compression)).expect("unpacked"), tar, "{compression:?}");
        }
        // A skippable frame in front, as zstd:chunked and eStargz tools write them.
        let skippable =
            [&[0x50, 0x2a, 0x4d, 0x18, 3, 0, 0, 0, 1, 2, 3], &packed(&tar, Compression::Zstd)[..]].concat();
        assert_eq!(unpack(&skippable).expect("unpacked"), tar);
        assert_eq!(unpack(b"").expect("nothing"), b"");
    }

    #[test]
    fn archives_that_people_pack_are_unpacked() {
        // `printf content | xz`, and the same with bzip2.
        let xz = "fd377a585a000004e6d6b4460200210116000000742fe5a3010006636f6e74656e740000dc8d3522ffc1477b00011f07162eb8731fb6f37d010000000004595a";
        let bzip2 = "425a6839314159265359230dcafd00000001800a01840020002183419a01530b8bb9229c28481186e57e80";
        for packed in [xz, bzip2] {
            let bytes: Vec<u8> = (0..packed.len())
                .step_by(2)
                .map(|at| u8::from_str_radix(&packed[at..at + 2], 16).expect("hex"))
                .collect();
            assert_eq!(unpack(&bytes).expect("unpacked"), b"content");
            assert!(is_compressed(&bytes));
        }
        assert!(!is_compressed(b"BZhello") && !is_compressed(b""));
    }

    /// Reader that interrupts every other read, and gives few bytes in the others.
    struct Interrupting<'a>(&'a [u8], bool);

    impl Read for Interrupting<'_> {
        fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
            self.1 = !self.1;
            let few = buffer.len().min(3);
            if self.1 { Err(io::ErrorKind::Interrupted.into()) } else { self.0.read(&mut buffer[..few]) }
        }
    }

    #[test]
    fn an_interrupted_read_is_made_again() {
        let tar = tar(&[("f", "content")]);
        for compression in [Compression::None, Compression::Gzip, Compression::Zstd] {
            let blob = packed(&tar, compression);
            let mut unpacked = unpacked(Interrupting(&blob, false)).expect("the start can be read");
            let mut read = vec![0; tar.len()];
            let mut filled = 0;
            // Each call counts: readers of tars do not repeat an interrupted one.
            while filled < read.len() {
                match unpacked.read(&mut read[filled..]).expect("no read is interrupted") {
                    0 => break,
                    count => filled += count,
                }
            }
            assert_eq!(read, tar, "{compression:?}");
        }
    }

    #[test]
    fn a_huge_zstd_window_is_refused() {
        let compressed = |window_log| {
            let mut encoder = zstd::Encoder::new(Vec::new(), 1).expect("an encoder");
            encoder.window_log(window_log).expect("a valid window");
            encoder.write_all(b"few bytes").and_then(|()| encoder.finish()).expect("compress into memory")
        };
        assert_eq!(unpack(&compressed(MAX_ZSTD_WINDOW_LOG)).expect("the largest window"), b"few bytes");
        unpack(&compressed(MAX_ZSTD_WINDOW_LOG + 1)).expect_err("a larger window");
    }

    #[test]
    fn an_archive_that_unpacks_to_too_much_is_refused() {
        // Each frame is one block of 128 KiB in a few bytes; 4 GiB and more come out of 1 MB.
        let frame = zstd::encode_all(&vec![1; 128 << 10][..], 1).expect("compress into memory");
        let bomb = io::Cursor::new(frame.repeat((4 << 30) / (128 << 10) + 1));
        let error = spool(bomb, &mut io::sink()).expect_err("a bomb");
        assert_eq!(error.to_string(), "it unpacks to more than 4096 MiB");
        // A stream that does not shrink has no limit.
        assert_eq!(limit_bytes(1 << 40), 200 << 40);
        let mut out = Vec::new();
        spool(&b"text"[..], &mut out).expect("written");
        assert_eq!(out, b"text");
    }

    #[test]
    fn a_layer_that_unpacks_to_too_much_is_refused() {
        let mut bounded = Bounded::new(io::repeat(1), 100 << 20);
        let error = io::copy(&mut bounded, &mut io::sink()).expect_err("endless");
        assert_eq!(error.to_string(), "it unpacks to more than 100 MiB");
        let env = Env::new();
        // The tar ends at once, but bytes after its end count, too.
        let endless = io::repeat(0).take(1024).chain(io::repeat(1).take(1 << 40));
        let mut bounded = Bounded::new(endless, 1 << 20);
        let error = env.layers.import(&mut bounded, None).expect_err("not published");
        assert!(SourceError::from(error).chain().contains("more than 1 MiB"));
    }

    #[test]
    fn zeros_have_a_limit_of_their_own() {
        let mut bounded = Bounded::new(io::repeat(0).take(100 << 20), 1 << 20);
        assert_eq!(io::copy(&mut bounded, &mut io::sink()).expect("few"), 100 << 20);
        let mut bounded = Bounded::new(io::repeat(0), 1 << 20);
        bounded.limit_zeros = 100 << 20;
        let error = io::copy(&mut bounded, &mut io::sink()).expect_err("endless");
        assert_eq!(error.to_string(), "it unpacks to more than 100 MiB of zeros");
    }
}
