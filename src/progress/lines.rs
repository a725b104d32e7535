//! The output of a process, split into lines.

use crate::output;

/// Longest unfinished line that is kept, in bytes. A longer line is shown in parts.
const MAX_LINE_BYTES: usize = 1 << 20;

/// Splitter that keeps an unfinished line until its end comes.
///
/// Work is linear in the output: bytes are looked at once. A progress bar rewrites its line with carriage returns, so that
/// only the text after the last one counts. A line without end is cut at [`MAX_LINE_BYTES`].
#[derive(Debug, Default)]
pub struct Lines {
    unfinished: Vec<u8>,
}

impl Lines {
    /// Returns the lines that these bytes complete, safe for a terminal.
    pub fn push(&mut self, mut bytes: &[u8]) -> Vec<String> {
        let mut complete = Vec::new();
        while let Some(end) = bytes.iter().position(|byte| *byte == b'\n') {
            self.append(&bytes[..end], &mut complete);
            complete.push(self.take());
            bytes = &bytes[end + 1..];
        }
        self.append(bytes, &mut complete);
        complete
    }

    /// Returns the last line if it has no end.
    pub fn rest(&mut self) -> Option<String> {
        (!self.unfinished.is_empty()).then(|| self.take())
    }

    fn append(&mut self, mut bytes: &[u8], complete: &mut Vec<String>) {
        while self.unfinished.len() + bytes.len() > MAX_LINE_BYTES {
            let room = MAX_LINE_BYTES - self.unfinished.len();
            self.extend(&bytes[..room]);
            bytes = &bytes[room..];
            complete.push(self.take());
        }
        self.extend(bytes);
    }

    /// Appends bytes and forgets the text that a carriage return overwrites.
    fn extend(&mut self, bytes: &[u8]) {
        // A carriage return at the very end may belong to a line end of Windows.
        let was_at_end = self.unfinished.last() == Some(&b'\r');
        let last = bytes[..bytes.len().saturating_sub(1)].iter().rposition(|byte| *byte == b'\r');
        match last {
            Some(last) => {
                self.unfinished.clear();
                self.unfinished.extend_from_slice(&bytes[last + 1..]);
            }
            None if was_at_end && bytes.first().is_some_and(|byte| *byte != b'\r') => {
                self.unfinished.clear();
                self.unfinished.extend_from_slice(bytes);
            }
            None => self.unfinished.extend_from_slice(bytes),
        }
    }

    fn take(&mut self) -> String {
        let bytes = std::mem::take(&mut self.unfinished);
        let text = String::from_utf8_lossy(&bytes);
        output::sanitized(text.trim_end_matches('\r'))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(pieces: &[&[u8]], expected: &[&str], rest: Option<&str>) {
        let mut lines = Lines::default();
        let found: Vec<String> = pieces.iter().flat_map(|piece| lines.push(piece)).collect();
        assert_eq!(found, expected);
        assert_eq!(lines.rest().as_deref(), rest);
    }

    #[test]
    fn output_is_split_at_line_ends() {
        check(&[b"one\ntw", b"o\n\nthree"], &["one", "two", ""], Some("three"));
        check(&[b"\xff\n"], &["\u{fffd}"], None);
        check(&[b""], &[], None);
    }

    #[test]
    fn the_last_state_of_a_progress_bar_is_its_line() {
        check(&[b" 10%\r 50%\r100%\r\n"], &["100%"], None);
        check(&[b" 10%\r", b" 50%\r", b"100%", b"\n"], &["100%"], None);
        check(&[b" 10%", b"\r 50%"], &[], Some(" 50%"));
        check(&[b"windows\r", b"\nend\r\n"], &["windows", "end"], None);
    }

    #[test]
    fn a_line_without_end_is_shown_in_parts() {
        let mut lines = Lines::default();
        let mut found = 0;
        for _ in 0..300 {
            found += lines.push(&[b'x'; 8192]).iter().map(String::len).sum::<usize>();
        }
        assert_eq!(found, 2 * MAX_LINE_BYTES);
        assert_eq!(lines.rest().map(|rest| rest.len()), Some(300 * 8192 - 2 * MAX_LINE_BYTES));
    }

    #[test]
    fn the_work_for_a_long_line_is_linear() {
        // Quadratic work took 15 s for 16 MB in pieces of 4 KiB.
        let time = |bytes: usize| {
            let mut lines = Lines::default();
            let begun = std::time::Instant::now();
            (0..bytes / 512).for_each(|_| drop(lines.push(&[b'x'; 512])));
            begun.elapsed().as_secs_f64()
        };
        time(1 << 20);
        let (short, long) = (time(1 << 20), time(16 << 20));
        assert!(long < 16.0 * 8.0 * short.max(0.001), "{short} s for 1 MiB, {long} s for 16 MiB");
    }
}
