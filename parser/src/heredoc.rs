//! Heredocs: the words that start one (`<<EOF`, `3<<-"EOF"`), and how instructions refer to them.
//!
//! ```text
//! marker = { digit } "<<" [ "-" ] delimiter      blanks can follow "<<", the delimiter has no "<"
//! ```
//!
//! A line is split into words as a shell does it: quotes and escapes keep a word together, but `$` expands nothing.
//! Quotes in the delimiter mean that the body is not expanded.
//!
//! The bodies are read by `lines`.

use nom::{
    IResult, Parser,
    bytes::complete::{tag, take_while1},
    character::complete::{char, digit0, multispace0},
    combinator::{all_consuming, opt},
    sequence::terminated,
};

use crate::{
    ast::{Copy, Heredoc, Instruction},
    error::Fault,
    expand::{self, Quotes, Unset},
};

/// The parts of a word that starts a heredoc.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Marker {
    /// Delimiter without its quotes: the line that ends the body.
    pub name: String,
    /// File descriptor before `<<`, as in `3<<EOF`.
    pub file_descriptor: Option<u32>,
    /// Whether variables in the body are expanded; false if any part of the delimiter is quoted.
    pub expand: bool,
    /// Whether leading tabs of the body are removed, as `<<-` asks for.
    pub chomp: bool,
}

impl Marker {
    pub(crate) fn with_content(self, content: String) -> Heredoc {
        let Self { name, file_descriptor, expand, chomp } = self;
        Heredoc { name, file_descriptor, expand, chomp, content }
    }
}

impl Heredoc {
    /// Returns the content with leading tabs removed from each line if the marker was `<<-`.
    pub fn chomped(&self) -> String {
        if !self.chomp {
            return self.content.clone();
        }
        self.content.split_inclusive('\n').map(|line| line.trim_start_matches('\t')).collect()
    }
}

impl Instruction {
    /// Returns the heredoc that a source of COPY or ADD refers to, or `None` if the source is a path.
    ///
    /// If several heredocs of the instruction have the same name, the last one is returned, as in BuildKit.
    pub fn heredoc(&self, source: &str) -> Option<&Heredoc> {
        let marker = marker(source)?;
        self.heredocs.iter().rev().find(|heredoc| heredoc.name == marker.name)
    }
}

impl Copy {
    /// Reports whether a source refers to a heredoc rather than to a path.
    pub fn is_heredoc(source: &str) -> bool {
        marker(source).is_some()
    }
}

/// Parses one word, or returns `None` if it does not start a heredoc.
pub fn marker(word: &str) -> Option<Marker> {
    read_marker(word).ok().flatten()
}

/// Returns the markers in `line`, in order.
///
/// A line that is not valid shell text, because a quote is not closed, has no markers.
pub(crate) fn markers(line: &str) -> Result<Vec<Marker>, Fault> {
    if !line.contains("<<") {
        return Ok(Vec::new());
    }
    let words = split(line, true, Quotes::Keep).unwrap_or_default();
    words.iter().filter_map(|word| read_marker(word).transpose()).collect()
}

fn read_marker(word: &str) -> Result<Option<Marker>, Fault> {
    let Ok((_, (descriptor, dash, delimiter))) = all_consuming(parts).parse(word) else { return Ok(None) };
    let file_descriptor = descriptor.parse().ok();
    let marker = |(name, expand)| Marker { name, file_descriptor, expand, chomp: dash.is_some() };
    Ok(read_delimiter(delimiter)?.map(marker))
}

/// Returns the name without quotes, and whether no part of it was quoted; `None` if the name is empty.
fn read_delimiter(delimiter: &str) -> Result<Option<(String, bool)>, Fault> {
    // Fast path: nearly all delimiters are plain words, and a line can hold many thousands of them.
    if delimiter.chars().all(|c| c.is_ascii_alphanumeric() || c == '_') {
        return Ok(Some((delimiter.into(), true)));
    }
    let [name] = split(delimiter, false, Quotes::Remove)?.try_into().unwrap_or_default();
    let [quoted] = split(delimiter, false, Quotes::Keep)?.try_into().unwrap_or_default();
    let expand = count_quotes(&name) == count_quotes(&quoted);
    Ok(Some((name, expand)).filter(|(name, _)| !name.is_empty()))
}

fn parts(input: &str) -> IResult<&str, (&str, Option<char>, &str)> {
    let dash = terminated(opt(char('-')), multispace0);
    (terminated(digit0, tag("<<")), dash, take_while1(|c| c != '<')).parse(input)
}

fn split(text: &str, raw_escapes: bool, quotes: Quotes) -> Result<Vec<String>, Fault> {
    let grammar = expand::Grammar { escape: '\\', quotes, raw_escapes, depth: 0 };
    expand::split(grammar, text, Unset::Keep).map_err(|error| Fault::new(error.message))
}

fn count_quotes(word: &str) -> usize {
    word.chars().filter(|c| matches!(c, '"' | '\'')).count()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Compares the markers in `line`, written as `fd<<-name`, with `'` around a name whose body is not expanded.
    #[track_caller]
    fn check(line: &str, expected: &[&str]) {
        let markers = markers(line).expect("these lines are well formed");
        let printed: Vec<String> = markers.iter().map(print).collect();
        assert_eq!(printed, expected, "{line:?}");
    }

    fn print(marker: &Marker) -> String {
        let descriptor = marker.file_descriptor.map(|number| number.to_string()).unwrap_or_default();
        let quote = if marker.expand { "" } else { "'" };
        let dash = if marker.chomp { "-" } else { "" };
        format!("{descriptor}<<{dash}{quote}{}{quote}", marker.name)
    }

    #[test]
    fn markers_are_found_anywhere_in_a_line() {
        check("RUN <<EOF", &["<<EOF"]);
        check("RUN cat <<A | tr a b; cat <<-B", &["<<A", "<<-B"]);
        check("RUN 3<<IN 42<<-OUT cmd", &["3<<IN", "42<<-OUT"]);
        check("RUN echo $((1 <<2))", &["<<2))"]);
    }

    #[test]
    fn quotes_in_the_delimiter_turn_expansion_off() {
        check("RUN <<\"EOF\"", &["<<'EOF'"]);
        check("RUN <<E'O'F", &["<<'EOF'"]);
        check("RUN <<\"a b\"", &["<<'a b'"]);
    }

    #[test]
    fn variables_in_the_delimiter_are_not_expanded() {
        check("COPY <<$N /d", &["<<$N"]);
        check("COPY <<${N} /d", &["<<${N}"]);
    }

    #[test]
    fn blanks_can_precede_the_delimiter() {
        check("RUN cat << EOF > x", &["<<EOF"]);
        check("RUN cat <<\t 'EOF'", &["<<'EOF'"]);
    }

    #[test]
    fn other_words_are_not_markers() {
        check("RUN cat <<", &[]);
        check("RUN cat < < EOF", &[]);
        check("RUN cat <<\u{a0}EOF", &[]);
        check("RUN cat <<<EOF", &[]);
        check("RUN cat \"<<EOF\"", &[]);
        check("RUN cat '<<EOF'", &[]);
        check("RUN cat \\<<EOF", &[]);
        check("RUN x<<EOF", &[]);
        check("RUN cat <<- EOF", &[]);
        check("RUN echo \"open <<EOF", &[]);
        check("RUN <<''", &[]);
    }

    #[test]
    fn a_single_word_can_be_parsed() {
        assert!(marker("<<EOF").is_some());
        assert!(marker("EOF").is_none());
        assert!(marker("<<\"a").is_none());
    }
}
