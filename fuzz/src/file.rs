//! Parsing and formatting of whole Dockerfiles.
//!
//! The input is the file.

use parser::{
    Limits, ParseError,
    ast::{Dockerfile, Instruction, Kind, Span},
    diagnose::{MAX_ERRORS, further_errors},
    format::{format, same},
    json, parse, parse_trigger, parse_with,
};

/// Checks these properties:
///
/// - An error has a message and lines of the file.
/// - Instructions have lines of the file, are in order and do not overlap.
/// - The texts in the syntax tree are at most a few times as large as the file.
/// - A file is parsed within limits that it just reaches, and is an error if one of them is smaller.
/// - A formatted file has the same meaning, and formatting it again changes nothing.
pub fn check(input: &[u8]) {
    match parse(input) {
        Ok(file) => check_file(input, &file),
        Err(error) => {
            check_error(input, &error);
            check_further(input, &error);
        }
    }
}

fn check_file(text: &[u8], file: &Dockerfile) {
    check_spans(text, file);
    check_size(text, file);
    check_limits(text, file);
    check_format(text, file);
    check_line_ends(text, file);
    instructions(file).for_each(|instruction| check_trigger(instruction, file.directives.escape));
    assert!(json::to_json(file).is_object());
}

/// Returns all instructions of a file in order, including FROM and global arguments.
pub(crate) fn instructions(file: &Dockerfile) -> impl Iterator<Item = &Instruction> {
    let stages = file.stages.iter().flat_map(|stage| std::iter::once(&stage.from).chain(&stage.instructions));
    file.globals.iter().chain(stages)
}

fn count_lines(text: &[u8]) -> u32 {
    let newlines = text.iter().filter(|byte| **byte == b'\n').count();
    u32::try_from(newlines).expect("the size of the file is limited") + u32::from(!text.ends_with(b"\n"))
}

fn check_span(text: &[u8], span: Span) {
    let Span { start_line, end_line } = span;
    let last = count_lines(text).max(1);
    assert!(1 <= start_line && start_line <= end_line && end_line <= last, "{span:?} of {last} lines");
}

fn check_error(text: &[u8], error: &ParseError) {
    assert!(!error.message.is_empty());
    assert_ne!(error.hint.as_deref(), Some(""));
    check_span(text, error.span);
}

/// Checks that further errors have other lines than the first one, and are in order.
fn check_further(text: &[u8], first: &ParseError) {
    let further = further_errors(text, first).errors;
    assert!(further.len() < MAX_ERRORS);
    assert!(further.iter().all(|error| error.span != first.span));
    assert!(further.is_sorted_by_key(|error| error.span.start_line));
    further.iter().for_each(|error| check_error(text, error));
}

fn check_spans(text: &[u8], file: &Dockerfile) {
    let mut end = 0;
    for span in instructions(file).map(|instruction| instruction.span) {
        check_span(text, span);
        assert!(end < span.start_line, "{span:?} begins before the one above it ends, on line {end}");
        end = span.end_line;
    }
    file.notices.iter().for_each(|notice| check_span(text, notice.span));
}

/// Checks that the texts of all instructions are at most six times as large as the file.
///
/// A byte that is not UTF-8 becomes three bytes, and flags are kept both in the text and on their own.
fn check_size(text: &[u8], file: &Dockerfile) {
    let sizes = instructions(file).map(|instruction| {
        let heredocs = instruction.heredocs.iter().map(|heredoc| heredoc.content.len() + heredoc.name.len());
        let texts = instruction.flags.iter().chain(&instruction.comments).chain([&instruction.text]);
        texts.map(String::len).sum::<usize>() + heredocs.sum::<usize>()
    });
    let size_bytes: usize = sizes.sum();
    assert!(size_bytes <= 6 * text.len(), "the texts have {size_bytes} bytes, the file {}", text.len());
}

