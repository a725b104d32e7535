//! Compressed layers: blobs of one or more gzip members or zstd frames, whole, cut off and damaged.
//!
//! The first byte of the input selects how the rest becomes a blob (`Form`), the next two where the blob is cut and
//! damaged. Form 0 takes the rest as the blob itself.

use std::io::{self, Read, Write};

use export::{LayerCompression, pack};
use sources::testing::unpacked;

/// Largest output that is compared, more than two blocks of dsbuild's gzip; other limits refuse bombs.
const MAX_BYTES: usize = 3 << 20;
/// Number of bytes at the start of a blob that decide on its compression.
const START_BYTES: usize = 4;

/// Blob, its content if that is known, and the places where a cut leaves a complete blob.
struct Blob {
    bytes: Vec<u8>,
    content: Option<Vec<u8>>,
    ends: Vec<usize>,
}

/// Checks these properties:
///
/// - A blob that dsbuild or another program made unpacks to its content.
/// - Any other blob unpacks to what the one-shot decoder of its format makes of it.
/// - Short reads and interrupted ones change nothing.
/// - A blob that is cut inside a member or frame is an error, after a beginning of the content.
pub fn check(input: &[u8]) {
    let Some((&[form, cut, damage], rest)) = input.split_first_chunk() else { return };
    let blob = make(form, rest);
    let whole = read(&blob.bytes);
    assert_eq!(whole, read_slowly(&blob.bytes, usize::from(damage % 7) + 1));
    match &blob.content {
        Some(content) => assert_eq!(whole.as_ref(), Ok(content)),
        None => check_any(&blob.bytes),
    }
    if let Some(content) = &blob.content {
        check_cut(&blob, usize::from(cut) * blob.bytes.len() / 256, content);
    }
    let mut damaged = blob.bytes;
    if let Some(at) = damaged.len().checked_sub(1).map(|last| usize::from(cut) * last / 255) {
        damaged[at] ^= damage;
    }
    check_any(&damaged);
}

/// Checks a blob whose content is unknown.
///
/// The decoders of zstd differ in what they refuse: only the one-shot one an empty last block after a wrong length in the
/// header, and only the stream a large window. The digest of the layer decides about such a blob.
fn check_any(blob: &[u8]) {
    match (read(blob).ok(), one_shot(blob)) {
        (None, _) | (_, None) if is_zstd(blob) => {}
        (found, expected) => assert_eq!(found, expected),
    }
}

fn check_cut(blob: &Blob, at: usize, content: &[u8]) {
    if at < START_BYTES {
        return;
    }
    let mut part = Vec::new();
    let result = unpacked(&blob.bytes[..at]).and_then(|mut reader| reader.read_to_end(&mut part));
    assert!(content.starts_with(&part), "cut at {at}");
    assert_eq!(result.is_ok(), blob.ends.contains(&at), "cut at {at} of {:?}", blob.ends);
}

/// Makes a blob. Each of the forms cuts `rest` into two parts, so that there are several members or frames.
fn make(form: u8, rest: &[u8]) -> Blob {
    let parts = rest.split_at(rest.len() / 3);
    let level = u32::from(form / 8);
    let gzip = LayerCompression::Gzip { level: level % 10 };
    match form % 8 {
        1 => joined(&[gzip_member(parts.0, level), gzip_member(parts.1, level)], rest),
        2 => joined(&[zstd_frame(parts.0, level), skippable(level), zstd_frame(parts.1, level)], rest),
        3 => joined(&[skippable(level), zstd_frame(rest, level)], rest),
        4 => own(gzip, rest.to_vec()),
        // As long as several blocks of the compressor, which works on them at once.
        5 => own(
            gzip,
            rest.iter()
                .copied()
                .cycle()
                .take(rest.len() * (usize::from(form) << 4))
                .take(MAX_BYTES - 1)
                .collect(),
        ),
        6 => own(LayerCompression::Zstd { level: 1 + i32::from(form / 8) % 6 }, rest.to_vec()),
        _ => Blob { bytes: rest.to_vec(), content: None, ends: Vec::new() },
    }
}

