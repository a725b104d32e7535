//! Formatting of one instruction.
//!
//! There are several shapes, which are tried from the neatest to the plainest. The first shape is taken that parses to
//! the same instruction. Thus no shape needs to know the meaning of blanks, quotes and escapes in each instruction.

use super::same::same_instruction;
use crate::{
    ast::{Instruction, Kind},
    file, lines,
};

/// Indentation of continuation lines.
const INDENT: &str = "    ";

/// Returns the number of lines of an instruction before the bodies of its heredocs.
pub(super) fn head_lines(instruction: &[&str], escape: char) -> usize {
    let is_last = |(at, line): (usize, &&str)| {
        let text = line.trim_end_matches('\r');
        let is_skipped = at > 0 && (text.trim_start().is_empty() || text.trim_start().starts_with('#'));
        !is_skipped && lines::without_continuation(text, escape).is_none()
    };
    instruction.iter().enumerate().position(is_last).map_or(instruction.len(), |at| at + 1)
}

/// Formats the lines before the heredocs of an instruction, and returns them without the last line end.
pub(super) fn shape(head: &[&str], bodies: &[&str], instruction: &Instruction, escape: char) -> String {
    // Blank lines at the end of the file continue an instruction whose last line has a continuation character.
    let end = head.iter().rposition(|line| !line.trim().is_empty()).map_or(0, |at| at + 1);
    let head: Vec<&str> = head[..end].iter().map(|line| line.trim_end_matches('\r')).collect();
    let shapes: [fn(&[&str], &Instruction) -> String; 3] = [neat, plain, keyword_only];
    let bodies = bodies.join("\n");
    let has_same_meaning = |text: &String| {
        let text = format!("{text}\n{bodies}");
        file::parse_one(&text, escape).is_some_and(|again| same_instruction(&again, instruction))
    };
    let text = shapes.into_iter().map(|shape| shape(&head, instruction)).find(has_same_meaning);
    text.unwrap_or_else(|| head.join("\n"))
}

/// The shape with one blank between words and four blanks before continuation lines.
fn neat(head: &[&str], instruction: &Instruction) -> String {
    let (_, rest) = split_keyword(head[0]);
    let mut words = single_blanks(rest.trim());
    // Blank lines are removed, so they do not count as continuation lines.
    let is_alone = non_blank(&head[1..]).next().is_none();
    if is_alone && words.starts_with('[') {
        words = spaced_list(&words);
    }
    if matches!(instruction.kind, Kind::From) {
        words = upper_as(&words);
    }
    let mut shape = join(&instruction.keyword, &words);
    for line in non_blank(&head[1..]) {
        let text = line.trim();
        let text = if text.starts_with('#') { text.to_owned() } else { single_blanks(text) };
        shape.push_str(&format!("\n{INDENT}{}", without_trailing_blanks(&text)));
    }
    shape
}

/// The shape in which only the blanks at the end of lines and around the keyword are removed.
fn plain(head: &[&str], instruction: &Instruction) -> String {
    let (_, rest) = split_keyword(head[0]);
    let mut shape = join(&instruction.keyword, without_trailing_blanks(rest.trim_start()));
    for line in non_blank(&head[1..]) {
        shape.push('\n');
        shape.push_str(without_trailing_blanks(line));
    }
    shape
}

/// The shape in which only the case of the keyword changes.
fn keyword_only(head: &[&str], instruction: &Instruction) -> String {
    let (before, rest) = split_keyword(head[0]);
    let first = format!("{before}{}{rest}", instruction.keyword.to_uppercase());
    std::iter::once(first.as_str()).chain(head[1..].iter().copied()).collect::<Vec<_>>().join("\n")
}

/// Splits a line at the keyword and returns the blanks before it and the text after it.
fn split_keyword(line: &str) -> (&str, &str) {
    let text = line.trim_start();
    let (before, text) = line.split_at(line.len() - text.len());
    let end = text.find(char::is_whitespace).unwrap_or(text.len());
    (before, &text[end..])
}

fn join(keyword: &str, rest: &str) -> String {
    let keyword = keyword.to_uppercase();
    if rest.is_empty() { keyword } else { format!("{keyword} {rest}") }
}

fn non_blank<'l>(lines: &'l [&'l str]) -> impl Iterator<Item = &'l str> {
    lines.iter().copied().filter(|line| !line.trim().is_empty())
}

/// Returns `line` without the blanks at its end. Blanks before a continuation character stay.
///
/// A carriage return before the blanks is removed as well; otherwise it would become part of the line end.
fn without_trailing_blanks(line: &str) -> &str {
    line.trim_end_matches([' ', '\t', '\r'])
}

/// Replaces each run of blanks outside of quotes with one blank.
fn single_blanks(text: &str) -> String {
    let mut single = String::with_capacity(text.len());
    let mut quote = None;
    for c in text.chars() {
        let is_blank = quote.is_none() && matches!(c, ' ' | '\t');
        match (quote, c) {
            (None, '"' | '\'') => quote = Some(c),
            (Some(open), c) if open == c => quote = None,
            _ => {}
        }
        if !is_blank {
            single.push(c);
        } else if !single.ends_with(' ') {
            single.push(' ');
        }
    }
    single
}

/// Separates the strings of a JSON array by ", ".
fn spaced_list(text: &str) -> String {
    let mut spaced = String::with_capacity(text.len());
    let (mut is_quoted, mut is_escaped) = (false, false);
    for c in text.chars() {
        match (is_quoted, c) {
            (false, ' ' | '\t') => continue,
            (false, ',') => spaced.push_str(", "),
            _ => spaced.push(c),
        }
        is_quoted ^= c == '"' && !is_escaped;
        is_escaped = is_quoted && c == '\\' && !is_escaped;
    }
    spaced
}

/// Writes AS in upper case in the words `base AS name`.
fn upper_as(words: &str) -> String {
    let words: Vec<&str> = words.split(' ').collect();
    match &words[..] {
        [before @ .., word, name] if word.eq_ignore_ascii_case("as") => {
            before.iter().chain(&["AS", name]).copied().collect::<Vec<_>>().join(" ")
        }
        _ => words.join(" "),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn runs_of_blanks_are_shortened_outside_of_quotes() {
        let check = |text, expected: &str| assert_eq!(single_blanks(text), expected);
        check("a  b\t\tc", "a b c");
        check("a=\"b  c\"  d='e  \"  f'  g", "a=\"b  c\" d='e  \"  f' g");
        check("it's  open", "it's  open");
    }

    #[test]
    fn strings_of_a_list_are_separated_by_comma_and_blank() {
        let check = |text, expected: &str| assert_eq!(spaced_list(text), expected);
        check("[\"a\",\"b\"]", "[\"a\", \"b\"]");
        check("[ \"a , b\" , \"c\\\" ,\" ]", "[\"a , b\", \"c\\\" ,\"]");
        check("[\"\\\\\",\"b\"]", "[\"\\\\\", \"b\"]");
    }

    #[test]
    fn the_head_ends_at_the_last_continuation_line() {
        let check = |lines: &[&str], expected| assert_eq!(head_lines(lines, '\\'), expected, "{lines:?}");
        check(&["RUN a"], 1);
        check(&["RUN <<E", "x", "E"], 1);
        check(&["RUN \\", "# c", "", "<<E", "x\\", "E"], 4);
        check(&["RUN a \\"], 1);
        check(&["RUN a \\\r", " b\r"], 2);
    }
}
