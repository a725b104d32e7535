//! Limits of the text that a Dockerfile expands to.
//!
//! The parser bounds the file and the expansion of each word. A small file could still double a value with each line, or
//! use a long value on ten thousand lines. The instruction that exceeds one of these limits is an error.

use std::cell::Cell;

use crate::error::Problem;

/// Maximum size in bytes of a variable: name, `=`, value and the final zero byte.
///
/// Linux passes no longer string to a process (`MAX_ARG_STRLEN`), so no RUN and no container of the image could start.
pub(crate) const MAX_VARIABLE_BYTES: usize = 128 << 10;

/// Maximum size in bytes of all variables of a stage: what Linux passes to a process with the usual stack limit.
pub(crate) const MAX_ENVIRONMENT_BYTES: usize = 2 << 20;

/// Maximum size in bytes of all text that lowering makes: expanded words, environments of RUNs, history, names of steps,
/// and text that a stage inherits from another.
const MAX_TEXT_BYTES: usize = 32 << 20;

/// Maximum number of ONBUILD triggers of an image, which is more than an image can have layers.
const MAX_TRIGGERS: usize = 128;

/// Returns the bytes that a variable takes of an environment.
pub(crate) fn variable_bytes(name: &str, value: &str) -> usize {
    name.len() + value.len() + "=\0".len()
}

/// Fails if an image cannot have this number of triggers.
pub(crate) fn check_triggers(number: usize) -> Result<(), Problem> {
    if number > MAX_TRIGGERS { Err(Problem::TooManyTriggers { limit: MAX_TRIGGERS }) } else { Ok(()) }
}

/// Counter of the text that a build has made.
#[derive(Debug, Default)]
pub(crate) struct TextBudget {
    spent_bytes: Cell<usize>,
}

impl TextBudget {
    /// Counts text that was made.
    pub fn spend(&self, bytes: usize) {
        self.spent_bytes.set(self.spent_bytes.get().saturating_add(bytes));
    }

    /// Fails if the limit is exceeded.
    pub fn check(&self) -> Result<(), Problem> {
        if self.spent_bytes.get() > MAX_TEXT_BYTES {
            return Err(Problem::TooMuchText { limit_bytes: MAX_TEXT_BYTES });
        }
        Ok(())
    }
}
