//! A Dockerfile in its usual shape, without a change of meaning.
//!
//! ```text
//! keywords        in upper case, AS too, at the start of the line, one blank behind them
//! words           one blank between them; strings of the exec form apart by ", "
//! continuations   four blanks in front, no blank lines between
//! other lines     no blanks at the end, one blank line at most, one before each FROM
//! ```
//!
//! What is shell text stays byte for byte, blanks in front of its continuation lines included: they are in
//! the image's history, and may stand inside of quotes. So do bodies of heredocs and comments.
//!
//! Invariants: what comes out [means](same::same) what went in; each instruction is read again and takes a
//! plainer shape if it would not. Formatting twice changes nothing more. Comments stay, in order, and
//! stay attached to what they were attached to.

mod instruction;
mod same;

pub use same::same;

use crate::{
    ParseError,
    ast::{Dockerfile, Instruction, Kind, Span},
    error::Fault,
    file::parse,
};

/// Formats a file. Only what parses can be formatted.
pub fn format(text: &[u8]) -> Result<String, ParseError> {
    let file = parse(text)?;
    let source = std::str::from_utf8(text).map_err(|error| not_utf8(text, error.valid_up_to()))?;
    let bare = source.strip_prefix('\u{feff}').unwrap_or(source);
    // A blank line on top keeps the comment below it from being a directive.
    let formatted = ["", "\n"].map(|top| layout(bare, &file, top));
    let keeps = |text: &String| parse(text.as_bytes()).is_ok_and(|again| same(&again, &file));
    Ok(formatted.into_iter().find(keeps).unwrap_or_else(|| source.to_owned()))
}

fn not_utf8(text: &[u8], valid_bytes: usize) -> ParseError {
    let newlines = text[..valid_bytes].iter().filter(|byte| **byte == b'\n').count();
    let line = u32::try_from(newlines).unwrap_or(u32::MAX).saturating_add(1);
    Fault::new("the file is not UTF-8").at(Span { start_line: line, end_line: line })
}

/// Puts the file together: instructions in their shapes, between them comments and blank lines.
fn layout(source: &str, file: &Dockerfile, top: &str) -> String {
    let line_end =
        if source.split('\n').next().is_some_and(|line| line.ends_with('\r')) { "\r\n" } else { "\n" };
    let lines: Vec<&str> = source.split('\n').collect();
    let mut page = Page { text: top.replace('\n', line_end), line_end, blank_is_due: false };
    let mut next = 0;
    for instruction in instructions(file) {
        let (start, end) = (instruction.span.start_line as usize - 1, instruction.span.end_line as usize);
        page.between(&lines[next..start], matches!(instruction.kind, Kind::From));
        page.instruction(&lines[start..end.min(lines.len())], instruction, file.directives.escape);
        next = end.min(lines.len());
    }
    page.between(&lines[next..], false);
    page.text
}

fn instructions(file: &Dockerfile) -> impl Iterator<Item = &Instruction> {
    let stages = file.stages.iter().flat_map(|stage| std::iter::once(&stage.from).chain(&stage.instructions));
    file.globals.iter().chain(stages)
}

/// The file as far as it is written.
struct Page {
    text: String,
    line_end: &'static str,
    /// A blank line comes before whatever comes next.
    blank_is_due: bool,
}

impl Page {
    fn line(&mut self, line: &str) {
        if std::mem::take(&mut self.blank_is_due) && !self.is_at_top() {
            self.text.push_str(self.line_end);
        }
        self.text.push_str(line);
        self.text.push_str(self.line_end);
    }

    fn is_at_top(&self) -> bool {
        self.text.trim().is_empty()
    }

    /// Comments and blank lines. What stands right above a stage goes with it.
    fn between(&mut self, lines: &[&str], before_stage: bool) {
        let lines: Vec<&str> = lines.iter().map(|line| line.trim_end()).collect();
        let attached = lines.iter().rposition(|line| line.is_empty()).map_or(0, |at| at + 1);
        for (at, line) in lines.iter().enumerate() {
            self.blank_is_due |= line.is_empty() || (before_stage && at == attached);
            if !line.is_empty() {
                self.line(line);
            }
        }
        self.blank_is_due |= before_stage && attached == lines.len();
    }

