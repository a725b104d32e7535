//! Bound on the work that a file can cause.

/// Number of bytes of headers that a file can still have. The headers of an intact file do not overlap, so together they
/// are no longer than the file; in a damaged one, thousands of rows can all lead to one long header.
pub(super) struct Budget(usize);

impl Budget {
    /// Returns the budget of a file.
    pub(super) fn of(file: &[u8]) -> Self {
        Self(file.len())
    }

    /// Takes the bytes of one header; `None` if the file cannot have that many.
    pub(super) fn take(&mut self, bytes: usize) -> Option<()> {
        self.0 = self.0.checked_sub(bytes)?;
        Some(())
    }
}
