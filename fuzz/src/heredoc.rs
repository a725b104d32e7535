//! Heredocs: their markers, bodies and terminators, also in triggers.
//!
//! The input is the text after `RUN `, after `COPY ` and after `ONBUILD COPY ` in three files.

use parser::{
    ast::{Copy, Heredoc, Instruction, Kind},
    expand::{Expander, MAX_EXPANDED_BYTES, Variables},
    heredoc::marker,
    parse, parse_trigger,
};

use crate::file;

/// Checks these properties:
///
/// - A body consists of the lines after the instruction up to its terminator, as they are.
/// - Chomping removes tabs at the start of lines and nothing else.
/// - A source that is a marker refers to the last heredoc of its name, if there is one.
/// - A trigger keeps the heredocs of its instruction.
pub fn check(input: &[u8]) {
    for keyword in ["RUN ", "COPY ", "ONBUILD COPY "] {
        let text = [b"FROM a\n", keyword.as_bytes(), input].concat();
        let Ok(file) = parse(&text) else { continue };
        let lines: Vec<&[u8]> = text.split_inclusive(|byte| *byte == b'\n').collect();
        for instruction in file::instructions(&file) {
            check_bodies(&lines, instruction);
            check_sources(instruction);
            check_trigger(instruction);
            instruction.heredocs.iter().for_each(check_body);
        }
    }
}

/// Goes from the last line of the instruction upwards and checks the terminator and the body of each heredoc.
fn check_bodies(lines: &[&[u8]], instruction: &Instruction) {
    let mut end = instruction.span.end_line as usize;
    for heredoc in instruction.heredocs.iter().rev() {
        assert!(ends(heredoc, lines[end - 1]), "{heredoc:?}");
        let body = end - 1 - heredoc.content.split_inclusive('\n').count();
        assert_eq!(String::from_utf8_lossy(&lines[body..end - 1].concat()), heredoc.content);
        assert!(!lines[body..end - 1].iter().any(|line| ends(heredoc, line)), "{heredoc:?}");
        end = body;
    }
    assert!(end >= instruction.span.start_line as usize, "no line is left for the instruction itself");
}

/// Reports whether `line` is the terminator of the heredoc.
fn ends(heredoc: &Heredoc, line: &[u8]) -> bool {
    let line = String::from_utf8_lossy(line);
    let line = line.trim_end_matches(['\r', '\n']);
    let line = if heredoc.chomp { line.trim_start_matches('\t') } else { line };
    line == heredoc.name
}

fn check_body(heredoc: &Heredoc) {
    let chomped = heredoc.chomped();
    assert!(heredoc.chomp || chomped == heredoc.content);
    assert_eq!(chomped.replace('\t', ""), heredoc.content.replace('\t', ""));
    assert!(!heredoc.chomp || !chomped.split('\n').any(|line| line.starts_with('\t')), "{chomped:?}");
    match Expander::for_heredocs().word(&chomped, &NoVariables) {
        Ok(expanded) => {
            assert!(expanded.used.is_empty() && expanded.text.len() <= MAX_EXPANDED_BYTES);
            assert!(chomped.contains(['$', '\\']) || expanded.text == chomped);
        }
        Err(error) => assert!(chomped.contains('$') && !error.message.is_empty(), "{error}"),
    }
}

/// Variables that are all unset.
struct NoVariables;

impl Variables for NoVariables {
    fn value(&self, _name: &str) -> Option<&str> {
        None
    }
}

fn check_sources(instruction: &Instruction) {
    let (Kind::Copy(copy) | Kind::Add(copy)) = &instruction.kind else { return };
    assert!(!Copy::is_heredoc(&copy.destination));
    for source in &copy.sources {
        let name = marker(source).map(|marker| marker.name);
        let last = instruction.heredocs.iter().rfind(|heredoc| Some(&heredoc.name) == name.as_ref());
        assert_eq!(instruction.heredoc(source), last);
    }
}

fn check_trigger(instruction: &Instruction) {
    let Kind::Onbuild(text) = &instruction.kind else { return };
    // ONBUILD accepts triggers with errors other than a wrong keyword; they are reported when the trigger runs.
    let Ok(trigger) = parse_trigger(text, '\\') else { return };
    assert_eq!(trigger.heredocs, instruction.heredocs);
}
