//! Recognition of archives, and the place of their bytes.
//!
//! The name of a file does not count. A file is an archive if its content, after decompression of gzip, bzip2, xz or
//! zstd where the first bytes show one of these, begins with a tar header. The whole archive is then decompressed into
//! a file without a name in the scratch directory. Its members are found there, and their bytes are read from there when
//! the layer is written.
//!
//! Invariants: no program is started; no more than [`LIMITS`] allow is unpacked; decompressors get a bounded window.
//!
//! Source: moby/moby `pkg/archive`, `DecompressStream` and `IsArchivePath`.

use std::fs::File;
use std::io::{self, BufReader, Cursor, Read, Seek, SeekFrom};
use std::os::unix::fs::FileExt;
use std::path::Path;
use std::sync::Arc;

use rustix::fs::{Mode, OFlags};

use crate::ArchiveError;
use crate::limits::LIMITS;
use cache::SparseWriter;
use tarball::{Member, Members};
use trees::tree::Tree;

/// Number of first bytes that identify every known compression.
const MAGIC_BYTES: usize = 6;
/// Unit of a tar.
const BLOCK_BYTES: usize = 512;
/// Base-2 logarithm of the largest zstd window, which is zstd's own default (128 MiB).
const ZSTD_WINDOW_LOG: u32 = 27;

/// A decompressed archive in a file without a name.
pub struct Archive {
    /// Name of the archive as the user wrote it, for messages.
    pub name: String,
    spool: Arc<File>,
    spool_bytes: u64,
    /// Reason why decompression ended early. It does not matter if the tar was complete by then.
    cut: Option<String>,
}

impl Archive {
    /// Decompresses the file at `path`. Returns `None` if it is not an archive.
    pub fn open(
        source: &dyn Tree,
        path: &Path,
        name: &str,
        scratch: &Path,
    ) -> Result<Option<Self>, ArchiveError> {
        let Some(mut tar) = decompressed(source.open(path).map_err(ArchiveError::read(path))?) else {
            return Ok(None);
        };
        let Some(start) = tar_start(&mut tar) else { return Ok(None) };
        let packed_bytes =
            match source.lookup(path).map_err(ArchiveError::read(path))?.map(|entry| entry.kind) {
                Some(trees::entry::Kind::File { size_bytes }) => size_bytes,
                _ => 0,
            };
        let spool = nameless_file(scratch).map_err(ArchiveError::read(scratch))?;
        let limit = LIMITS.of(packed_bytes);
        let (filled, cut) = fill(&spool, Cursor::new(start).chain(tar), limit)
            .map_err(|source| ArchiveError::Read { path: scratch.to_owned(), source })?;
        if let Some(reason) = filled.excess(limit) {
            return Err(ArchiveError::Broken { path: name.to_owned(), reason });
        }
        let (name, spool_bytes) = (name.to_owned(), filled.size_bytes);
        Ok(Some(Self { name, spool: Arc::new(spool), spool_bytes, cut }))
    }

    /// Calls `take` with each member, the file that holds its bytes, and their offset in that file.
    pub(super) fn each(
        &self,
        mut take: impl FnMut(&Member, &Arc<File>, u64) -> Result<(), ArchiveError>,
    ) -> Result<(), ArchiveError> {
        let mut reader = &*self.spool;
        reader.seek(SeekFrom::Start(0)).map_err(|source| self.broken(source))?;
        let mut members = Members::new(BufReader::new(reader.take(self.spool_bytes)));
        let mut spool_end = self.spool_bytes;
        let mut tar_end = 0;
        let mut count = 0;
        while let Some(member) = members.next().map_err(|error| self.broken(error))? {
            count += 1;
            if count > LIMITS.members {
                return Err(self.broken(format!("it has more than {} members", LIMITS.members)));
            }
            let offset = match &member.sparse {
                None => member.offset,
                Some(_) => self.write_out(&member, &mut spool_end)?,
            };
            tar_end = (member.offset + member.stored_bytes).next_multiple_of(BLOCK_BYTES as u64);
            take(&member, &self.spool, offset)?;
        }
        self.check_end(tar_end)
    }

