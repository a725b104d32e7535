//! What a container wrote: a JSON object a line, `{"t": ms, "s": 1 | 2, "d": text}`.
//!
//! The log is cut to its newer half when it reaches [`LARGEST_BYTES`], so that a container that talks without end
//! does not fill the disk.

use std::fs::{self, File, OpenOptions};
use std::io::{self, BufRead, BufReader, Read, Seek, SeekFrom, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::time::{SystemTime, UNIX_EPOCH};

use serde::{Deserialize, Serialize};

/// How large a log gets.
pub const LARGEST_BYTES: u64 = 64 << 20;

/// A piece of output.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Piece {
    /// When, in milliseconds since 1970.
    #[serde(rename = "t")]
    pub time_ms: u64,
    /// 1 is stdout, 2 is stderr.
    #[serde(rename = "s")]
    pub stream: u8,
    /// What; what is no UTF-8 is replaced.
    #[serde(rename = "d")]
    pub text: String,
}

/// Writes a log; shared by the threads that read the streams.
#[derive(Debug)]
pub struct LogWriter {
    path: PathBuf,
    file: Mutex<(File, u64)>,
}

impl LogWriter {
    /// Starts the log in `dir`.
    pub fn create(dir: &Path) -> io::Result<Self> {
        let path = dir.join("log");
        let file = OpenOptions::new().create(true).append(true).mode(0o600).open(&path)?;
        let size_bytes = file.metadata()?.len();
        Ok(Self { path, file: Mutex::new((file, size_bytes)) })
    }

    /// Copies a stream into the log until it ends.
    pub fn copy(&self, pipe: File, stream: u8) -> io::Result<()> {
        let mut pipe = BufReader::with_capacity(64 * 1024, pipe);
        loop {
            let mut line = Vec::new();
            // A line without an end is cut, so that memory is bounded.
            let read = pipe.by_ref().take(64 * 1024).read_until(b'\n', &mut line)?;
            if read == 0 {
                return Ok(());
            }
            self.write(stream, &String::from_utf8_lossy(&line))?;
        }
    }

    fn write(&self, stream: u8, text: &str) -> io::Result<()> {
        let piece = Piece { time_ms: now_ms(), stream, text: text.to_owned() };
        let mut line = serde_json::to_vec(&piece).expect("a piece is plain data");
        line.push(b'\n');
        let mut guard = self.file.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        let (file, size_bytes) = &mut *guard;
        if *size_bytes + line.len() as u64 > LARGEST_BYTES {
            (*file, *size_bytes) = halved(&self.path)?;
        }
        file.write_all(&line)?;
        *size_bytes += line.len() as u64;
        Ok(())
    }
}

/// Replaces the log by its newer half.
fn halved(path: &Path) -> io::Result<(File, u64)> {
    let mut old = BufReader::new(File::open(path)?);
    old.seek(SeekFrom::Start(LARGEST_BYTES / 2))?;
    old.skip_until(b'\n')?;
    let tmp = path.with_extension("tmp");
    let mut file = OpenOptions::new().create(true).write(true).truncate(true).mode(0o600).open(&tmp)?;
    let size_bytes = io::copy(&mut old, &mut file)?;
    fs::rename(&tmp, path)?;
    let file = OpenOptions::new().append(true).open(path)?;
    Ok((file, size_bytes))
}

/// Reads a log, piece by piece; at its end it can be asked again for what came since.
#[derive(Debug)]
pub struct LogReader {
    path: PathBuf,
    file: BufReader<File>,
    partial: Vec<u8>,
}

impl LogReader {
    /// Opens the log in `dir`.
    pub fn open(dir: &Path) -> io::Result<Self> {
        let path = dir.join("log");
        let file = BufReader::new(File::open(&path)?);
        Ok(Self { path, file, partial: Vec::new() })
    }

    /// The next piece; `None` at the end, for now.
    pub fn next_piece(&mut self) -> io::Result<Option<Piece>> {
        loop {
            if self.file.read_until(b'\n', &mut self.partial)? == 0 && !self.reopen_if_replaced()? {
                return Ok(None);
            }
            if self.partial.last() != Some(&b'\n') {
                continue;
            }
            let line = std::mem::take(&mut self.partial);
            // A line that a crash cut short is left out.
            if let Ok(piece) = serde_json::from_slice(&line) {
                return Ok(Some(piece));
            }
        }
    }

    /// The log was cut to its newer half: goes on at the start of the new file.
    fn reopen_if_replaced(&mut self) -> io::Result<bool> {
        use std::os::unix::fs::MetadataExt;
        let Ok(now) = fs::metadata(&self.path) else { return Ok(false) };
        if now.ino() == self.file.get_ref().metadata()?.ino() {
            return Ok(false);
        }
        self.file = BufReader::new(File::open(&self.path)?);
        self.partial.clear();
        Ok(true)
    }
}

pub(crate) fn now_ms() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn texts(reader: &mut LogReader) -> Vec<(u8, String)> {
        std::iter::from_fn(|| reader.next_piece().expect("the log can be read"))
            .map(|piece| (piece.stream, piece.text))
            .collect()
    }

    #[test]
    fn what_is_written_is_read_and_followed() {
        let dir = tempfile::tempdir().expect("a folder for the test");
        let writer = LogWriter::create(dir.path()).expect("the log can be made");
        writer.write(1, "one\n").expect("the log can be written");
        let mut reader = LogReader::open(dir.path()).expect("the log is there");
        assert_eq!(texts(&mut reader), [(1, "one\n".to_owned())]);
        assert_eq!(texts(&mut reader), []);
        writer.write(2, "two \u{1b}[31m\n").expect("the log can be written");
        assert_eq!(texts(&mut reader), [(2, "two \u{1b}[31m\n".to_owned())]);
    }

    #[test]
    fn a_line_cut_short_is_left_out() {
        let dir = tempfile::tempdir().expect("a folder for the test");
        fs::write(
            dir.path().join("log"),
            "{\"t\":1,\"s\":1,\"d\":\"a\"}\n{\"t\":2,\"s\"\n{\"t\":3,\"s\":2,\"d\":\"b\"}\n",
        )
        .expect("the log can be written");
        let mut reader = LogReader::open(dir.path()).expect("the log is there");
        assert_eq!(texts(&mut reader), [(1, "a".to_owned()), (2, "b".to_owned())]);
    }
}
