//! A range of lines.

use std::fmt;

/// First and last line of an instruction in the Dockerfile, counted from 1.
///
/// An instruction has several lines if it is continued with a backslash or has heredocs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Lines {
    /// Line on which the instruction begins.
    pub first: u32,
    /// Line on which the instruction ends, at least `first`.
    pub last: u32,
}

impl Lines {
    /// Range from line `first` to line `last`.
    pub fn new(first: u32, last: u32) -> Self {
        Self { first, last }
    }

    /// Range of a single line.
    pub fn single(line: u32) -> Self {
        Self { first: line, last: line }
    }
}

/// Writes `7` for a single line, else `7-9`.
impl fmt::Display for Lines {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.first == self.last {
            write!(f, "{}", self.first)
        } else {
            write!(f, "{}-{}", self.first, self.last)
        }
    }
}
