//! Lines of a file with carets and labels below them.

use std::ops::Range;
use std::rc::Rc;

use annotate_snippets::{AnnotationKind, Level, Renderer, Snippet};
use frontend::origin::Origin;
use graph::Lines;

use crate::output;

/// Places in a file that a report points at.
#[derive(Debug, Clone)]
pub struct Place {
    file: Rc<str>,
    text: Rc<str>,
    marks: Vec<Mark>,
}

/// A stretch of the text; the first one of a place is what it is about.
#[derive(Debug, Clone)]
struct Mark {
    bytes: Range<usize>,
    label: Option<String>,
}

/// A file that places are in.
#[derive(Debug, Clone)]
pub struct File {
    name: Rc<str>,
    text: Rc<str>,
}

impl File {
    /// Bytes that are no text are replaced.
    pub fn new(name: &str, text: &[u8]) -> Self {
        Self { name: name.into(), text: String::from_utf8_lossy(text).into() }
    }

    /// What the words, tried in order, are on these lines; all of the lines if none of the words is there. `None` if the
    /// file has no such lines.
    pub fn place(&self, lines: Lines, words: &[&str]) -> Option<Place> {
        let within = self.bytes_of(lines)?;
        let found = words.iter().find_map(|word| find(&self.text, within.clone(), word));
        let mark = Mark { bytes: found.unwrap_or(within), label: None };
        Some(Place { file: Rc::clone(&self.name), text: Rc::clone(&self.text), marks: vec![mark] })
    }

    /// The word to blame on these lines, or the variable that it comes from.
    pub fn place_of(&self, lines: Lines, culprit: Option<&str>, origins: &[Origin]) -> Option<Place> {
        let uses: Vec<String> = origins.iter().flat_map(super::origin::uses).collect();
        let words: Vec<&str> = culprit.into_iter().chain(uses.iter().map(String::as_str)).collect();
        self.place(lines, &words)
    }

    /// The bytes of lines, without blanks around them.
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

impl Place {
    /// Says something about the place itself.
    pub fn labelled(mut self, label: impl Into<String>) -> Self {
        self.marks[0].label = Some(label.into());
        self
    }

    /// Adds what another place of the same file shows.
    pub fn with(mut self, other: Self) -> Self {
        self.marks.extend(other.marks);
        self
    }

    /// The title, and the lines with what points at them.
    pub fn render(&self, title: &str) -> String {
        let mut snippet = Snippet::source(&*self.text).path(&*self.file);
        for (index, Mark { bytes, label }) in self.marks.iter().enumerate() {
            let kind = if index == 0 { AnnotationKind::Primary } else { AnnotationKind::Context };
            let label = label.as_deref().map(output::sanitized);
            snippet = snippet.annotation(kind.span(bytes.clone()).label(label));
        }
        renderer().render(&[Level::ERROR.primary_title(title).element(snippet)])
    }
}

/// A title without a place.
pub fn title_only(title: &str) -> String {
    renderer().render(&[annotate_snippets::Group::with_title(Level::ERROR.primary_title(title))])
}

fn renderer() -> Renderer {
    if output::styled() { Renderer::styled() } else { Renderer::plain() }
}

/// Where `word` stands in this part of the text: by itself, or else as a part of another one.
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
        let place = file.place(lines, words);
        assert_eq!(
            place.map(|place| place.text[place.marks[0].bytes.clone()].to_owned()).as_deref(),
            expected
        );
    }

    #[test]
    fn words_are_found_on_their_lines() {
        check(Lines::new(1, 1), &["a"], Some("a"));
        check(Lines::new(2, 3), &["type=b"], Some("type=b"));
        check(Lines::new(2, 3), &["none", "--a"], Some("--a"));
        check(Lines::new(5, 5), &["/"], Some("/"));
    }

    #[test]
    fn without_a_word_the_lines_are_meant() {
        check(Lines::new(1, 1), &["none"], Some("FROM a"));
        check(Lines::new(2, 3), &[""], Some("RUN --mount=type=b \\\n  b --a a"));
        check(Lines::new(4, 4), &[], None);
        check(Lines::new(9, 9), &[], None);
        check(Lines::new(0, 0), &[], None);
    }

    #[test]
    fn a_word_by_itself_is_preferred() {
        let find_in = |text: &str, word: &str| find(text, 0..text.len(), word);
        assert_eq!(find_in("RUNN RUN", "RUN"), Some(5..8));
        assert_eq!(find_in("RUNN", "RUN"), Some(0..3));
        assert_eq!(find_in("--from-x --from", "--from"), Some(9..15));
    }
}