fn joined(parts: &[Vec<u8>], content: &[u8]) -> Blob {
    let end = |end: &mut usize, part: &Vec<u8>| {
        *end += part.len();
        Some(*end)
    };
    Blob { bytes: parts.concat(), content: Some(content.to_vec()), ends: parts.iter().scan(0, end).collect() }
}

fn own(compression: LayerCompression, content: Vec<u8>) -> Blob {
    let mut bytes = Vec::new();
    pack(&mut &content[..], &mut bytes, compression).expect("compress into memory");
    let ends = vec![bytes.len()];
    Blob { bytes, content: Some(content), ends }
}

fn gzip_member(content: &[u8], level: u32) -> Vec<u8> {
    let header = flate2::GzBuilder::new().filename("layer.tar").comment("a comment").extra(vec![1, 2, 3]);
    let mut encoder = header.write(Vec::new(), flate2::Compression::new(level % 10));
    encoder.write_all(content).and_then(|()| encoder.finish()).expect("compress into memory")
}

fn zstd_frame(content: &[u8], level: u32) -> Vec<u8> {
    let level = i32::try_from(level % 8).expect("a small number");
    zstd::encode_all(content, level).expect("compress into memory")
}

fn skippable(length: u32) -> Vec<u8> {
    let content = vec![0x28; usize::try_from(length).expect("a small number")];
    [&[0x5a, 0x2a, 0x4d, 0x18], &length.to_le_bytes()[..], &content].concat()
}

/// Returns the content of a blob; the kind of the error if there is one.
fn read(blob: &[u8]) -> Result<Vec<u8>, io::ErrorKind> {
    drain(blob)
}

fn drain<'a>(blob: impl Read + Send + 'a) -> Result<Vec<u8>, io::ErrorKind> {
    let mut content = Vec::new();
    let limit = MAX_BYTES as u64;
    let result = unpacked(blob).and_then(|reader| reader.take(limit).read_to_end(&mut content));
    result.map(|_| content).map_err(|error| error.kind())
}

/// Reads a blob in pieces of `length` bytes, every other one after an interruption.
fn read_slowly(blob: &[u8], length: usize) -> Result<Vec<u8>, io::ErrorKind> {
    drain(Slow { rest: blob, length, is_interrupted: false })
}

struct Slow<'a> {
    rest: &'a [u8],
    length: usize,
    is_interrupted: bool,
}

impl Read for Slow<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.is_interrupted = !self.is_interrupted;
        if self.is_interrupted {
            return Err(io::ErrorKind::Interrupted.into());
        }
        let length = buffer.len().min(self.length);
        self.rest.read(&mut buffer[..length])
    }
}

/// Returns the content of a blob by the decoder that takes the blob at once; `None` for an error.
fn one_shot(blob: &[u8]) -> Option<Vec<u8>> {
    let mut content = match blob {
        [0x1f, 0x8b, ..] => gzip_members(blob)?,
        _ if is_zstd(blob) => zstd_frames(blob)?,
        _ => blob.to_vec(),
    };
    content.truncate(MAX_BYTES);
    Some(content)
}

fn is_zstd(blob: &[u8]) -> bool {
    matches!(blob, [0x28, 0xb5, 0x2f, 0xfd, ..] | [0x50..=0x5f, 0x2a, 0x4d, 0x18, ..])
}

/// Decodes one member after the other.
fn gzip_members(mut blob: &[u8]) -> Option<Vec<u8>> {
    let mut content = Vec::new();
    while !blob.is_empty() && content.len() < MAX_BYTES {
        let mut member = flate2::bufread::GzDecoder::new(blob);
        member.read_to_end(&mut content).ok()?;
        blob = member.into_inner();
    }
    Some(content)
}

/// Decodes all frames into a buffer that is as long as they can become.
fn zstd_frames(blob: &[u8]) -> Option<Vec<u8>> {
    let mut decoder = zstd::bulk::Decompressor::new().ok()?;
    decoder.decompress(blob, MAX_BYTES).ok()
}
