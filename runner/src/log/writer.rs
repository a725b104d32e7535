//! Writing a log, without ever holding the container up.
//!
//! A log that cannot be written (a full disk, most of the time) must neither block the container nor end it: the
//! container would block on a full pipe, and SIGPIPE would kill it if the pipe were closed. So the pipes are read
//! whatever happens. Output that cannot be written is dropped and counted, and as soon as something can be written
//! again, a line says how many bytes were lost.

use std::fs::File;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use super::{LogLimits, Piece, STDERR, segments};
use crate::clock::now_ms;
use crate::files;

/// Longest piece. A longer line becomes several pieces, so that memory is bounded.
const MAX_PIECE_BYTES: usize = 64 * 1024;

/// Time after which the next segment is tried again if it could not be made.
const SEGMENT_RETRY: Duration = Duration::from_secs(1);

/// Writer of a log, shared by the threads that read the container's streams.
#[derive(Debug)]
pub struct LogWriter {
    dir: PathBuf,
    output: Mutex<Output>,
}

/// One stream of a log: what of its last line is not written yet.
#[derive(Debug)]
pub struct StreamLog<'a> {
    log: &'a LogWriter,
    stream: u8,
    partial: Vec<u8>,
}

/// The newest segment of a log, as far as it could be written.
#[derive(Debug, Default)]
struct Output {
    limits: LogLimits,
    /// `None` until the file could be opened.
    file: Option<File>,
    /// Number of the newest segment.
    number: u64,
    size_bytes: u64,
    /// Bytes of the container's output that were dropped since the last write that succeeded.
    lost_bytes: u64,
    /// Whether the file can end in the middle of a line.
    is_torn: bool,
    /// Time before which no segment is made, after an attempt that failed.
    not_before: Option<Instant>,
}

impl LogWriter {
    /// Starts or continues the log in the directory of a container. If the file cannot be opened now, every write tries
    /// again.
    pub fn new(dir: &Path, limits: LogLimits) -> Self {
        let number = segments::list(dir).ok().and_then(|all| all.last().copied()).unwrap_or(0);
        let mut output = Output { limits, number, ..Output::default() };
        // The error, if any, comes back at the next write.
        let _ = output.open(dir);
        Self { dir: dir.to_owned(), output: Mutex::new(output) }
    }

    /// Begins a stream of the log, which is cut into lines.
    pub fn stream(&self, stream: u8) -> StreamLog<'_> {
        StreamLog { log: self, stream, partial: Vec::new() }
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
        if output.append(&self.dir, &encode(stream, &String::from_utf8_lossy(bytes))).is_err() {
            output.lost_bytes += bytes.len() as u64;
        }
    }
}

impl StreamLog<'_> {
    /// Takes output as it comes, in any pieces.
    pub fn push(&mut self, mut bytes: &[u8]) {
        while let Some(end) = bytes.iter().position(|byte| *byte == b'\n') {
            let (line, rest) = bytes.split_at(end + 1);
            self.extend(line);
            self.flush();
            bytes = rest;
        }
        self.extend(bytes);
    }

    fn extend(&mut self, mut bytes: &[u8]) {
        while self.partial.len() + bytes.len() > MAX_PIECE_BYTES {
            let (part, rest) = bytes.split_at(MAX_PIECE_BYTES - self.partial.len());
            self.partial.extend(part);
            self.flush();
            bytes = rest;
        }
        self.partial.extend(bytes);
    }

    fn flush(&mut self) {
        if !self.partial.is_empty() {
            self.log.write(self.stream, &self.partial);
            self.partial.clear();
        }
    }
}

/// The end of a stream is the end of its last line.
impl Drop for StreamLog<'_> {
    fn drop(&mut self) {
        self.flush();
    }
}

impl Output {
    /// Appends a line, after a line about lost output if there was some: both or neither.
    fn append(&mut self, dir: &Path, line: &[u8]) -> io::Result<()> {
        let mut bytes = if self.is_torn { vec![b'\n'] } else { Vec::new() };
        if self.lost_bytes > 0 {
            bytes.extend(encode(STDERR, &lost_text(self.lost_bytes)));
        }
        bytes.extend(line);
        self.make_room(dir, bytes.len() as u64)?;
        let written = self.open(dir)?.write_all(&bytes);
        match &written {
            Ok(()) => {
                self.size_bytes += bytes.len() as u64;
                (self.lost_bytes, self.is_torn) = (0, false);
            }
            Err(_) => self.cut_torn_line(),
        }
        written
    }

