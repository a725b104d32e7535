//! The shape of one instruction.
//!
//! Shapes are tried from the neatest to the plainest; the first one that reads as the instruction did is
//! taken. So no shape need know what blanks, quotes and escapes mean to each instruction.

use super::same::same_instruction;
use crate::{
    ast::{Instruction, Kind},
    file, lines,
};

/// What stands before continuation lines.
const INDENT: &str = "    ";

/// How many of an instruction's lines come before the bodies of its heredocs.
pub(super) fn head_lines(instruction: &[&str], escape: char) -> usize {
    let ends = |(at, line): (usize, &&str)| {
        let text = line.trim_end_matches('\r');
        let goes_on = lines::without_continuation(text, escape).is_some()
            || (at > 0 && (text.trim_start().is_empty() || text.trim_start().starts_with('#')));
        !goes_on
    };
    instruction
        .iter()
        .enumerate()
        .position(|line| ends((line.0, line.1)))
        .map_or(instruction.len(), |at| at + 1)
}

/// The lines of an instruction without its heredocs, each without its end.
pub(super) fn shape(head: &[&str], bodies: &[&str], instruction: &Instruction, escape: char) -> String {
    // Blank lines at the end go on with an instruction that the file ends in, and say nothing.
    let end = head.iter().rposition(|line| !line.trim().is_empty()).map_or(0, |at| at + 1);
    let head: Vec<&str> = head[..end].iter().map(|line| line.trim_end_matches('\r')).collect();
    let shapes: [fn(&[&str], &Instruction) -> String; 3] = [neat, plain, keyword_only];
    let bodies = bodies.join("\n");
    let keeps = |shape: &String| {
        let text = format!("{shape}\n{bodies}");
        file::parse_one(&text, escape).is_some_and(|again| same_instruction(&again, instruction))
    };
    let shape = shapes.into_iter().map(|shape| shape(&head, instruction)).find(keeps);
    shape.unwrap_or_else(|| head.join("\n"))
}

/// One blank between words, four in front of continuation lines.
fn neat(head: &[&str], instruction: &Instruction) -> String {
    let (_, rest) = split_keyword(head[0]);
    let mut words = single_blanks(rest.trim());
    // Blank lines that follow vanish: they must not count.
    let is_alone = written(&head[1..]).next().is_none();
    if is_alone && words.starts_with('[') {
        words = spaced_list(&words);
    }
    if matches!(instruction.kind, Kind::From) {
        words = upper_as(&words);
    }
    let mut shape = join(&instruction.keyword, &words);
    for line in written(&head[1..]) {
        let text = line.trim();
        let text = if text.starts_with('#') { text.to_owned() } else { single_blanks(text) };
        shape.push_str(&format!("\n{INDENT}{}", ended(&text)));
    }
    shape
}

/// Blanks only go where they stand at the end of lines, or around the keyword.
fn plain(head: &[&str], instruction: &Instruction) -> String {
    let (_, rest) = split_keyword(head[0]);
    let mut shape = join(&instruction.keyword, ended(rest.trim_start()));
    for line in written(&head[1..]) {
        shape.push('\n');
        shape.push_str(ended(line));
    }
    shape
}

/// Nothing changes but the keyword.
fn keyword_only(head: &[&str], instruction: &Instruction) -> String {
    let (before, rest) = split_keyword(head[0]);
    let first = format!("{before}{}{rest}", instruction.keyword.to_uppercase());
    std::iter::once(first.as_str()).chain(head[1..].iter().copied()).collect::<Vec<_>>().join("\n")
}

/// What stands before the keyword and behind it.
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

/// The lines with anything on them.
fn written<'l>(lines: &'l [&'l str]) -> impl Iterator<Item = &'l str> {
    lines.iter().copied().filter(|line| !line.trim().is_empty())
}

/// Without the blanks at the end. Those before a continuation character stay. A carriage return before blanks goes
/// too, lest it be one with the end of the line.
fn ended(line: &str) -> &str {
    line.trim_end_matches([' ', '\t', '\r'])
}

/// One blank for each run of blanks outside of quotes.
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
        match is_blank {
            true if single.ends_with(' ') => {}
            true => single.push(' '),
            false => single.push(c),
        }
    }
    single
}

/// A JSON list with ", " between its strings.
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

/// `base AS name`.
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
    fn blanks_in_quotes_stay() {
        let check = |text, expected: &str| assert_eq!(single_blanks(text), expected);
        check("a  b\t\tc", "a b c");
        check("a=\"b  c\"  d='e  \"  f'  g", "a=\"b  c\" d='e  \"  f' g");
        check("it's  open", "it's  open");
    }

    #[test]
    fn lists_are_spaced() {
        let check = |text, expected: &str| assert_eq!(spaced_list(text), expected);
        check("[\"a\",\"b\"]", "[\"a\", \"b\"]");
        check("[ \"a , b\" , \"c\\\" ,\" ]", "[\"a , b\", \"c\\\" ,\"]");
        check("[\"\\\\\",\"b\"]", "[\"\\\\\", \"b\"]");
    }

    #[test]
    fn heads_end_where_lines_no_longer_go_on() {
        let check = |lines: &[&str], expected| assert_eq!(head_lines(lines, '\\'), expected, "{lines:?}");
        check(&["RUN a"], 1);
        check(&["RUN <<E", "x", "E"], 1);
        check(&["RUN \\", "# c", "", "<<E", "x\\", "E"], 4);
        check(&["RUN a \\"], 1);
        check(&["RUN a \\\r", " b\r"], 2);
    }
}
