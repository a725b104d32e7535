//! Logical lines to a file of stages.

use crate::{
    ast::{Dockerfile, Instruction, Kind, Notice, NoticeKind, Span, Stage},
    directive,
    error::{Fault, ParseError},
    heredoc,
    instruction::{self, Meaning, StageHead},
    limits::Limits,
    lines::Lines,
    syntax::Node,
};

/// Parses a whole file.
///
/// A file of ARGs alone is accepted and has no stage.
pub fn parse(text: &[u8]) -> Result<Dockerfile, ParseError> {
    parse_with(text, Limits::DEFAULT)
}

/// Parses a whole file within other limits.
pub fn parse_with(text: &[u8], limits: Limits) -> Result<Dockerfile, ParseError> {
    if text.len() > limits.file_bytes {
        let message = format!("dockerfile greater than max allowed size of {}", limits.file_bytes);
        return Err(Fault::new(message).at(Span { start_line: 1, end_line: 1 }));
    }
    let text = text.strip_prefix(b"\xef\xbb\xbf").unwrap_or(text);
    let mut lines = Lines::new(text, '\\', limits);
    let (nodes, notices) = nodes(&mut lines, limits)?;
    let directives = directive::lookup(text, lines.escape());
    let mut file = Dockerfile { directives, globals: Vec::new(), stages: Vec::new(), notices };
    for node in nodes {
        add(&mut file, node, limits)?;
    }
    Ok(file)
}

/// Parses one ONBUILD trigger as an image config holds it; its span is line 1.
pub fn parse_trigger(text: &str, escape: char) -> Result<Instruction, ParseError> {
    let first_line = Span { start_line: 1, end_line: 1 };
    let limits = Limits::DEFAULT;
    let nodes = nodes(&mut Lines::new(text.as_bytes(), escape, limits), limits);
    let (nodes, _) = nodes.map_err(|error| ParseError { span: first_line, ..error })?;
    let Ok([node]) = <[Node; 1]>::try_from(nodes) else {
        return Err(Fault::new("onbuild trigger should be a single expression").at(first_line));
    };
    match instruction::check(Node { span: first_line, ..node })? {
        Meaning::Instruction(Instruction { kind: Kind::Onbuild(_), .. }) => {
            Err(Fault::new("Chaining ONBUILD via `ONBUILD ONBUILD` isn't allowed").at(first_line))
        }
        Meaning::Instruction(Instruction { kind: Kind::Maintainer(_), .. }) => {
            Err(Fault::new("MAINTAINER isn't allowed as an ONBUILD trigger").at(first_line))
        }
        Meaning::Instruction(instruction) => Ok(instruction),
        Meaning::Stage(..) => Err(Fault::new("FROM isn't allowed as an ONBUILD trigger").at(first_line)),
    }
}

/// Parses the text of exactly one instruction; `None` if it is anything else.
pub(crate) fn parse_one(text: &str, escape: char) -> Option<Instruction> {
    let limits = Limits::DEFAULT;
    let (nodes, _) = nodes(&mut Lines::below_directives(text.as_bytes(), escape, limits), limits).ok()?;
    let [node] = <[Node; 1]>::try_from(nodes).ok()?;
    match instruction::check(node).ok()? {
        Meaning::Instruction(instruction) | Meaning::Stage(_, instruction) => Some(instruction),
    }
}

/// The first pass: reads all there is.
fn nodes(lines: &mut Lines<'_>, limits: Limits) -> Result<(Vec<Node>, Vec<Notice>), ParseError> {
    let mut nodes = Vec::new();
    let mut notices = Vec::new();
    while let Some(line) = lines.logical()? {
        if nodes.len() == limits.instructions {
            let message = format!("dockerfile has more than {} instructions", limits.instructions);
            return Err(Fault::new(message).at(line.span));
        }
        if line.has_blank_line {
            notices.push(Notice { kind: NoticeKind::EmptyContinuation, span: line.span });
        }
        let node = Node::read(&line.text, lines.escape()).map_err(|fault| fault.at(line.span))?;
        let node = Node { span: line.span, comments: line.comments, ..node };
        nodes.push(with_heredocs(node, lines)?);
    }
    if nodes.is_empty() {
        let fault = Fault::new("file with no instructions");
        return Err(fault.hint("the first instruction is FROM, as in `FROM debian:12`").at(lines.here()));
    }
    Ok((nodes, notices))
}

pub(crate) fn with_heredocs(mut node: Node, lines: &mut Lines<'_>) -> Result<Node, ParseError> {
    let Some(text) = node.heredoc_text() else { return Ok(node) };
    let markers = heredoc::markers(text).map_err(|fault| fault.at(node.span))?;
    for marker in markers {
        node.heredocs.push(lines.heredoc(marker, node.span)?);
        node.span.end_line = lines.here().end_line;
    }
    Ok(node)
}

/// The second pass: checks one instruction and puts it where it belongs.
fn add(file: &mut Dockerfile, node: Node, limits: Limits) -> Result<(), ParseError> {
    let span = node.span;
    match instruction::check(node)? {
        Meaning::Stage(..) if file.stages.len() == limits.stages => {
            Err(Fault::new(format!("dockerfile has more than {} stages", limits.stages)).at(span))
        }
        Meaning::Stage(head, from) => {
            file.notices.extend(casing(&head, &from));
            file.stages.push(stage(head, from));
            Ok(())
        }
        Meaning::Instruction(instruction) => match (file.stages.last_mut(), &instruction.kind) {
            (Some(stage), _) => {
                stage.instructions.push(instruction);
                Ok(())
            }
            (None, Kind::Arg(_)) => {
                file.globals.push(instruction);
                Ok(())
            }
            (None, _) => Err(before_any_stage().at(span)),
        },
    }
}

pub(crate) fn before_any_stage() -> Fault {
    Fault::new("no build stage in current context").hint("only ARG may stand before the first FROM")
}

fn stage(head: StageHead, from: Instruction) -> Stage {
    let StageHead { base, name, platform, .. } = head;
    let lower = name.as_ref().map(|name| name.to_lowercase());
    Stage { name: lower, name_as_written: name, base, platform, from, instructions: Vec::new() }
}

/// AS should be written in the case of FROM, if that has one.
fn casing(head: &StageHead, from: &Instruction) -> Option<Notice> {
    let as_word = head.as_word.clone()?;
    let keyword = from.keyword.clone();
    let expected = match &keyword {
        lower if *lower == lower.to_lowercase() => as_word.to_lowercase(),
        upper if *upper == upper.to_uppercase() => as_word.to_uppercase(),
        _ => return None,
    };
    let kind = NoticeKind::FromAsCasing { from: keyword, as_word: as_word.clone() };
    (as_word != expected).then_some(Notice { kind, span: from.span })
}
