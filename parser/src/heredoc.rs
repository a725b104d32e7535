//! The words that start a heredoc: `<<EOF`, `3<<-"EOF"`.
//!
//! ```text
//! marker = { digit } "<<" [ "-" ] delimiter      blanks only behind a "<<", no further "<"
//! ```
//!
//! Which words of a line are markers is decided as a shell would: quotes and escapes keep a word
//! together, `$` does not expand. Quotes in the delimiter say that the body is not to be expanded.

use nom::{
    IResult, Parser,
    bytes::complete::{tag, take_while1},
    character::complete::{char, digit0, multispace0},
    combinator::{all_consuming, opt},
    sequence::terminated,
};

use crate::{
    ast::Heredoc,
    error::Fault,
    expand::{self, Quotes, Unset},
};

/// A heredoc word, taken apart.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Marker {
    /// The delimiter, without quotes.
    pub name: String,
    /// The number before `<<`, if any.
    pub file_descriptor: Option<u32>,
    /// False if any part of the delimiter was quoted.
    pub expand: bool,
    /// True for `<<-`.
    pub chomp: bool,
}

impl Marker {
    pub(crate) fn with_content(self, content: String) -> Heredoc {
        let Self { name, file_descriptor, expand, chomp } = self;
        Heredoc { name, file_descriptor, expand, chomp, content }
    }
}

/// Reads one word; `None` if it starts no heredoc.
pub fn marker(word: &str) -> Option<Marker> {
    read_marker(word).ok().flatten()
}

/// The heredocs that `line` starts, in order.
///
/// A line that is no shell text (an open quote, say) has none.
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

/// Returns the name, and whether no part of it was quoted.
fn read_delimiter(delimiter: &str) -> Result<Option<(String, bool)>, Fault> {
    // Nearly all are such words; a line may hold a hundred thousand.
    if delimiter.chars().all(|c| c.is_ascii_alphanumeric() || c == '_') {
        return Ok(Some((delimiter.into(), true)));
    }
    let [name] = split(delimiter, false, Quotes::Remove)?.try_into().unwrap_or_default();
    let [quoted] = split(delimiter, false, Quotes::Keep)?.try_into().unwrap_or_default();
    let expand = quotes(&name) == quotes(&quoted);
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

fn quotes(word: &str) -> usize {
    word.chars().filter(|c| matches!(c, '"' | '\'')).count()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Markers as `fd<<-name`, with `'` around a name whose body is not expanded.
    #[track_caller]
    fn check(line: &str, expected: &[&str]) {
        let markers = markers(line).expect("no fault in these lines");
        let shown: Vec<String> = markers.iter().map(show).collect();
        assert_eq!(shown, expected, "{line:?}");
    }

    fn show(marker: &Marker) -> String {
        let descriptor = marker.file_descriptor.map(|number| number.to_string()).unwrap_or_default();
        let quote = if marker.expand { "" } else { "'" };
        let dash = if marker.chomp { "-" } else { "" };
        format!("{descriptor}<<{dash}{quote}{}{quote}", marker.name)
    }

    #[test]
    fn markers_are_found_in_a_line() {
        check("RUN <<EOF", &["<<EOF"]);
        check("RUN cat <<A | tr a b; cat <<-B", &["<<A", "<<-B"]);
        check("RUN 3<<IN 42<<-OUT cmd", &["3<<IN", "42<<-OUT"]);
        check("RUN <<\"EOF\"", &["<<'EOF'"]);
        check("RUN <<E'O'F", &["<<'EOF'"]);
        check("RUN <<\"a b\"", &["<<'a b'"]);
        check("COPY <<$N /d", &["<<$N"]);
        check("COPY <<${N} /d", &["<<${N}"]);
        check("RUN echo $((1 <<2))", &["<<2))"]);
        check("RUN cat << EOF > x", &["<<EOF"]);
        check("RUN cat <<\t 'EOF'", &["<<'EOF'"]);
    }

    #[test]
    fn other_words_are_no_markers() {
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
    fn a_single_word_is_read() {
        assert!(marker("<<EOF").is_some());
        assert!(marker("EOF").is_none());
        assert!(marker("<<\"a").is_none());
    }
}
