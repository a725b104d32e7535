//! One error of a report: title, place, causes, notes, hint.

use super::panic::process_limit_hint;
use super::snippet::{self, Snippet};
use crate::output;

/// One error and everything that explains it.
#[derive(Debug, Default)]
pub struct Problem {
    /// Message, without `error:` in front of it.
    pub title: String,
    /// Causes, the nearest first.
    pub causes: Vec<String>,
    /// Lines of a file with carets, or `None` if the error is not about a file.
    pub snippet: Option<Snippet>,
    /// Facts that help to understand the error.
    pub notes: Vec<String>,
    /// Instruction that the user can follow.
    pub hint: Option<String>,
}

impl Problem {
    /// Creates an error that consists of a title.
    pub fn new(title: impl Into<String>) -> Self {
        Self { title: title.into(), ..Self::default() }
    }

    /// Returns the text for stderr.
    pub fn report(&self) -> String {
        let title = output::sanitized(&self.title);
        let mut report = match &self.snippet {
            Some(snippet) => snippet.render(&title),
            None => snippet::title_only(&title),
        };
        // Some messages contain their cause.
        for cause in self.causes.iter().filter(|cause| !self.title.contains(cause.as_str())) {
            report.push_str(&format!("\n  caused by: {}", output::sanitized(cause)));
        }
        for note in &self.notes {
            report.push_str(&format!("\nnote: {}", output::sanitized(note)));
        }
        let limit = || self.causes.iter().chain([&self.title]).find_map(|text| process_limit_hint(text));
        if let Some(hint) = self.hint.as_deref().or_else(limit) {
            report.push_str(&format!("\nhint: {}", output::sanitized(hint)));
        }
        report
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_refused_process_names_the_limit() {
        let refused = std::io::Error::from_raw_os_error(rustix::io::Errno::AGAIN.raw_os_error());
        let causes = vec![refused.to_string()];
        let problem = Problem { causes, ..Problem::new("cannot start the sandbox's init") };
        assert!(problem.report().contains("\nhint: the limit on processes and threads is reached;"));
        let absent = Problem { causes: vec!["No such file or directory".to_owned()], ..Problem::new("x") };
        assert!(!absent.report().contains("hint:"));
    }
}