/// Returns the limits that the file just reaches.
fn reached_limits(text: &[u8], file: &Dockerfile) -> Limits {
    let lines = text.strip_prefix(b"\xef\xbb\xbf").unwrap_or(text).split(|byte| *byte == b'\n');
    let bodies = || instructions(file).flat_map(|instruction| heredoc_bytes(text, instruction));
    Limits {
        file_bytes: text.len(),
        line_bytes: lines.map(<[u8]>::len).max().unwrap_or(0),
        heredoc_bytes: bodies().max().unwrap_or(0),
        heredocs_bytes: bodies().sum(),
        stages: file.stages.len(),
        instructions: instructions(file).count(),
    }
}

/// Returns the sizes of the instruction's heredoc bodies in the file, which differ from those of their contents if
/// the file is not UTF-8.
fn heredoc_bytes(text: &[u8], instruction: &Instruction) -> Vec<usize> {
    let all: Vec<&[u8]> = text.split_inclusive(|byte| *byte == b'\n').collect();
    let mut end = instruction.span.end_line as usize;
    let mut sizes = Vec::new();
    for heredoc in instruction.heredocs.iter().rev() {
        let lines = heredoc.content.split_inclusive('\n').count();
        end -= 1;
        sizes.push(all[end - lines..end].iter().map(|line| line.len()).sum());
        end -= lines;
    }
    sizes
}

/// Checks that the file is parsed within the limits that it reaches, and not if one limit, chosen by the size of the
/// file, is smaller by one.
fn check_limits(text: &[u8], file: &Dockerfile) {
    let mut limits = reached_limits(text, file);
    assert_eq!(parse_with(text, limits).as_ref(), Ok(file), "{limits:?}");
    let (limit, before, after) = match text.len() % 6 {
        0 => (&mut limits.file_bytes, "dockerfile greater than max allowed size of", ""),
        1 => (&mut limits.line_bytes, "dockerfile line greater than max allowed size of", ""),
        2 => (&mut limits.heredoc_bytes, "heredoc greater than max allowed size of", ""),
        3 => (&mut limits.heredocs_bytes, "heredocs greater than max allowed total of", ""),
        4 => (&mut limits.stages, "dockerfile has more than", " stages"),
        _ => (&mut limits.instructions, "dockerfile has more than", " instructions"),
    };
    let Some(too_small) = limit.checked_sub(1) else { return };
    *limit = too_small;
    let error = parse_with(text, limits).expect_err("the file exceeds the limit");
    assert_eq!(error.message, format!("{before} {too_small}{after}"));
    check_error(text, &error);
}

fn check_format(text: &[u8], file: &Dockerfile) {
    let formatted = match format(text) {
        Ok(formatted) => formatted,
        Err(error) => {
            assert!(std::str::from_utf8(text).is_err(), "{error}");
            return check_error(text, &error);
        }
    };
    let again = parse(formatted.as_bytes()).expect("the formatted text is well formed");
    assert!(same(file, &again), "the file became {formatted:?}");
    assert_eq!(format(formatted.as_bytes()).as_ref(), Ok(&formatted), "formatting again");
}

/// Checks that line ends of CRLF do not change the syntax tree.
///
/// Files with heredocs are skipped: the bodies keep their line ends, so the trees differ.
fn check_line_ends(text: &[u8], file: &Dockerfile) {
    let has_bodies = instructions(file).any(|instruction| !instruction.heredocs.is_empty());
    if has_bodies || text.contains(&b'\r') {
        return;
    }
    let windows = text.split(|byte| *byte == b'\n').collect::<Vec<_>>().join(&b"\r\n"[..]);
    let limits = Limits { file_bytes: usize::MAX, line_bytes: usize::MAX, ..Limits::DEFAULT };
    assert_eq!(parse_with(&windows, limits).as_ref(), Ok(file), "with CRLF");
}

/// Checks that a trigger can be parsed from the text in an image config, and has the span of line 1.
fn check_trigger(instruction: &Instruction, escape: char) {
    let Kind::Onbuild(text) = &instruction.kind else { return };
    let span = match parse_trigger(text, escape) {
        Ok(trigger) => {
            assert!(!matches!(trigger.kind, Kind::Onbuild(_) | Kind::From | Kind::Maintainer(_)));
            trigger.span
        }
        Err(error) => {
            assert!(!error.message.is_empty());
            error.span
        }
    };
    assert_eq!(span, Span { start_line: 1, end_line: 1 });
}