    fn instruction(&mut self, lines: &[&str], instruction: &Instruction, escape: char) {
        let head = instruction::head_lines(lines, escape);
        let (head, bodies) = lines.split_at(head);
        for line in instruction::shape(head, bodies, instruction, escape).lines() {
            self.line(line);
        }
        // Bodies keep their line ends, which are part of what they say.
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
    fn keywords_and_blanks() {
        check("from  a   as b\n  run  x  y  \n", "FROM a AS b\nRUN x  y\n");
        check("FROM a\nCOPY\ta  b\t/c", "FROM a\nCOPY a b /c\n");
        check("FROM a\nENV  a=\"b  c\"   d='e  f'\n", "FROM a\nENV a=\"b  c\" d='e  f'\n");
        check("FROM a\nLABEL a   b  c\n", "FROM a\nLABEL a   b  c\n");
        check("FROM a\ncmd  [ \"a  b\" ,\"c\",\n", "FROM a\nCMD [ \"a  b\" ,\"c\",\n");
        check("FROM a\ncmd  [ \"a ,b\" ,\"c\\\"\"]\n", "FROM a\nCMD [\"a ,b\", \"c\\\"\"]\n");
        check("FROM a\nEXPOSE 80   81\nUSER  u\nCMD\n", "FROM a\nEXPOSE 80 81\nUSER u\nCMD\n");
    }

    #[test]
    fn continuations() {
        check("FROM a\nENV a=1 \\\n b=2   \\  \n\n\tc=3\n", "FROM a\nENV a=1 \\\n    b=2 \\\n    c=3\n");
        check("FROM a\nENV a=\"1 \\\n  2\" \\\nb=3\n", "FROM a\nENV a=\"1 \\\n  2\" \\\nb=3\n");
        check("FROM a\nRUN x  && \\ \n\n  # why\n  y\n", "FROM a\nRUN x  && \\\n  # why\n  y\n");
        check("# escape=`\nFROM a\nCOPY a `\n b /c\n", "# escape=`\nFROM a\nCOPY a `\n    b /c\n");
        check("FROM a\nRUN x \\", "FROM a\nRUN x \\\n");
    }

    #[test]
    fn blank_lines_and_comments() {
        check("\n\nFROM a\n\n\n\nRUN b\n\n\n", "FROM a\n\nRUN b\n");
        check(
            "# top  \nFROM a\nRUN b\n# c is\n# last\nFROM c\n",
            "# top\nFROM a\nRUN b\n\n# c is\n# last\nFROM c\n",
        );
        check("ARG v\nFROM a\nFROM b\n", "ARG v\n\nFROM a\n\nFROM b\n");
        check("FROM a\n# end", "FROM a\n# end\n");
        check("FROM a\n# x\n\nFROM b\n", "FROM a\n# x\n\nFROM b\n");
    }

    #[test]
    fn directives_stay_what_they_are() {
        check("# syntax=x\n\n\nFROM a\n", "# syntax=x\n\nFROM a\n");
        check("\n# syntax=x\nFROM a\n", "\n# syntax=x\nFROM a\n");
        check("#  check = skip=all\nfrom a\n", "#  check = skip=all\nFROM a\n");
        check(" # indented\nFROM a\n", " # indented\nFROM a\n");
    }

    #[test]
    fn heredocs_and_line_ends() {
        check("FROM a\nrun  <<EOF\n\n  x  \n\n\nEOF\nRUN b", "FROM a\nRUN <<EOF\n\n  x  \n\n\nEOF\nRUN b\n");
        check("FROM a\nCOPY   <<-A <<B  /c\n\tx\n\tA\ny\nB\n", "FROM a\nCOPY <<-A <<B /c\n\tx\n\tA\ny\nB\n");
        check("from a\r\nRUN b \\\r\n c\r\n", "FROM a\r\nRUN b \\\r\n c\r\n");
        check("from a\r\nRUN <<E\r\nx\r\nE", "FROM a\r\nRUN <<E\r\nx\r\nE\n");
        check("\u{feff}from a\n", "FROM a\n");
        // Found by fuzzing.
        check("FROM a\nCMD [\"b\" \\\n \n", "FROM a\nCMD [\"b\"\\\n");
        check("FROM a\nRUN b\r\t\nRUN c \\\r \n", "FROM a\nRUN b\nRUN c \\\r \n");
        check("fr\\\nom  x\\\n\\\n\n \n\n", "fr\\\nom  x\\\n\\\n");
    }

    #[test]
    fn what_cannot_be_formatted_is_told() {
        let error = |text: &[u8]| format(text).expect_err("an error").to_string();
        assert_eq!(error(b"FROM a\nRUN \xff\n"), "dockerfile parse error on line 2: the file is not UTF-8");
        assert!(error(b"FORM a\n").contains("unknown instruction"));
    }
}
