//! Lines that change nothing: without them the context would be the same.

use std::path::Path;
use std::sync::atomic::Ordering;

use super::Survey;

/// A line of the ignore file that changes nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct IdleLine {
    /// Index of the line in [`Survey::lines`].
    pub line: usize,
    /// True if other lines decide the same about all that it matches, false if it matches nothing.
    pub agrees: bool,
}

impl Survey {
    /// Returns the lines that change nothing, in order.
    ///
    /// A pattern takes effect only where the patterns before it decide otherwise. One that never takes effect is idle.
    /// Nothing that the walk did not see can change that: where it did not look, no line takes anything back in.
    pub fn idle(&self) -> Vec<IdleLine> {
        let idle =
            self.effects.iter().enumerate().filter(|(_, effect)| !effect.works.load(Ordering::Relaxed));
        idle.map(|(line, effect)| {
            let agrees = effect.agrees.load(Ordering::Relaxed) || self.is_below_ignored(line);
            IdleLine { line, agrees }
        })
        .collect()
    }

    /// Reports whether all that a line could match lies in a directory that is left out.
    fn is_below_ignored(&self, line: usize) -> bool {
        let pattern = &self.lines[line].pattern;
        !self.patterns.is_exception(line) && self.left_out_above(Path::new(pattern)).is_some()
    }
}