    /// Writes a sparse file behind the tar, with holes as holes. Returns its offset.
    fn write_out(&self, member: &Member, spool_end: &mut u64) -> Result<u64, ArchiveError> {
        let start = *spool_end;
        let end = start.saturating_add(member.size_bytes);
        if end > LIMITS.unpacked_bytes {
            return Err(
                self.broken(format!("its sparse files have more than {} bytes", LIMITS.unpacked_bytes))
            );
        }
        let mut from = member.offset;
        let mut buffer = vec![0; 64 * 1024];
        for extent in member.sparse.iter().flatten() {
            let mut done = 0;
            while done < extent.length {
                let length = buffer.len().min(usize::try_from(extent.length - done).unwrap_or(usize::MAX));
                self.spool.read_exact_at(&mut buffer[..length], from).map_err(|error| self.broken(error))?;
                let at = start + extent.at + done;
                self.spool.write_all_at(&buffer[..length], at).map_err(|error| self.broken(error))?;
                from += length as u64;
                done += length as u64;
            }
        }
        if self.spool.metadata().map_err(|error| self.broken(error))?.len() < end {
            self.spool.set_len(end).map_err(|error| self.broken(error))?;
        }
        *spool_end = end;
        Ok(start)
    }

    /// Checks that the tar has an end if decompression ended early. Bytes after that end do not matter.
    fn check_end(&self, tar_end: u64) -> Result<(), ArchiveError> {
        let Some(reason) = &self.cut else { return Ok(()) };
        let mut block = [0xff; BLOCK_BYTES];
        let is_there = tar_end + BLOCK_BYTES as u64 <= self.spool_bytes
            && self.spool.read_exact_at(&mut block, tar_end).is_ok()
            && block.iter().all(|&byte| byte == 0);
        if is_there { Ok(()) } else { Err(self.broken(reason)) }
    }

    pub(super) fn broken(&self, reason: impl ToString) -> ArchiveError {
        // An early end of decompression is the cause of whatever the tar lacks.
        let reason = self.cut.clone().unwrap_or_else(|| reason.to_string());
        ArchiveError::Broken { path: self.name.clone(), reason }
    }
}

type Input = Box<dyn Read + Send>;

/// Returns the decompressed content of a file; the content itself if its first bytes show no known compression.
/// Returns `None` if the first bytes cannot be read.
fn decompressed(mut file: Input) -> Option<Input> {
    let magic = take_start(&mut file, MAGIC_BYTES).ok()?;
    let kind = magic.clone();
    let input = BufReader::with_capacity(64 * 1024, Cursor::new(magic).chain(file));
    Some(match &kind[..] {
        [0x1f, 0x8b, 0x08, ..] => Box::new(flate2::bufread::MultiGzDecoder::new(input)),
        [b'B', b'Z', b'h', ..] => Box::new(bzip2::bufread::MultiBzDecoder::new(input)),
        [0xfd, b'7', b'z', b'X', b'Z', 0x00] => Box::new(lzma_rust2::XzReader::new(input, true)),
        [0x28, 0xb5, 0x2f, 0xfd, ..] | [0x50..=0x5f, 0x2a, 0x4d, 0x18, ..] => {
            let mut decoder = zstd::stream::read::Decoder::with_buffer(input).ok()?;
            decoder.window_log_max(ZSTD_WINDOW_LOG).ok()?;
            Box::new(decoder)
        }
        _ => Box::new(input),
    })
}

/// Reports whether a file that begins with `start` can be an archive: it begins like a compressed file or a tar.
pub fn begins_archive(start: &[u8]) -> bool {
    let is_packed = matches!(
        start,
        [0x1f, 0x8b, 0x08, ..]
            | [b'B', b'Z', b'h', ..]
            | [0xfd, b'7', b'z', b'X', b'Z', 0x00, ..]
            | [0x28, 0xb5, 0x2f, 0xfd, ..]
    );
    let mut plain: Input = Box::new(Cursor::new(start.to_vec()));
    is_packed || tar_start(&mut plain).is_some()
}

