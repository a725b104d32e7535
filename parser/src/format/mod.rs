//! Formatting of Dockerfiles, without a change of meaning.
//!
//! ```text
//! keywords        in upper case (including AS), at the start of the line, followed by one blank
//! words           separated by one blank; strings of the exec form by ", "
//! continuations   indented by four blanks, without blank lines between them
//! other lines     without trailing blanks; at most one blank line in a row, and one before each FROM
//! ```
//!
//! Shell text keeps every byte, including the indentation of its continuation lines: it appears in the history of the
//! image, and blanks in it can be inside of quotes. Comments and the bodies of heredocs keep their text as well.
//!
//! Invariants: the formatted file has the [same](same()) meaning. Each formatted instruction is parsed again; if its
//! meaning changed, it gets a plainer shape. Formatting a formatted file changes nothing. Comments stay in order, and
//! attached to the same instructions.

mod instruction;
mod same;

pub use same::same;

use crate::{
    ParseError,
    ast::{Dockerfile, Instruction, Kind, Span},
    error::Fault,
    file::parse,
};

/// Formats a file. A file that has errors or is not UTF-8 cannot be formatted.
pub fn format(text: &[u8]) -> Result<String, ParseError> {
    let file = parse(text)?;
    let source = std::str::from_utf8(text).map_err(|error| not_utf8(text, error.valid_up_to()))?;
    let bare = source.strip_prefix('\u{feff}').unwrap_or(source);
    // A blank line at the top keeps the comment below it from being read as a directive.
    let candidates = ["", "\n"].map(|top| layout(bare, &file, top));
    let has_same_meaning = |text: &String| parse(text.as_bytes()).is_ok_and(|again| same(&again, &file));
    Ok(candidates.into_iter().find(has_same_meaning).unwrap_or_else(|| source.to_owned()))
}

/// Returns the error for a text of which only the first `valid_bytes` are UTF-8.
fn not_utf8(text: &[u8], valid_bytes: usize) -> ParseError {
    let newlines = text[..valid_bytes].iter().filter(|byte| **byte == b'\n').count();
    let line = u32::try_from(newlines).unwrap_or(u32::MAX).saturating_add(1);
    Fault::new("the file is not UTF-8").at(Span { start_line: line, end_line: line })
}

/// Formats all lines: the instructions, and the comments and blank lines between them, below the text `top`.
fn layout(source: &str, file: &Dockerfile, top: &str) -> String {
    let lines: Vec<&str> = source.split('\n').collect();
    let line_end = if lines[0].ends_with('\r') { "\r\n" } else { "\n" };
    let mut output = Output { text: top.replace('\n', line_end), line_end, is_blank_line_due: false };
    let mut next = 0;
    for instruction in instructions(file) {
        let (start, end) = (instruction.span.start_line as usize - 1, instruction.span.end_line as usize);
        let end = end.min(lines.len());
        output.add_between(&lines[next..start], matches!(instruction.kind, Kind::From));
        output.add_instruction(&lines[start..end], instruction, file.directives.escape);
        next = end;
    }
    output.add_between(&lines[next..], false);
    output.text
}

fn instructions(file: &Dockerfile) -> impl Iterator<Item = &Instruction> {
    let stages = file.stages.iter().flat_map(|stage| std::iter::once(&stage.from).chain(&stage.instructions));
    file.globals.iter().chain(stages)
}

/// The formatted text so far.
struct Output {
    text: String,
    line_end: &'static str,
    /// Whether a blank line precedes the next line.
    is_blank_line_due: bool,
}

impl Output {
    fn add_line(&mut self, line: &str) {
        if std::mem::take(&mut self.is_blank_line_due) && !self.is_at_top() {
            self.text.push_str(self.line_end);
        }
        self.text.push_str(line);
        self.text.push_str(self.line_end);
    }

    fn is_at_top(&self) -> bool {
        self.text.trim().is_empty()
    }

    /// Adds the comments and blank lines between two instructions. Comments directly above FROM stay with it.
    fn add_between(&mut self, lines: &[&str], is_before_stage: bool) {
        let lines: Vec<&str> = lines.iter().map(|line| line.trim_end()).collect();
        let attached = lines.iter().rposition(|line| line.is_empty()).map_or(0, |at| at + 1);
        for (at, line) in lines.iter().enumerate() {
            self.is_blank_line_due |= line.is_empty() || (is_before_stage && at == attached);
            if !line.is_empty() {
                self.add_line(line);
            }
        }
        self.is_blank_line_due |= is_before_stage && attached == lines.len();
    }

