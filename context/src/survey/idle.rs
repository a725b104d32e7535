//! Lines that change nothing: without them the context would be the same.

use std::path::Path;
use std::sync::atomic::Ordering;

use super::Survey;

/// A line that changes nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Idle {
    /// Its index in [`Survey::lines`].
    pub line: usize,
    /// What it matches is left out, or with `!` in, without it. Else it matches nothing that the walk saw.
    pub agrees: bool,
}

impl Survey {
    /// The lines that change nothing, in order.
    ///
    /// A pattern has a say only where what comes before it says otherwise; one that never had is idle. Nothing that the
    /// walk did not see could have made it work: where it did not look, no line takes anything back in.
    pub fn idle(&self) -> Vec<Idle> {
        let idle =
            self.effects.iter().enumerate().filter(|(_, effect)| !effect.works.load(Ordering::Relaxed));
        idle.map(|(line, effect)| {
            let agrees = effect.agrees.load(Ordering::Relaxed) || self.is_below_ignored(line);
            Idle { line, agrees }
        })
        .collect()
    }

    /// True if all that a line could match lies in a folder that is left out.
    fn is_below_ignored(&self, line: usize) -> bool {
        let pattern = &self.lines[line].pattern;
        !self.patterns.is_exception(line) && self.left_out_above(Path::new(pattern)).is_some()
    }
}
