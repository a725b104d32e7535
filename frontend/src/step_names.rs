//! Names of steps, such as `[build 2/5] RUN make`.

use graph::url::without_user;
use parser::ast::Instruction;
use parser::expand::{Expander, Variables};

/// Returns the text of an instruction for display: keyword in upper case, variables expanded, quotes kept.
///
/// Variables in `masked` show as `****`. A text that cannot be expanded stays as it is.
pub(crate) fn text(
    instruction: &Instruction,
    variables: &dyn Variables,
    expander: Expander,
    masked: &[&str],
) -> String {
    let masking = Masked { variables, masked };
    let expanded = expander.shown(&instruction.text, &masking).unwrap_or_else(|_| instruction.text.clone());
    let is_add = instruction.keyword.eq_ignore_ascii_case("add");
    let shown = if is_add { without_logins(&expanded) } else { expanded };
    upper_keyword(&shown)
}

/// Removes users and passwords from the URLs of a text.
pub(crate) fn without_logins(text: &str) -> String {
    text.split_inclusive(' ').map(without_user).collect()
}

/// Variables of which some are hidden.
struct Masked<'v> {
    variables: &'v dyn Variables,
    masked: &'v [&'v str],
}

impl Variables for Masked<'_> {
    fn value(&self, name: &str) -> Option<&str> {
        if self.masked.contains(&name) { Some("****") } else { self.variables.value(name) }
    }
}

fn upper_keyword(text: &str) -> String {
    match text.split_once(' ') {
        Some((keyword, rest)) => format!("{} {rest}", keyword.to_uppercase()),
        None => text.to_uppercase(),
    }
}

/// Returns the first line of a heredoc as a step name shows it, cut off after 120 characters.
pub(crate) fn summary(content: &str) -> String {
    const MAX_CHARS: usize = 120;
    let mut lines = content.trim().lines();
    let first = lines.next().unwrap_or_default();
    let shortened: String = first.chars().take(MAX_CHARS).collect();
    let dots = if lines.next().is_some() || shortened.len() < first.len() { "..." } else { "" };
    format!("{shortened}{dots}")
}

/// StepCounter of the steps of a stage, which names each step.
#[derive(Debug, Clone, Default)]
pub(crate) struct StepCounter {
    /// Platform in the names; `None` if only one platform is built.
    pub platform: Option<String>,
    /// Name of the stage; empty if the Dockerfile has only one stage.
    pub stage: String,
    /// Number of steps that the stage has; 0 leaves the numbers out.
    pub total: usize,
    /// Number of steps that were named.
    pub done: usize,
}

impl StepCounter {
    /// Counts a step and returns its name.
    pub fn next(&mut self, text: &str) -> String {
        self.done += 1;
        self.again(text)
    }

    /// Returns a further name for the step that [`StepCounter::next`] named last.
    pub fn again(&self, text: &str) -> String {
        if self.total == 0 {
            return text.to_owned();
        }
        let words = self.platform.iter().chain(Some(&self.stage).filter(|stage| !stage.is_empty()));
        let prefix: String = words.map(|word| format!("{word} ")).collect();
        let width = self.total.to_string().len();
        format!("[{prefix}{:>width$}/{}] {text}", self.done, self.total)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn logins_are_removed_from_urls() {
        let check = |text: &str, expected: &str| assert_eq!(without_logins(text), expected);
        check("ADD https://u:canary@h/f  git@h:r /x@y", "ADD https://h/f  git@h:r /x@y");
        check("ADD [\"https://u:canary@h/f\", \"/\"]", "ADD [\"https://h/f\", \"/\"]");
    }

    #[test]
    fn numbers_are_aligned_and_needless_parts_left_out() {
        let mut counter = StepCounter { total: 12, stage: "build".to_owned(), ..StepCounter::default() };
        assert_eq!(counter.next("RUN a"), "[build  1/12] RUN a");
        assert_eq!(counter.again("LINK COPY a /"), "[build  1/12] LINK COPY a /");
        counter.platform = Some("linux/amd64".to_owned());
        counter.stage.clear();
        assert_eq!(counter.next("RUN b"), "[linux/amd64  2/12] RUN b");
        assert_eq!(StepCounter::default().next("RUN c"), "RUN c");
    }

    #[test]
    fn a_summary_is_the_first_line() {
        assert_eq!(summary("one\n"), "one");
        assert_eq!(summary("\none\ntwo\n"), "one...");
        assert_eq!(summary(""), "");
    }
}