    fn add_instruction(&mut self, lines: &[&str], instruction: &Instruction, escape: char) {
        let head = instruction::head_lines(lines, escape);
        let (head, bodies) = lines.split_at(head);
        for line in instruction::shape(head, bodies, instruction, escape).lines() {
            self.add_line(line);
        }
        // The line ends of heredoc bodies are part of their content.
        for line in bodies {
            self.text.push_str(line);
            self.text.push('\n');
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(text: &str, expected: &str) {
        let formatted = format(text.as_bytes()).expect("a Dockerfile");
        assert_eq!(formatted, expected, "{text:?}");
        assert_eq!(format(expected.as_bytes()).as_deref(), Ok(expected), "formatting again");
        let (before, after) = (parse(text.as_bytes()), parse(expected.as_bytes()));
        assert!(same(&before.expect("a Dockerfile"), &after.expect("a Dockerfile")));
    }

    #[test]
    fn keywords_are_written_in_upper_case() {
        check("from  a   as b\n  run  x  y  \n", "FROM a AS b\nRUN x  y\n");
    }

    #[test]
    fn words_are_separated_by_one_blank() {
        check("FROM a\nCOPY\ta  b\t/c", "FROM a\nCOPY a b /c\n");
        check("FROM a\nEXPOSE 80   81\nUSER  u\nCMD\n", "FROM a\nEXPOSE 80 81\nUSER u\nCMD\n");
    }

    #[test]
    fn blanks_that_are_part_of_a_value_stay() {
        check("FROM a\nENV  a=\"b  c\"   d='e  f'\n", "FROM a\nENV a=\"b  c\" d='e  f'\n");
        check("FROM a\nLABEL a   b  c\n", "FROM a\nLABEL a   b  c\n");
        check("FROM a\ncmd  [ \"a  b\" ,\"c\",\n", "FROM a\nCMD [ \"a  b\" ,\"c\",\n");
    }

    #[test]
    fn strings_of_the_exec_form_are_separated_by_comma_and_blank() {
        check("FROM a\ncmd  [ \"a ,b\" ,\"c\\\"\"]\n", "FROM a\nCMD [\"a ,b\", \"c\\\"\"]\n");
    }

    #[test]
    fn continuation_lines_are_indented_by_four_blanks() {
        check("FROM a\nENV a=1 \\\n b=2   \\  \n\n\tc=3\n", "FROM a\nENV a=1 \\\n    b=2 \\\n    c=3\n");
        check("# escape=`\nFROM a\nCOPY a `\n b /c\n", "# escape=`\nFROM a\nCOPY a `\n    b /c\n");
    }

    #[test]
    fn continuation_lines_of_shell_text_and_quoted_text_keep_their_indentation() {
        check("FROM a\nENV a=\"1 \\\n  2\" \\\nb=3\n", "FROM a\nENV a=\"1 \\\n  2\" \\\nb=3\n");
        check("FROM a\nRUN x  && \\ \n\n  # why\n  y\n", "FROM a\nRUN x  && \\\n  # why\n  y\n");
        check("FROM a\nRUN x \\", "FROM a\nRUN x \\\n");
    }

    #[test]
    fn repeated_blank_lines_become_one() {
        check("\n\nFROM a\n\n\n\nRUN b\n\n\n", "FROM a\n\nRUN b\n");
    }

    #[test]
    fn a_blank_line_precedes_each_stage_and_its_comments() {
        check("ARG v\nFROM a\nFROM b\n", "ARG v\n\nFROM a\n\nFROM b\n");
        check(
            "# top  \nFROM a\nRUN b\n# c is\n# last\nFROM c\n",
            "# top\nFROM a\nRUN b\n\n# c is\n# last\nFROM c\n",
        );
    }

    #[test]
    fn other_comments_stay_where_they_are() {
        check("FROM a\n# end", "FROM a\n# end\n");
        check("FROM a\n# x\n\nFROM b\n", "FROM a\n# x\n\nFROM b\n");
    }

    #[test]
    fn directives_stay_directives_and_comments_stay_comments() {
        check("# syntax=x\n\n\nFROM a\n", "# syntax=x\n\nFROM a\n");
        check("\n# syntax=x\nFROM a\n", "\n# syntax=x\nFROM a\n");
        check("#  check = skip=all\nfrom a\n", "#  check = skip=all\nFROM a\n");
        check(" # indented\nFROM a\n", " # indented\nFROM a\n");
    }

    #[test]
    fn bodies_of_heredocs_keep_every_byte() {
        check("FROM a\nrun  <<EOF\n\n  x  \n\n\nEOF\nRUN b", "FROM a\nRUN <<EOF\n\n  x  \n\n\nEOF\nRUN b\n");
        check("FROM a\nCOPY   <<-A <<B  /c\n\tx\n\tA\ny\nB\n", "FROM a\nCOPY <<-A <<B /c\n\tx\n\tA\ny\nB\n");
    }

    #[test]
    fn line_ends_are_those_of_the_first_line() {
        check("from a\r\nRUN b \\\r\n c\r\n", "FROM a\r\nRUN b \\\r\n c\r\n");
        check("from a\r\nRUN <<E\r\nx\r\nE", "FROM a\r\nRUN <<E\r\nx\r\nE\n");
    }

    #[test]
    fn a_byte_order_mark_is_removed() {
        check("\u{feff}from a\n", "FROM a\n");
    }

    /// Regression test for files that fuzzing found.
    #[test]
    fn trailing_blanks_are_removed_only_where_the_meaning_stays() {
        check("FROM a\nCMD [\"b\" \\\n \n", "FROM a\nCMD [\"b\"\\\n");
        check("FROM a\nRUN b\r\t\nRUN c \\\r \n", "FROM a\nRUN b\nRUN c \\\r \n");
        check("fr\\\nom  x\\\n\\\n\n \n\n", "fr\\\nom  x\\\n\\\n");
    }

    #[track_caller]
    fn check_error(text: &[u8], expected: &str) {
        assert_eq!(format(text).expect_err("not a Dockerfile").to_string(), expected);
    }

    #[test]
    fn a_file_that_is_not_utf8_is_an_error() {
        check_error(b"FROM a\nRUN \xff\n", "dockerfile parse error on line 2: the file is not UTF-8");
    }

    #[test]
    fn a_file_with_errors_is_an_error() {
        check_error(b"FORM a\n", "dockerfile parse error on line 1: unknown instruction: FORM");
    }
}
