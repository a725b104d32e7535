//! Writing a log, without ever holding the container up.
//!
//! A log that cannot be written (a full disk, most of the time) must neither block the container nor end it: the
//! container would block on a full pipe, and SIGPIPE would kill it if the pipe were closed. So the pipes are read
//! whatever happens. Output that cannot be written is dropped and counted, and as soon as something can be written
//! again, a line says how many bytes were lost.

use std::fs::{self, File};
use std::io::{self, BufRead, BufReader, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use super::{FILE_NAME, MAX_BYTES, Piece, STDERR};
use crate::clock::now_ms;
use crate::files;

/// Longest piece. A longer line becomes several pieces, so that memory is bounded.
const MAX_PIECE_BYTES: u64 = 64 * 1024;

/// Time after which cutting a log is tried again if it has failed: it copies half of the log.
const CUT_RETRY: Duration = Duration::from_secs(1);

/// Writer of a log, shared by the threads that read the container's streams.
#[derive(Debug)]
pub struct LogWriter {
    path: PathBuf,
    output: Mutex<Output>,
}

/// The file of a log, as far as it could be written.
#[derive(Debug, Default)]
struct Output {
    /// `None` until the file could be opened.
    file: Option<File>,
    size_bytes: u64,
    /// Bytes of the container's output that were dropped since the last write that succeeded.
    lost_bytes: u64,
    /// Whether the file can end in the middle of a line.
    is_torn: bool,
    /// Time before which the log is not cut, after an attempt that failed.
    cut_not_before: Option<Instant>,
}

impl LogWriter {
    /// Starts or continues the log in the directory of a container. If the file cannot be opened now, every write tries
    /// again.
    pub fn new(dir: &Path) -> Self {
        let path = dir.join(FILE_NAME);
        let mut output = Output::default();
        // The error, if any, comes back at the next write.
        let _ = output.open(&path);
        Self { path, output: Mutex::new(output) }
    }

    /// Copies a stream into the log until the stream ends. Only reading can fail.
    pub fn copy(&self, pipe: File, stream: u8) -> io::Result<()> {
        let mut pipe = BufReader::with_capacity(64 * 1024, pipe);
        loop {
            let mut line = Vec::new();
            if pipe.by_ref().take(MAX_PIECE_BYTES).read_until(b'\n', &mut line)? == 0 {
                return Ok(());
            }
            self.write(stream, &line);
        }
    }

    /// Puts the log on disk, at the end of a container: what a build that failed has said must survive a power cut. An error
    /// changes nothing, as there is nobody to report it to.
    pub fn sync(&self) {
        let output = self.output.lock().unwrap_or_else(PoisonError::into_inner);
        let _ = output.file.as_ref().map(File::sync_all);
    }

    /// Writes a piece, or counts it as lost.
    fn write(&self, stream: u8, bytes: &[u8]) {
        let mut output = self.output.lock().unwrap_or_else(PoisonError::into_inner);
        if output.append(&self.path, &encode(stream, &String::from_utf8_lossy(bytes))).is_err() {
            output.lost_bytes += bytes.len() as u64;
        }
    }
}

impl Output {
    /// Appends a line, after a line about lost output if there was some: both or neither.
    fn append(&mut self, path: &Path, line: &[u8]) -> io::Result<()> {
        let mut bytes = if self.is_torn { vec![b'\n'] } else { Vec::new() };
        if self.lost_bytes > 0 {
            bytes.extend(encode(STDERR, &lost_text(self.lost_bytes)));
        }
        bytes.extend(line);
        self.make_room(path, bytes.len() as u64)?;
        let written = self.open(path)?.write_all(&bytes);
        match &written {
            Ok(()) => {
                self.size_bytes += bytes.len() as u64;
                (self.lost_bytes, self.is_torn) = (0, false);
            }
            Err(_) => self.cut_torn_line(),
        }
        written
    }

    fn open(&mut self, path: &Path) -> io::Result<&mut File> {
        if self.file.is_none() {
            let file = files::open_append(path)?;
            self.size_bytes = file.metadata()?.len();
            self.file = Some(file);
        }
        Ok(self.file.as_mut().expect("it was opened just now"))
    }

    /// Takes back what a failed write has left at the end of the file.
    fn cut_torn_line(&mut self) {
        let is_cut = self.file.as_ref().is_some_and(|file| file.set_len(self.size_bytes).is_ok());
        self.is_torn = !is_cut;
    }

    /// Cuts the log to its newer half if it would become too large.
    fn make_room(&mut self, path: &Path, added_bytes: u64) -> io::Result<()> {
        if self.size_bytes + added_bytes <= MAX_BYTES {
            return Ok(());
        }
        if self.cut_not_before.is_some_and(|time| Instant::now() < time) {
            return Err(io::ErrorKind::StorageFull.into());
        }
        match newer_half(path) {
            Ok((file, size_bytes)) => {
                (self.file, self.size_bytes, self.cut_not_before) = (Some(file), size_bytes, None);
                Ok(())
            }
            Err(error) => {
                self.cut_not_before = Some(Instant::now() + CUT_RETRY);
                Err(error)
            }
        }
    }
}

fn encode(stream: u8, text: &str) -> Vec<u8> {
    let piece = Piece { time_ms: now_ms(), stream, text: text.to_owned() };
    let mut line = serde_json::to_vec(&piece).expect("a piece is plain data");
    line.push(b'\n');
    line
}

/// Returns the text that stands in for lost output.
fn lost_text(lost_bytes: u64) -> String {
    format!("dsbuild: {lost_bytes} bytes of output were lost here: the log could not be written\n")
}

/// Replaces a log by its newer half; returns that file and its size. Leaves no file behind if it fails.
fn newer_half(path: &Path) -> io::Result<(File, u64)> {
    let tmp = path.with_extension("tmp");
    let replaced = copy_newer_half(path, &tmp).and_then(|size_bytes| {
        fs::rename(&tmp, path)?;
        Ok((files::open_append(path)?, size_bytes))
    });
    if replaced.is_err() {
        let _ = fs::remove_file(&tmp);
    }
    replaced
}

fn copy_newer_half(path: &Path, tmp: &Path) -> io::Result<u64> {
    let mut old = BufReader::new(files::open(path)?);
    old.seek(SeekFrom::Start(MAX_BYTES / 2))?;
    old.skip_until(b'\n')?;
    // A process that was killed can have left one.
    let _ = fs::remove_file(tmp);
    let mut file = files::create_new(tmp)?;
    io::copy(&mut old, &mut file)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::log::{LogReader, STDOUT};

    fn texts(reader: &mut LogReader) -> Vec<(u8, String)> {
        std::iter::from_fn(|| reader.next_piece().expect("the log can be read"))
            .map(|piece| (piece.stream, piece.text))
            .collect()
    }

    #[test]
    fn a_reader_follows_what_is_written() {
        let dir = tempfile::tempdir().expect("a folder for the test");
        let writer = LogWriter::new(dir.path());
        writer.write(STDOUT, b"one\n");
        let mut reader = LogReader::open(dir.path()).expect("the log exists");
        assert_eq!(texts(&mut reader), [(1, "one\n".to_owned())]);
        assert_eq!(texts(&mut reader), []);
        writer.write(STDERR, b"two \x1b[31m\n");
        assert_eq!(texts(&mut reader), [(2, "two \u{1b}[31m\n".to_owned())]);
    }

    #[test]
    fn bytes_that_are_not_utf8_are_replaced() {
        let dir = tempfile::tempdir().expect("a folder for the test");
        LogWriter::new(dir.path()).write(STDOUT, b"a\xffb\n");
        let mut reader = LogReader::open(dir.path()).expect("the log exists");
        assert_eq!(texts(&mut reader), [(1, "a\u{fffd}b\n".to_owned())]);
    }

    #[test]
    fn a_log_that_could_not_be_opened_is_opened_later() {
        let dir = tempfile::tempdir().expect("a folder for the test");
        let container = dir.path().join("container");
        let writer = LogWriter::new(&container);
        writer.write(STDOUT, b"lost\n");
        fs::create_dir(&container).expect("folders can be made");
        writer.write(STDOUT, b"kept\n");
        let mut reader = LogReader::open(&container).expect("the log exists");
        assert_eq!(texts(&mut reader), [(2, lost_text(5)), (1, "kept\n".to_owned())]);
    }
}
