//! Limits on one expansion, so that a hostile word costs neither much time nor much memory.

use super::ExpandError;

/// Maximum nesting depth of `${a:-${b:-...}}`.
pub const MAX_DEPTH: usize = 100;

/// Maximum size of an expanded word, and of each part of it, in bytes.
pub const MAX_EXPANDED_BYTES: usize = 4 << 20;

/// Maximum number of bytes that one expansion copies, including text that is discarded again (`${set+...}`).
pub(super) const MAX_COPIED_BYTES: usize = 16 * MAX_EXPANDED_BYTES;

/// Maximum number of steps that one expansion takes to match patterns; they last a fraction of a second.
const MAX_STEPS: usize = 20_000_000;

/// Steps that the pattern matches of one expansion have left.
#[derive(Debug)]
pub(super) struct StepBudget {
    left: usize,
}

impl Default for StepBudget {
    fn default() -> Self {
        Self::new(MAX_STEPS)
    }
}

impl StepBudget {
    pub(super) fn new(steps: usize) -> Self {
        Self { left: steps }
    }

    /// Takes `steps` out of the budget; an error if fewer are left.
    pub(super) fn take(&mut self, steps: usize) -> Result<(), ExpandError> {
        let left = self.left.checked_sub(steps);
        self.left = left.ok_or_else(|| ExpandError::new("patterns take too long to match"))?;
        Ok(())
    }
}

/// Appends `part` to `text`; an error if `text` becomes longer than [`MAX_EXPANDED_BYTES`].
pub(super) fn append(text: &mut String, part: &str) -> Result<(), ExpandError> {
    if text.len() + part.len() > MAX_EXPANDED_BYTES {
        let message = format!("expands to more than {MAX_EXPANDED_BYTES} bytes");
        return Err(ExpandError::new(message));
    }
    text.push_str(part);
    Ok(())
}
