//! The source time inside Python's byte code.
//!
//! A `.pyc` file that is checked by time contains the modification time of its source. If the two differ, Python
//! compiles the source again at every start. When a tar clamps the time of the source, it clamps the time in the byte
//! code as well; the index keeps the real one.
//!
//! Source: PEP 552; CPython, `Lib/importlib/_bootstrap_external.py`, `_classify_pyc`.

use std::io::{self, Read};

use trees::path::{join, split};

/// Position of the time in the header: after magic and flags, before the length of the source.
const TIME: std::ops::Range<usize> = 8..12;
/// Length of the header.
const HEADER_BYTES: usize = 16;
/// Maximum length of byte code. Longer files are copied unchanged, because byte code is read whole.
pub(super) const MAX_BYTES: u64 = 64 << 20;

/// Returns the path of the source of the byte code at `path`; `None` if the name is not that of byte code.
pub(super) fn source_of(path: &[u8]) -> Option<Vec<u8>> {
    let (directory, name) = split(path)?;
    let stem = name.strip_suffix(b".pyc")?;
    match split(directory).filter(|(_, last)| *last == b"__pycache__") {
        // For example `module.cpython-311.opt-1.pyc`.
        Some((above, _)) => {
            let dot = stem.windows(9).rposition(|part| part == b".cpython-")?;
            Some(join(above, &[&stem[..dot], b".py"].concat()))
        }
        None => Some(join(directory, &[stem, b".py"].concat())),
    }
}

/// Returns the source time in byte code; `None` for byte code that is checked by hash, and for other files.
pub(super) fn recorded_mtime(content: &[u8]) -> Option<u32> {
    let header = content.get(..HEADER_BYTES)?;
    let checked_by_time = &header[2..4] == b"\r\n" && header[4..8] == [0; 4];
    checked_by_time.then(|| u32::from_le_bytes(header[TIME].try_into().expect("four bytes")))
}

/// Replaces the source time in byte code.
pub(super) fn set_mtime(content: &mut [u8], mtime: u32) {
    content[TIME].copy_from_slice(&mtime.to_le_bytes());
}

/// Reader of byte code that puts its real source time back.
pub(super) struct Restored<R> {
    inner: R,
    position: usize,
    mtime: [u8; 4],
}

impl<R: Read> Restored<R> {
    /// Returns a reader of `inner`, which has another source time in place of `mtime`.
    pub(super) fn new(inner: R, mtime: u32) -> Self {
        Self { inner, position: 0, mtime: mtime.to_le_bytes() }
    }
}

impl<R: Read> Read for Restored<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = self.inner.read(buffer)?;
        for (at, byte) in TIME.zip(self.mtime) {
            if let Some(slot) = at.checked_sub(self.position).and_then(|at| buffer[..count].get_mut(at)) {
                *slot = byte;
            }
        }
        self.position = self.position.saturating_add(count);
        Ok(count)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check_source(path: &str, expected: Option<&str>) {
        let found = source_of(path.as_bytes());
        assert_eq!(
            found.as_deref().map(|path| std::str::from_utf8(path).expect("ASCII")),
            expected,
            "{path}"
        );
    }

    #[test]
    fn the_source_is_found_by_the_name_of_the_byte_code() {
        check_source("lib/__pycache__/os.cpython-311.pyc", Some("lib/os.py"));
        check_source("lib/__pycache__/os.cpython-311.opt-1.pyc", Some("lib/os.py"));
        check_source("__pycache__/a.b.cpython-312.pyc", Some("a.b.py"));
        check_source("lib/os.pyc", Some("lib/os.py"));
        check_source("os.pyc", Some("os.py"));
        check_source("lib/__pycache__/os.pyc", None);
        check_source("lib/os.py", None);
    }

    #[test]
    fn only_byte_code_checked_by_time_has_a_source_time() {
        let header = b"\xa7\x0d\r\n\0\0\0\0\x01\x02\x03\x04\0\0\0\0".to_vec();
        assert_eq!(recorded_mtime(&header), Some(0x0403_0201));
        assert_eq!(recorded_mtime(&header[..15]), None);
        let mut by_hash = header.clone();
        by_hash[4] = 1;
        assert_eq!(recorded_mtime(&by_hash), None);
    }

    #[test]
    fn the_real_time_is_restored_for_reads_of_any_length() {
        let content: Vec<u8> = (0..40).collect();
        let mut expected = content.clone();
        set_mtime(&mut expected, 0xaabb_ccdd);
        for step in 1..20 {
            let mut reader = Restored::new(&content[..], 0xaabb_ccdd);
            let mut found = Vec::new();
            let mut buffer = vec![0; step];
            while let count @ 1.. = reader.read(&mut buffer).expect("in memory") {
                found.extend_from_slice(&buffer[..count]);
            }
            assert_eq!(found, expected, "in steps of {step}");
        }
    }
}
