//! Lines of a file with carets and labels below them.
//!
//! The text of the file is made safe for a terminal when a [`File`] is created. Its byte positions stay valid.

use std::ops::Range;
use std::rc::Rc;

use annotate_snippets::{AnnotationKind, Level, Renderer};
use frontend::origin::Origin;
use graph::Lines;

use crate::output;

/// Marked parts of a file that a report shows.
#[derive(Debug, Clone)]
pub struct Snippet {
    file: Rc<str>,
    text: Rc<str>,
    marks: Vec<Mark>,
}

/// Range of the text. The first mark of a snippet is its subject, the others explain it.
#[derive(Debug, Clone)]
struct Mark {
    bytes: Range<usize>,
    label: Option<String>,
}

/// Text file that snippets are taken from.
#[derive(Debug, Clone)]
pub struct File {
    name: Rc<str>,
    text: Rc<str>,
}

impl File {
    /// Creates a file from its name and content. Bytes that are not UTF-8 are replaced.
    pub fn new(name: &str, text: &[u8]) -> Self {
        let text = output::sanitized_in_place(&String::from_utf8_lossy(text));
        Self { name: output::sanitized(name).into(), text: text.into() }
    }

    /// Returns a snippet of these lines that marks the first of `words` that occurs in them, or the lines as a whole if
    /// none does. Returns `None` if the file has no such lines.
    pub fn snippet(&self, lines: Lines, words: &[&str]) -> Option<Snippet> {
        let within = self.bytes_of(lines)?;
        let found =
            words.iter().find_map(|word| find(&self.text, within.clone(), &output::sanitized_in_place(word)));
        let mark = Mark { bytes: found.unwrap_or(within), label: None };
        Some(Snippet { file: Rc::clone(&self.name), text: Rc::clone(&self.text), marks: vec![mark] })
    }

    /// Returns a snippet of these lines that marks the word to blame, or the variable that it comes from.
    pub fn snippet_of(&self, lines: Lines, culprit: Option<&str>, origins: &[Origin]) -> Option<Snippet> {
        let uses: Vec<String> = origins.iter().flat_map(uses).collect();
        let words: Vec<&str> = culprit.into_iter().chain(uses.iter().map(String::as_str)).collect();
        self.snippet(lines, &words)
    }

    /// Returns the bytes of lines, without blanks around them.
    fn bytes_of(&self, lines: Lines) -> Option<Range<usize>> {
        let (first, last) = (lines.first.checked_sub(1)? as usize, lines.last.checked_sub(1)? as usize);
        let mut start = 0;
        let mut range = None::<Range<usize>>;
        for (index, line) in self.text.split_inclusive('\n').enumerate() {
            if (first..=last).contains(&index) {
                let indent = line.len() - line.trim_start().len();
                let end = start + line.trim_end().len();
                range = Some(range.map_or(start + indent, |range| range.start)..end);
            }
            start += line.len();
        }
        range.filter(|range| !range.is_empty())
    }
}

impl Snippet {
    /// Writes a label below the subject.
    pub fn labelled(mut self, label: impl Into<String>) -> Self {
        self.marks[0].label = Some(label.into());
        self
    }

    /// Adds the marks of another snippet of the same file.
    pub fn with(mut self, other: Self) -> Self {
        self.marks.extend(other.marks);
        self
    }

    /// Returns a report: the title, and the lines with their marks.
    pub fn render(&self, title: &str) -> String {
        let mut snippet = annotate_snippets::Snippet::source(&*self.text).path(&*self.file);
        for (index, Mark { bytes, label }) in self.marks.iter().enumerate() {
            let kind = if index == 0 { AnnotationKind::Primary } else { AnnotationKind::Context };
            let label = label.as_deref().map(output::sanitized);
            snippet = snippet.annotation(kind.span(bytes.clone()).label(label));
        }
        renderer().render(&[Level::ERROR.primary_title(title).element(snippet)])
    }
}

/// Returns the words by which an instruction uses a variable: `$NAME` and the beginning of `${NAME}`.
fn uses(origin: &Origin) -> [String; 2] {
    [format!("${}", origin.name), format!("${{{}", origin.name)]
}

/// Returns a report that consists of a title.
pub fn title_only(title: &str) -> String {
    renderer().render(&[annotate_snippets::Group::with_title(Level::ERROR.primary_title(title))])
}

fn renderer() -> Renderer {
    if output::Stream::Stderr.has_colors() { Renderer::styled() } else { Renderer::plain() }
}

/// Returns the position of `word` in this part of the text: as a word by itself, or else as a part of another word.
fn find(text: &str, within: Range<usize>, word: &str) -> Option<Range<usize>> {
    if word.is_empty() {
        return None;
    }
    let part = &text[within.clone()];
    let is_inner = |c: Option<char>| c.is_some_and(|c| c.is_alphanumeric() || matches!(c, '_' | '-'));
    let stands_alone = |at: &usize| {
        !is_inner(part[..*at].chars().next_back()) && !is_inner(part[at + word.len()..].chars().next())
    };
    let mut all = part.match_indices(word).map(|(at, _)| at);
    let start = within.start + all.clone().find(stands_alone).or_else(|| all.next())?;
    Some(start..start + word.len())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(lines: Lines, words: &[&str], expected: Option<&str>) {
        let file = File::new("Dockerfile", b"FROM a\nRUN --mount=type=b \\\n  b --a a\n\nCOPY x\xff /\n");
        let snippet = file.snippet(lines, words);
        assert_eq!(
            snippet.map(|found| found.text[found.marks[0].bytes.clone()].to_owned()).as_deref(),
            expected
        );
    }

    #[test]
    fn a_word_is_marked_where_it_stands() {
        check(Lines::new(1, 1), &["a"], Some("a"));
        check(Lines::new(2, 3), &["type=b"], Some("type=b"));
        check(Lines::new(2, 3), &["none", "--a"], Some("--a"));
        check(Lines::new(5, 5), &["/"], Some("/"));
    }

    #[test]
    fn without_the_word_all_its_lines_are_marked() {
        check(Lines::new(1, 1), &["none"], Some("FROM a"));
        check(Lines::new(2, 3), &[""], Some("RUN --mount=type=b \\\n  b --a a"));
        check(Lines::new(4, 4), &[], None);
        check(Lines::new(9, 9), &[], None);
        check(Lines::new(0, 0), &[], None);
    }

    #[test]
    fn the_text_of_a_file_reaches_no_terminal_as_it_is() {
        let file = File::new("Docker\u{1b}]0;x\u{7}file", b"COPY f\x1b[31m /x\n");
        let report = file.snippet(Lines::new(1, 1), &["f\u{1b}[31m"]).expect("it has a line 1").render("no");
        assert!(
            !report.contains('\u{1b}') && report.contains("COPY f?[31m /x") && report.contains("^^^^^^"),
            "{report}"
        );
    }

    #[test]
    fn a_whole_word_is_preferred_to_a_part_of_one() {
        let find_in = |text: &str, word: &str| find(text, 0..text.len(), word);
        assert_eq!(find_in("RUNN RUN", "RUN"), Some(5..8));
        assert_eq!(find_in("RUNN", "RUN"), Some(0..3));
        assert_eq!(find_in("--from-x --from", "--from"), Some(9..15));
    }
}