    fn open(&mut self, dir: &Path) -> io::Result<&mut File> {
        if self.file.is_none() {
            let file = files::open_append(&segments::path(dir, self.number))?;
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

    /// Begins the next segment if the newest one would become too large.
    fn make_room(&mut self, dir: &Path, added_bytes: u64) -> io::Result<()> {
        if self.size_bytes == 0 || self.size_bytes + added_bytes <= self.limits.max_segment_bytes {
            return Ok(());
        }
        if self.not_before.is_some_and(|time| Instant::now() < time) {
            return Err(io::ErrorKind::StorageFull.into());
        }
        let begun = self.begin_segment(dir);
        self.not_before = begun.is_err().then(|| Instant::now() + SEGMENT_RETRY);
        begun
    }

    fn begin_segment(&mut self, dir: &Path) -> io::Result<()> {
        let numbers = segments::list(dir)?;
        // Before the new one is made, which needs room.
        let excess = (numbers.len() as u64 + 1).saturating_sub(self.limits.max_segments.max(1));
        for number in numbers.iter().take(usize::try_from(excess).unwrap_or(usize::MAX)) {
            std::fs::remove_file(segments::path(dir, *number))?;
        }
        let next = numbers.last().map_or(0, |last| last + 1).max(self.number + 1);
        self.file = Some(files::create_new(&segments::path(dir, next))?);
        (self.number, self.size_bytes, self.is_torn) = (next, 0, false);
        Ok(())
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

#[cfg(test)]
mod tests {
    use std::fs;

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
        let writer = LogWriter::new(dir.path(), LogLimits::default());
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
        LogWriter::new(dir.path(), LogLimits::default()).write(STDOUT, b"a\xffb\n");
        let mut reader = LogReader::open(dir.path()).expect("the log exists");
        assert_eq!(texts(&mut reader), [(1, "a\u{fffd}b\n".to_owned())]);
    }

    #[test]
    fn a_log_that_could_not_be_opened_is_opened_later() {
        let dir = tempfile::tempdir().expect("a folder for the test");
        let container = dir.path().join("container");
        let writer = LogWriter::new(&container, LogLimits::default());
        writer.write(STDOUT, b"lost\n");
        fs::create_dir(&container).expect("folders can be made");
        writer.write(STDOUT, b"kept\n");
        let mut reader = LogReader::open(&container).expect("the log exists");
        assert_eq!(texts(&mut reader), [(2, lost_text(5)), (1, "kept\n".to_owned())]);
    }

    #[test]
    fn a_reader_repeats_no_line_and_loses_none_when_segments_change() {
        let dir = tempfile::tempdir().expect("a folder for the test");
        let limits = LogLimits { max_segment_bytes: 100, max_segments: 3 };
        let writer = LogWriter::new(dir.path(), limits);
        writer.write(STDOUT, b"0\n");
        let mut reader = LogReader::open(dir.path()).expect("the log exists");
        let mut seen = Vec::new();
        for line in 1..50 {
            seen.extend(texts(&mut reader).into_iter().map(|(_, text)| text));
            writer.write(STDOUT, format!("{line}\n").as_bytes());
        }
        seen.extend(texts(&mut reader).into_iter().map(|(_, text)| text));
        let expected: Vec<String> = (0..50).map(|line| format!("{line}\n")).collect();
        assert_eq!(seen, expected);
        assert_eq!(segments::list(dir.path()).expect("a directory").len(), 3);
    }

    #[test]
    fn lines_are_put_together_and_long_ones_are_cut() {
        let dir = tempfile::tempdir().expect("a folder for the test");
        let writer = LogWriter::new(dir.path(), LogLimits::default());
        let mut stream = writer.stream(STDOUT);
        for part in ["a", "b\nc", "\n\n", "rest"] {
            stream.push(part.as_bytes());
        }
        stream.push(&vec![b'x'; MAX_PIECE_BYTES]);
        drop(stream);
        let mut reader = LogReader::open(dir.path()).expect("the log exists");
        let lines: Vec<String> = texts(&mut reader).into_iter().map(|(_, text)| text).collect();
        assert_eq!(lines[..3], ["ab\n", "c\n", "\n"]);
        assert_eq!(lines[3].len(), MAX_PIECE_BYTES);
        assert_eq!(lines[4], "xxxx");
    }
}
