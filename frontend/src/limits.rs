//! How much a Dockerfile may make of itself once variables are expanded.
//!
//! The parser bounds the file, and each expansion of a word; but a small file can double a value with each line, or put
//! a long one on ten thousand lines. What is larger than this is an error at the instruction that goes too far.

use std::cell::Cell;

use super::error::Problem;

/// Bytes of a variable: name, `=`, value and the zero at the end. Linux hands no longer one to a process
/// (`MAX_ARG_STRLEN`): no RUN could start, and no container of the image.
pub(super) const VARIABLE_BYTES: usize = 128 << 10;

/// Bytes of the variables of a stage together: what Linux hands to a process under the usual limit of its stack.
pub(super) const ENVIRONMENT_BYTES: usize = 2 << 20;

/// Bytes of all texts that lowering makes: expanded words, environments of RUNs, history, names of steps, and what a
/// stage takes over from another.
const TEXT_BYTES: usize = 32 << 20;

/// ONBUILD instructions of an image. An image has room for fewer layers than that.
const TRIGGERS: usize = 128;

/// What a variable takes of an environment.
pub(super) fn variable_bytes(name: &str, value: &str) -> usize {
    name.len() + value.len() + "=\0".len()
}

/// Fails if an image can have no such number of triggers.
pub(super) fn check_triggers(number: usize) -> Result<(), Problem> {
    if number > TRIGGERS { Err(Problem::TooManyTriggers { limit: TRIGGERS }) } else { Ok(()) }
}

/// The text that was made so far.
#[derive(Debug, Default)]
pub(super) struct Budget {
    spent_bytes: Cell<usize>,
}

impl Budget {
    /// Notes text that was made.
    pub fn spend(&self, bytes: usize) {
        self.spent_bytes.set(self.spent_bytes.get().saturating_add(bytes));
    }

    /// Fails once it was too much.
    pub fn check(&self) -> Result<(), Problem> {
        match self.spent_bytes.get() <= TEXT_BYTES {
            true => Ok(()),
            false => Err(Problem::TooMuchText { limit_bytes: TEXT_BYTES }),
        }
    }
}
