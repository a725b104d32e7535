//! Reading a log while it is written.

use std::fs::{self, File};
use std::io::{self, BufRead, BufReader};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use super::{FILE_NAME, Piece};
use crate::files;

/// A position in a log. At the end, the reader can be asked again for what came since.
#[derive(Debug)]
pub struct LogReader {
    path: PathBuf,
    file: BufReader<File>,
    /// Beginning of a line that is not completely written yet.
    partial: Vec<u8>,
}

impl LogReader {
    /// Opens the log in the directory of a container, at its start.
    pub fn open(dir: &Path) -> io::Result<Self> {
        let path = dir.join(FILE_NAME);
        let file = BufReader::new(files::open(&path)?);
        Ok(Self { path, file, partial: Vec::new() })
    }

    /// Returns the next piece, or `None` if there is nothing more for now.
    pub fn next_piece(&mut self) -> io::Result<Option<Piece>> {
        loop {
            if self.file.read_until(b'\n', &mut self.partial)? == 0 && !self.reopen_if_replaced()? {
                return Ok(None);
            }
            if self.partial.last() != Some(&b'\n') {
                continue;
            }
            let line = std::mem::take(&mut self.partial);
            // A line that was cut short by a crash or a full disk is left out.
            if let Ok(piece) = serde_json::from_slice(&line) {
                return Ok(Some(piece));
            }
        }
    }

    /// Continues at the start of the new file if the log was cut to its newer half; returns whether it was.
    fn reopen_if_replaced(&mut self) -> io::Result<bool> {
        let Ok(current) = fs::symlink_metadata(&self.path) else { return Ok(false) };
        if current.ino() == self.file.get_ref().metadata()?.ino() {
            return Ok(false);
        }
        self.file = BufReader::new(files::open(&self.path)?);
        self.partial.clear();
        Ok(true)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_cut_short_is_left_out() {
        let dir = tempfile::tempdir().expect("a folder for the test");
        let log = "{\"t\":1,\"s\":1,\"d\":\"a\"}\n{\"t\":2,\"s\"\n\n{\"t\":3,\"s\":2,\"d\":\"b\"}\n";
        fs::write(dir.path().join(FILE_NAME), log).expect("the log can be written");
        let mut reader = LogReader::open(dir.path()).expect("the log exists");
        let texts: Vec<String> = std::iter::from_fn(|| reader.next_piece().expect("the log can be read"))
            .map(|piece| piece.text)
            .collect();
        assert_eq!(texts, ["a", "b"]);
    }
}
