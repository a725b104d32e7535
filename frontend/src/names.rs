//! What steps are called: `[build 2/5] RUN make`.

use parser::ast::Instruction;
use parser::expand::{Expander, Variables};

use graph::url::without_user;

/// The text of an instruction as people see it: keyword in upper case, variables expanded, quotes kept.
/// `masked` variables show as `****`. A text that cannot be expanded stays as it is.
pub(super) fn text(
    instruction: &Instruction,
    variables: &dyn Variables,
    expander: Expander,
    masked: &[&str],
) -> String {
    let masking = Masked { variables, masked };
    let expanded = expander.shown(&instruction.text, &masking).unwrap_or_else(|_| instruction.text.clone());
    let shown = match instruction.keyword.eq_ignore_ascii_case("add") {
        true => without_logins(&expanded),
        false => expanded,
    };
    upper_keyword(&shown)
}

/// Leaves users and passwords out of URLs.
pub(super) fn without_logins(text: &str) -> String {
    text.split_inclusive(' ').map(without_user).collect()
}

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

/// The first line of a heredoc, as a step name shows it.
pub(super) fn summary(content: &str) -> String {
    const LONGEST: usize = 120;
    let mut lines = content.trim().lines();
    let first = lines.next().unwrap_or_default();
    let shortened: String = first.chars().take(LONGEST).collect();
    let dots = if lines.next().is_some() || shortened.len() < first.len() { "..." } else { "" };
    format!("{shortened}{dots}")
}

/// Counts the steps of a stage.
#[derive(Debug, Clone, Default)]
pub(super) struct Counter {
    /// The platform, where several are built.
    pub platform: Option<String>,
    /// The stage; empty if there is one only.
    pub stage: String,
    /// How many there will be.
    pub total: usize,
    /// How many there were.
    pub done: usize,
}

impl Counter {
    /// The name of the next step.
    pub fn next(&mut self, text: &str) -> String {
        self.done += 1;
        self.again(text)
    }

    /// A further name for the step that [`Counter::next`] named last.
    pub fn again(&self, text: &str) -> String {
        if self.total == 0 {
            return text.to_owned();
        }
        let words = self.platform.iter().chain(Some(&self.stage).filter(|stage| !stage.is_empty()));
        let place: String = words.map(|word| format!("{word} ")).collect();
        let width = self.total.to_string().len();
        format!("[{place}{:>width$}/{}] {text}", self.done, self.total)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn logins_are_not_shown() {
        let check = |text: &str, expected: &str| assert_eq!(without_logins(text), expected);
        check("ADD https://u:canary@h/f  git@h:r /x@y", "ADD https://h/f  git@h:r /x@y");
        check("ADD [\"https://u:canary@h/f\", \"/\"]", "ADD [\"https://h/f\", \"/\"]");
    }

    #[test]
    fn places_are_aligned_and_parts_left_out_where_they_say_nothing() {
        let mut counter = Counter { total: 12, stage: "build".to_owned(), ..Counter::default() };
        assert_eq!(counter.next("RUN a"), "[build  1/12] RUN a");
        assert_eq!(counter.again("LINK COPY a /"), "[build  1/12] LINK COPY a /");
        counter.platform = Some("linux/amd64".to_owned());
        counter.stage.clear();
        assert_eq!(counter.next("RUN b"), "[linux/amd64  2/12] RUN b");
        assert_eq!(Counter::default().next("RUN c"), "RUN c");
    }

    #[test]
    fn summaries() {
        assert_eq!(summary("one\n"), "one");
        assert_eq!(summary("\none\ntwo\n"), "one...");
        assert_eq!(summary(""), "");
    }
}