/// Returns the first block if it is a tar header.
fn tar_start(tar: &mut Input) -> Option<Vec<u8>> {
    let block = take_start(tar, BLOCK_BYTES).ok()?;
    let is_header = block.len() == BLOCK_BYTES && block.iter().any(|&byte| byte != 0) && has_sum(&block);
    is_header.then_some(block)
}

/// Reports whether the checksum of a header is right. It is the sum of all bytes, with the checksum itself as spaces.
fn has_sum(block: &[u8]) -> bool {
    let digits: String = block[148..156].iter().map(|&byte| char::from(byte)).collect();
    let Ok(expected) = i64::from_str_radix(digits.trim_matches([' ', '\0']), 8) else { return false };
    let others = || block[..148].iter().chain(&block[156..]);
    let spaces = 8 * i64::from(b' ');
    let unsigned: i64 = others().map(|&byte| i64::from(byte)).sum();
    let signed: i64 = others().map(|&byte| i64::from(byte.cast_signed())).sum();
    expected == unsigned + spaces || expected == signed + spaces
}

/// Returns the first `length` bytes, or fewer at the end of the input.
fn take_start(input: &mut Input, length: usize) -> io::Result<Vec<u8>> {
    let mut start = Vec::with_capacity(length);
    input.take(length as u64).read_to_end(&mut start)?;
    Ok(start)
}

/// Size of a tar that was decompressed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Filled {
    size_bytes: u64,
    /// Part of the size that is in holes.
    zero_bytes: u64,
}

impl Filled {
    fn of(writer: &SparseWriter<&File>) -> Self {
        let size_bytes = writer.size_bytes();
        Self { size_bytes, zero_bytes: size_bytes - writer.written_bytes() }
    }

    /// Returns the reason why the tar is refused, if it goes on beyond `limit` bytes that are not in holes, or beyond the
    /// limit of zeros.
    fn excess(&self, limit: u64) -> Option<String> {
        if self.size_bytes - self.zero_bytes > limit {
            return Some(format!("it unpacks to more than {limit} bytes"));
        }
        let limit = LIMITS.zero_bytes;
        (self.zero_bytes > limit).then(|| format!("it has more than {limit} bytes of zeros"))
    }
}

/// Writes `input` to the empty file `spool`, with long runs of zeros as holes. Stops above `limit` bytes that are not in
/// holes, and above the limit of zeros. Returns the size, and the reason if `input` ended early.
fn fill(spool: &File, mut input: impl Read, limit: u64) -> io::Result<(Filled, Option<String>)> {
    let mut writer = SparseWriter::new(spool);
    let mut buffer = vec![0; 256 * 1024];
    let mut cut = None;
    while Filled::of(&writer).excess(limit).is_none() {
        match input.read(&mut buffer) {
            Ok(0) => break,
            Ok(length) => writer.append(&buffer[..length])?,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => {
                cut = Some(error.to_string());
                break;
            }
        }
    }
    writer.finish()?;
    Ok((Filled::of(&writer), cut))
}

/// Creates a file that disappears when it is closed.
fn nameless_file(directory: &Path) -> io::Result<File> {
    let flags = OFlags::TMPFILE | OFlags::RDWR | OFlags::CLOEXEC;
    match rustix::fs::open(directory, flags, Mode::RUSR | Mode::WUSR) {
        Ok(file) => Ok(file.into()),
        // Some file systems (NFS, old overlays) have no such files.
        Err(rustix::io::Errno::OPNOTSUPP | rustix::io::Errno::ISDIR | rustix::io::Errno::INVAL) => {
            named_and_removed(directory)
        }
        Err(error) => Err(error.into()),
    }
}

