//! Reading a log while it is written.

use std::fs::File;
use std::io::{self, BufRead, BufReader};
use std::path::{Path, PathBuf};

use super::{Piece, segments};
use crate::files;

/// A position in a log. At the end, the reader can be asked again for what came since.
#[derive(Debug)]
pub struct LogReader {
    dir: PathBuf,
    /// Number of the segment that is being read.
    number: u64,
    segment: BufReader<File>,
    /// Beginning of a line that is not completely written yet.
    partial: Vec<u8>,
}

impl LogReader {
    /// Opens the log in the directory of a container, at its start.
    pub fn open(dir: &Path) -> io::Result<Self> {
        loop {
            let number = segments::list(dir)?.first().copied().unwrap_or(0);
            match files::open(&segments::path(dir, number)) {
                // The writer has just removed it, as others came.
                Err(error) if is_gone(&error) && !segments::list(dir)?.is_empty() => {}
                opened => {
                    let segment = BufReader::new(opened?);
                    return Ok(Self { dir: dir.to_owned(), number, segment, partial: Vec::new() });
                }
            }
        }
    }

    /// Returns the next piece, or `None` if there is nothing more for now.
    pub fn next_piece(&mut self) -> io::Result<Option<Piece>> {
        loop {
            if !self.read_line()? {
                return Ok(None);
            }
            let line = std::mem::take(&mut self.partial);
            // A line that was cut short by a crash or a full disk is left out.
            if let Ok(piece) = serde_json::from_slice(&line) {
                return Ok(Some(piece));
            }
        }
    }

    /// Reads up to the end of a line; returns whether there is one.
    fn read_line(&mut self) -> io::Result<bool> {
        loop {
            self.read()?;
            if self.partial.last() == Some(&b'\n') {
                return Ok(true);
            }
            let Some(next) = self.next_segment()? else { return Ok(false) };
            // The old segment is complete once the next one has begun.
            self.read()?;
            if self.partial.last() == Some(&b'\n') {
                return Ok(true);
            }
            match files::open(&segments::path(&self.dir, next)) {
                Err(error) if is_gone(&error) => {}
                opened => {
                    (self.segment, self.number) = (BufReader::new(opened?), next);
                    self.partial.clear();
                }
            }
        }
    }

    fn read(&mut self) -> io::Result<()> {
        self.segment.read_until(b'\n', &mut self.partial).map(drop)
    }

    fn next_segment(&self) -> io::Result<Option<u64>> {
        match segments::list(&self.dir) {
            // The container was removed.
            Err(error) if is_gone(&error) => Ok(None),
            numbers => Ok(numbers?.into_iter().find(|number| *number > self.number)),
        }
    }
}

fn is_gone(error: &io::Error) -> bool {
    error.kind() == io::ErrorKind::NotFound
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    #[test]
    fn a_line_cut_short_is_left_out() {
        let dir = tempfile::tempdir().expect("a folder for the test");
        let log = "{\"t\":1,\"s\":1,\"d\":\"a\"}\n{\"t\":2,\"s\"\n\n{\"t\":3,\"s\":2,\"d\":\"b\"}\n";
        fs::write(dir.path().join("log"), log).expect("the log can be written");
        let mut reader = LogReader::open(dir.path()).expect("the log exists");
        let texts: Vec<String> = std::iter::from_fn(|| reader.next_piece().expect("the log can be read"))
            .map(|piece| piece.text)
            .collect();
        assert_eq!(texts, ["a", "b"]);
    }
}
