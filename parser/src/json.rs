//! JSON output of a parsed file or of its errors, printed by `dsbuild parse --format json`.
//!
//! ```text
//! {"directives": {"escape", "syntax", "check"}, "globals": [INSTRUCTION],
//!  "stages": [{"name", "base", "platform", "instructions": [INSTRUCTION]}]}
//! INSTRUCTION: {"cmd", "flags", "json", "args", "legacy", "start_line", "end_line", "heredocs"}
//! {"error": ERROR, "further": [ERROR]}            the error that BuildKit reports, and further ones
//! ERROR: {"line", "end_line", "message", "hint"}
//! ```
//!
//! Arguments are as written, with no variable expanded.

use serde_json::{Value, json};

use crate::{
    ast::{ArgDefinition, Command, Copy, Dockerfile, Healthcheck, Heredoc, Instruction, Kind, Pairs, Stage},
    error::ParseError,
    exec_form, flags,
    instruction::command_words,
    words,
};

/// Converts a parsed file to JSON.
pub fn to_json(file: &Dockerfile) -> Value {
    let directives = &file.directives;
    json!({
        "directives": {
            "escape": directives.escape,
            "syntax": directives.syntax,
            "check": directives.check,
        },
        "globals": file.globals.iter().map(instruction).collect::<Vec<_>>(),
        "stages": file.stages.iter().map(stage).collect::<Vec<_>>(),
    })
}

/// Converts the errors of a text to JSON; `further` are those found by [`further_errors`](crate::further_errors).
pub fn errors_to_json(first: &ParseError, further: &[ParseError]) -> Value {
    let further: Vec<Value> = further.iter().map(error).collect();
    json!({"error": error(first), "further": further})
}

fn error(error: &ParseError) -> Value {
    json!({
        "line": error.span.start_line,
        "end_line": error.span.end_line,
        "message": error.message,
        "hint": error.hint,
    })
}

fn stage(stage: &Stage) -> Value {
    let instructions: Vec<Value> =
        std::iter::once(&stage.from).chain(&stage.instructions).map(instruction).collect();
    json!({
        "name": stage.name.as_deref().unwrap_or_default(),
        "base": stage.base,
        "platform": stage.platform.as_deref().unwrap_or_default(),
        "instructions": instructions,
    })
}

fn instruction(instruction: &Instruction) -> Value {
    json!({
        "cmd": instruction.keyword.to_lowercase(),
        "flags": instruction.flags,
        "json": is_exec_form(instruction),
        "args": arguments(instruction),
        "legacy": matches!(&instruction.kind, Kind::Env(pairs) | Kind::Label(pairs) if pairs.legacy),
        "start_line": instruction.span.start_line,
        "end_line": instruction.span.end_line,
        "heredocs": instruction.heredocs.iter().map(heredoc).collect::<Vec<_>>(),
    })
}

fn heredoc(heredoc: &Heredoc) -> Value {
    json!({
        "name": heredoc.name,
        "expand": heredoc.expand,
        "chomp": heredoc.chomp,
        "content": heredoc.content,
    })
}

/// Returns the text after keyword and flags.
fn argument_text(instruction: &Instruction) -> &str {
    let (_, rest) = words::first(instruction.text.trim());
    let (_, rest) = flags::split(rest.unwrap_or_default());
    rest.trim()
}

fn is_exec_form(instruction: &Instruction) -> bool {
    match &instruction.kind {
        Kind::Cmd(command) | Kind::Entrypoint(command) => matches!(command, Command::Exec(_)),
        Kind::Run(run) => matches!(run.command, Command::Exec(_)),
        Kind::Healthcheck(Healthcheck::Cmd { command, .. }) => matches!(command, Command::Exec(_)),
        Kind::Shell(_) => true,
        Kind::Add(_) | Kind::Copy(_) | Kind::Volume(_) => {
            matches!(exec_form::parse(argument_text(instruction)), Ok(Some(_)))
        }
        _ => false,
    }
}

fn arguments(instruction: &Instruction) -> Vec<String> {
    match &instruction.kind {
        Kind::Add(copy) | Kind::Copy(copy) => sources_and_destination(copy),
        Kind::Arg(definitions) => definitions.iter().map(definition).collect(),
        Kind::Cmd(command) | Kind::Entrypoint(command) => command_words(command),
        Kind::Env(pairs) | Kind::Label(pairs) => names_and_values(pairs),
        Kind::Expose(words) | Kind::Shell(words) | Kind::Volume(words) => words.clone(),
        Kind::From => words::words(argument_text(instruction)),
        Kind::Healthcheck(healthcheck) => type_and_command(argument_text(instruction), healthcheck),
        Kind::Maintainer(text)
        | Kind::Onbuild(text)
        | Kind::Stopsignal(text)
        | Kind::User(text)
        | Kind::Workdir(text) => vec![text.clone()],
        Kind::Run(run) => command_words(&run.command),
    }
}

fn sources_and_destination(copy: &Copy) -> Vec<String> {
    copy.sources.iter().chain([&copy.destination]).cloned().collect()
}

fn definition(definition: &ArgDefinition) -> String {
    match &definition.default {
        Some(default) => format!("{}={default}", definition.name),
        None => definition.name.clone(),
    }
}

fn names_and_values(pairs: &Pairs) -> Vec<String> {
    pairs.pairs.iter().flat_map(|(name, value)| [name.clone(), value.clone()]).collect()
}

/// Returns `NONE` or `CMD` as written in `text`, and the words of the command.
fn type_and_command(text: &str, healthcheck: &Healthcheck) -> Vec<String> {
    let word = text.split_whitespace().take(1).map(String::from);
    match healthcheck {
        Healthcheck::None => word.collect(),
        Healthcheck::Cmd { command, .. } => word.chain(command_words(command)).collect(),
    }
}