fn named_and_removed(directory: &Path) -> io::Result<File> {
    static COUNT: std::sync::atomic::AtomicU64 = std::sync::atomic::AtomicU64::new(0);
    let count = COUNT.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
    let path = directory.join(format!("archive-{}-{count}", std::process::id()));
    let file = File::options().read(true).write(true).create_new(true).open(&path)?;
    std::fs::remove_file(&path)?;
    Ok(file)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn filling_stops_above_the_limit() {
        let directory = tempfile::tempdir().expect("a temporary directory");
        let spool = nameless_file(directory.path()).expect("made");
        let (filled, cut) = fill(&spool, io::repeat(1), 1000).expect("written");
        assert_eq!(filled.excess(1000).as_deref(), Some("it unpacks to more than 1000 bytes"));
        assert!(filled.size_bytes < 1 << 20 && cut.is_none(), "{filled:?}");
        assert_eq!(directory.path().read_dir().expect("listed").count(), 0);
        let spool = named_and_removed(directory.path()).expect("made");
        let whole = Filled { size_bytes: 3, zero_bytes: 0 };
        assert_eq!(fill(&spool, &b"abc"[..], 3).expect("written"), (whole, None));
        assert_eq!(directory.path().read_dir().expect("listed").count(), 0);
    }

    #[test]
    fn zeros_take_no_disk_space_and_do_not_count_as_unpacked() {
        use std::os::unix::fs::MetadataExt;
        let directory = tempfile::tempdir().expect("a temporary directory");
        let spool = nameless_file(directory.path()).expect("made");
        let input = io::repeat(0).take(20 << 20).chain(&b"end"[..]);
        let (filled, _) = fill(&spool, input, 1 << 20).expect("written");
        assert_eq!(filled, Filled { size_bytes: (20 << 20) + 3, zero_bytes: 20 << 20 });
        assert_eq!(filled.excess(1 << 20), None);
        let endless = Filled { size_bytes: 65 << 30, zero_bytes: 65 << 30 };
        assert_eq!(endless.excess(1 << 20).as_deref(), Some("it has more than 68719476736 bytes of zeros"));
        let metadata = spool.metadata().expect("read");
        assert_eq!(metadata.len(), filled.size_bytes);
        assert!(metadata.blocks() * 512 <= 64 << 10, "{metadata:?}");
    }

    #[test]
    fn sparse_files_are_written_out() {
        // GNU's form: 1 byte at 0 and 1 byte at 9 of a file of 12 bytes.
        let mut header = tar::Header::new_gnu();
        header.as_old_mut().name[..4].copy_from_slice(b"hole");
        header.set_entry_type(tar::EntryType::GNUSparse);
        header.set_mode(0o644);
        header.set_size(2);
        let block = header.as_mut_bytes();
        for (at, text) in [
            (386, "00000000000"),
            (398, "00000000001"),
            (410, "00000000011"),
            (422, "00000000001"),
            (483, "00000000014"),
        ] {
            block[at..at + 11].copy_from_slice(text.as_bytes());
        }
        header.set_cksum();
        let mut tar = header.as_bytes().to_vec();
        tar.extend_from_slice(b"ab");
        tar.resize(512 * 4, 0);
        let directory = tempfile::tempdir().expect("a temporary directory");
        let spool = nameless_file(directory.path()).expect("made");
        let (filled, cut) = fill(&spool, &tar[..], 1 << 20).expect("written");
        let spool_bytes = filled.size_bytes;
        let archive = Archive { name: "t".into(), spool: Arc::new(spool), spool_bytes, cut };
        let mut seen = Vec::new();
        archive
            .each(|member, file, offset| {
                let mut bytes = vec![0; usize::try_from(member.size_bytes).expect("small")];
                file.read_exact_at(&mut bytes, offset).expect("there");
                seen.push(bytes);
                Ok(())
            })
            .expect("a good archive");
        assert_eq!(seen, [b"a\0\0\0\0\0\0\0\0b\0\0"]);
    }
}
