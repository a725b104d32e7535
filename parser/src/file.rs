//! Parsing of whole files, and of single instructions outside of a file.
//!
//! There are two passes, as in BuildKit. The first one converts all lines to nodes ([`crate::syntax`]), the second one
//! checks each node ([`crate::instruction`]) and adds it to its stage. An error of the first pass takes precedence
//! over all errors of the second, even if it is on a later line.

use crate::{
    ast::{Dockerfile, Instruction, Kind, Notice, NoticeKind, Span, Stage},
    directive,
    error::{Fault, ParseError},
    heredoc,
    instruction::{self, Item, StageHead},
    limits::Limits,
    lines::LineReader,
    syntax::Node,
};

/// Parses a Dockerfile within the default limits.
///
/// A file that has only ARG instructions is valid and has no stages.
pub fn parse(text: &[u8]) -> Result<Dockerfile, ParseError> {
    parse_with(text, Limits::DEFAULT)
}

/// Parses a Dockerfile within the given limits.
pub fn parse_with(text: &[u8], limits: Limits) -> Result<Dockerfile, ParseError> {
    let mut file = empty();
    parse_into(&mut file, text, limits).map(|()| file)
}

/// Parses as much of a Dockerfile as possible: the instructions above the first one that is invalid, and its error.
///
/// If a line cannot be converted to a node, there are no instructions, since such an error takes precedence over all
/// instructions.
pub fn parse_partially(text: &[u8]) -> (Dockerfile, Option<ParseError>) {
    let mut file = empty();
    let error = parse_into(&mut file, text, Limits::DEFAULT).err();
    (file, error)
}

/// Returns a file without directives and instructions.
fn empty() -> Dockerfile {
    let directives = directive::lookup(b"", '\\');
    Dockerfile { directives, globals: Vec::new(), stages: Vec::new(), notices: Vec::new() }
}

/// Adds the instructions of a text to `file` until one is invalid.
fn parse_into(file: &mut Dockerfile, text: &[u8], limits: Limits) -> Result<(), ParseError> {
    if text.len() > limits.file_bytes {
        let message = format!("dockerfile greater than max allowed size of {}", limits.file_bytes);
        return Err(Fault::new(message).at(Span { start_line: 1, end_line: 1 }));
    }
    let text = text.strip_prefix(b"\xef\xbb\xbf").unwrap_or(text);
    let mut lines = LineReader::new(text, '\\', limits);
    let (nodes, notices) = read_nodes(&mut lines, limits)?;
    file.directives = directive::lookup(text, lines.escape());
    file.notices = notices;
    nodes.into_iter().try_for_each(|node| add(file, node, limits))
}

/// Parses the text of an ONBUILD trigger in the form that image configs have.
///
/// Instruction and errors have the span of line 1, since the trigger has no lines in the file being built.
pub fn parse_trigger(text: &str, escape: char) -> Result<Instruction, ParseError> {
    let first_line = Span { start_line: 1, end_line: 1 };
    let limits = Limits::DEFAULT;
    let nodes = read_nodes(&mut LineReader::new(text.as_bytes(), escape, limits), limits);
    let (nodes, _) = nodes.map_err(|error| ParseError { span: first_line, ..error })?;
    let Ok([node]) = <[Node; 1]>::try_from(nodes) else {
        return Err(Fault::new("onbuild trigger should be a single expression").at(first_line));
    };
    match instruction::check(Node { span: first_line, ..node })? {
        Item::Instruction(Instruction { kind: Kind::Onbuild(_), .. }) => {
            Err(Fault::new("Chaining ONBUILD via `ONBUILD ONBUILD` isn't allowed").at(first_line))
        }
        Item::Instruction(Instruction { kind: Kind::Maintainer(_), .. }) => {
            Err(Fault::new("MAINTAINER isn't allowed as an ONBUILD trigger").at(first_line))
        }
        Item::Instruction(instruction) => Ok(instruction),
        Item::Stage(..) => Err(Fault::new("FROM isn't allowed as an ONBUILD trigger").at(first_line)),
    }
}

/// Parses the text of exactly one instruction, or returns `None` if it is anything else.
pub(crate) fn parse_one(text: &str, escape: char) -> Option<Instruction> {
    let limits = Limits::DEFAULT;
    let (nodes, _) =
        read_nodes(&mut LineReader::below_directives(text.as_bytes(), escape, limits), limits).ok()?;
    let [node] = <[Node; 1]>::try_from(nodes).ok()?;
    match instruction::check(node).ok()? {
        Item::Instruction(instruction) | Item::Stage(_, instruction) => Some(instruction),
    }
}

/// The first pass: converts all lines to nodes, and notes irregularities.
fn read_nodes(lines: &mut LineReader<'_>, limits: Limits) -> Result<(Vec<Node>, Vec<Notice>), ParseError> {
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

/// Reads the bodies of the node's heredocs from the lines after it.
pub(crate) fn with_heredocs(mut node: Node, lines: &mut LineReader<'_>) -> Result<Node, ParseError> {
    let Some(text) = node.heredoc_text() else { return Ok(node) };
    let markers = heredoc::markers(text).map_err(|fault| fault.at(node.span))?;
    for marker in markers {
        node.heredocs.push(lines.heredoc(marker, node.span)?);
        node.span.end_line = lines.here().end_line;
    }
    Ok(node)
}

/// The second pass: checks a node and adds it to the current stage, or starts a stage.
fn add(file: &mut Dockerfile, node: Node, limits: Limits) -> Result<(), ParseError> {
    let span = node.span;
    match instruction::check(node)? {
        Item::Stage(..) if file.stages.len() == limits.stages => {
            Err(Fault::new(format!("dockerfile has more than {} stages", limits.stages)).at(span))
        }
        Item::Stage(head, from) => {
            file.notices.extend(casing(&head, &from));
            file.stages.push(stage(head, from));
            Ok(())
        }
        Item::Instruction(instruction) => {
            let instructions = match (file.stages.last_mut(), &instruction.kind) {
                (Some(stage), _) => &mut stage.instructions,
                (None, Kind::Arg(_)) => &mut file.globals,
                (None, _) => return Err(before_first_stage().at(span)),
            };
            instructions.push(instruction);
            Ok(())
        }
    }
}

/// Returns the error for an instruction other than ARG above the first FROM.
pub(crate) fn before_first_stage() -> Fault {
    Fault::new("no build stage in current context").hint("only ARG may stand before the first FROM")
}

fn stage(head: StageHead, from: Instruction) -> Stage {
    let StageHead { base, name, platform, .. } = head;
    let lower = name.as_ref().map(|name| name.to_lowercase());
    Stage { name: lower, name_as_written: name, base, platform, from, instructions: Vec::new() }
}

/// Returns a notice if AS is not in the case of FROM; a FROM in mixed case matches any AS.
fn casing(head: &StageHead, from: &Instruction) -> Option<Notice> {
    let as_word = head.as_word.clone()?;
    let keyword = from.keyword.clone();
    let expected = if keyword == keyword.to_lowercase() {
        as_word.to_lowercase()
    } else if keyword == keyword.to_uppercase() {
        as_word.to_uppercase()
    } else {
        return None;
    };
    let kind = NoticeKind::FromAsCasing { from: keyword, as_word: as_word.clone() };
    (as_word != expected).then_some(Notice { kind, span: from.span })
}
