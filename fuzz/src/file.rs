//! Whole Dockerfiles: what the parser makes of them, and what formatting leaves of them.
//!
//! The input is the file.

use parser::{
    Limits, ParseError,
    ast::{Dockerfile, Instruction, Kind, Span},
    diagnose::{MAX_ERRORS, further_errors},
    format::{format, same},
    json, parse, parse_trigger, parse_with,
};

/// - An error says something, about lines of the file.
/// - Instructions stand on lines of the file, in order, apart from each other.
/// - What is kept of the text is not much more than the text.
/// - A limit that is just what the file needs is kept, a smaller one is an error.
/// - A formatted file means the same, and formatting it again changes nothing.
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

/// FROMs included, in order.
pub(crate) fn instructions(file: &Dockerfile) -> impl Iterator<Item = &Instruction> {
    let stages = file.stages.iter().flat_map(|stage| std::iter::once(&stage.from).chain(&stage.instructions));
    file.globals.iter().chain(stages)
}

fn lines(text: &[u8]) -> u32 {
    let newlines = text.iter().filter(|byte| **byte == b'\n').count();
    u32::try_from(newlines).expect("the file has a limit") + u32::from(!text.ends_with(b"\n"))
}

fn check_span(text: &[u8], span: Span) {
    let Span { start_line, end_line } = span;
    let last = lines(text).max(1);
    assert!(1 <= start_line && start_line <= end_line && end_line <= last, "{span:?} of {last} lines");
}

fn check_error(text: &[u8], error: &ParseError) {
    assert!(!error.message.is_empty());
    assert_ne!(error.hint.as_deref(), Some(""));
    check_span(text, error.span);
}

/// The other errors are about other lines, in order.
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

/// A byte that is no UTF-8 becomes three, and the text is kept as a whole beside its flags.
fn check_size(text: &[u8], file: &Dockerfile) {
    let sizes = instructions(file).map(|instruction| {
        let heredocs = instruction.heredocs.iter().map(|heredoc| heredoc.content.len() + heredoc.name.len());
        let texts = instruction.flags.iter().chain(&instruction.comments).chain([&instruction.text]);
        texts.map(String::len).sum::<usize>() + heredocs.sum::<usize>()
    });
    let size_bytes: usize = sizes.sum();
    assert!(size_bytes <= 6 * text.len(), "{size_bytes} bytes are kept of {}", text.len());
}

/// What the file needs of each limit, counted from the text.
fn needs(text: &[u8], file: &Dockerfile) -> Limits {
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

/// How long the bodies are in the text, which may be no UTF-8.
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

/// Takes one limit, another for each length of the text, and makes it one too small.
fn check_limits(text: &[u8], file: &Dockerfile) {
    let mut limits = needs(text, file);
    assert_eq!(parse_with(text, limits).as_ref(), Ok(file), "{limits:?}");
    let (limit, before, after) = match text.len() % 6 {
        0 => (&mut limits.file_bytes, "dockerfile greater than max allowed size of", ""),
        1 => (&mut limits.line_bytes, "dockerfile line greater than max allowed size of", ""),
        2 => (&mut limits.heredoc_bytes, "heredoc greater than max allowed size of", ""),
        3 => (&mut limits.heredocs_bytes, "heredocs greater than max allowed total of", ""),
        4 => (&mut limits.stages, "dockerfile has more than", " stages"),
        _ => (&mut limits.instructions, "dockerfile has more than", " instructions"),
    };
    let Some(less) = limit.checked_sub(1) else { return };
    *limit = less;
    let error = parse_with(text, limits).expect_err("it has less than it needs");
    assert_eq!(error.message, format!("{before} {less}{after}"));
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
    let again = parse(formatted.as_bytes()).expect("what was formatted parses");
    assert!(same(file, &again), "became {formatted:?}");
    assert_eq!(format(formatted.as_bytes()).as_ref(), Ok(&formatted), "formatting again");
}

/// Lines may end in CRLF. Bodies of heredocs keep their ends, so there they would differ.
fn check_line_ends(text: &[u8], file: &Dockerfile) {
    let has_bodies = instructions(file).any(|instruction| !instruction.heredocs.is_empty());
    if has_bodies || text.contains(&b'\r') {
        return;
    }
    let windows = text.split(|byte| *byte == b'\n').collect::<Vec<_>>().join(&b"\r\n"[..]);
    let limits = Limits { file_bytes: usize::MAX, line_bytes: usize::MAX, ..Limits::DEFAULT };
    assert_eq!(parse_with(&windows, limits).as_ref(), Ok(file), "with CRLF");
}

/// A trigger is read as the image that inherits it reads it: on one line.
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
