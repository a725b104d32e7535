//! The second pass over an instruction: checks flags and arguments, and gives them their types.
//!
//! For each instruction, a function with its name converts a [`Node`] to the data of a [`Kind`]. It defines the flags
//! of the instruction, the number of arguments and their form.

mod copy;
mod from;
mod healthcheck;
mod run;

pub(crate) use from::StageHead;
pub(crate) use run::command_words;

use crate::{
    ast::{ArgDefinition, Command, Instruction, Kind, Pairs},
    error::{Fault, ParseError},
    flags::Flags,
    keyword::Keyword,
    syntax::{Arguments, Node},
};

/// A checked instruction, by its place in the syntax tree.
pub(crate) enum Item {
    /// FROM, which starts a stage.
    Stage(StageHead, Instruction),
    /// Any other instruction, which is added to a stage or to the global arguments.
    Instruction(Instruction),
}

/// Checks an instruction and converts it to its typed form.
pub(crate) fn check(mut node: Node) -> Result<Item, ParseError> {
    let span = node.span;
    let keyword = Keyword::read(&node.keyword).ok_or_else(|| unknown(&node))?;
    if keyword == Keyword::From {
        let head = from::from(&node).map_err(|fault| fault.at(span))?;
        return Ok(Item::Stage(head, instruction(node, Kind::From)));
    }
    let kind = kind(keyword, &mut node).map_err(|fault| fault.at(span))?;
    Ok(Item::Instruction(instruction(node, kind)))
}

/// Returns the error for an unknown keyword.
pub(crate) fn unknown(node: &Node) -> ParseError {
    Keyword::unknown(&node.keyword, node.span.start_line == 1).at(node.span)
}

fn instruction(node: Node, kind: Kind) -> Instruction {
    let Node { keyword, flags, text, span, heredocs, comments, .. } = node;
    Instruction { keyword, kind, flags, text, span, heredocs, comments }
}

/// Converts the arguments. They are moved out of the node, since there can be many.
fn kind(keyword: Keyword, node: &mut Node) -> Result<Kind, Fault> {
    Ok(match keyword {
        Keyword::Add => Kind::Add(copy::add(node)?),
        Keyword::Arg => Kind::Arg(arg(node)?),
        Keyword::Cmd => Kind::Cmd(plain_command(node)?),
        Keyword::Copy => Kind::Copy(copy::copy(node)?),
        Keyword::Entrypoint => Kind::Entrypoint(plain_command(node)?),
        Keyword::Env => Kind::Env(pairs(Keyword::Env, node)?),
        Keyword::Expose => Kind::Expose(expose(node)?),
        Keyword::From => Kind::From,
        Keyword::Healthcheck => Kind::Healthcheck(healthcheck::healthcheck(node)?),
        Keyword::Label => Kind::Label(pairs(Keyword::Label, node)?),
        Keyword::Maintainer => Kind::Maintainer(single(keyword, node)?),
        Keyword::Onbuild => Kind::Onbuild(onbuild(node)?),
        Keyword::Run => Kind::Run(run::run(node)?),
        Keyword::Shell => Kind::Shell(shell(node)?),
        Keyword::Stopsignal => Kind::Stopsignal(only_word(keyword, node)?),
        Keyword::User => Kind::User(single(keyword, node)?),
        Keyword::Volume => Kind::Volume(volume(node)?),
        Keyword::Workdir => Kind::Workdir(single(keyword, node)?),
    })
}

/// Checks that the instruction has no flags.
fn no_flags(node: &Node) -> Result<(), Fault> {
    Flags::check(&node.flags, &[]).map(drop)
}

fn at_least_one(keyword: Keyword) -> Fault {
    keyword.misused(format!("{} requires at least one argument", keyword.name()))
}

/// Checks `ARG name[=default] ...`.
fn arg(node: &Node) -> Result<Vec<ArgDefinition>, Fault> {
    no_flags(node)?;
    let words = node.words();
    if words.is_empty() {
        return Err(at_least_one(Keyword::Arg));
    }
    words.iter().map(|word| arg_definition(word)).collect()
}

fn arg_definition(word: &str) -> Result<ArgDefinition, Fault> {
    let (name, default) = match word.split_once('=') {
        Some((name, default)) => (name, Some(default.to_string())),
        None => (word, None),
    };
    if name.is_empty() {
        return Err(Keyword::Arg.misused("ARG names can not be blank").blaming(word));
    }
    Ok(ArgDefinition { name: name.into(), default })
}

/// Checks ENV and LABEL, in the form `ENV name=value ...` or in the legacy form `ENV name value`.
fn pairs(keyword: Keyword, node: &mut Node) -> Result<Pairs, Fault> {
    no_flags(node)?;
    let Arguments::Pairs(pairs, legacy) = std::mem::take(&mut node.arguments) else {
        return Err(at_least_one(keyword));
    };
    if pairs.is_empty() {
        return Err(at_least_one(keyword));
    }
    if pairs.iter().any(|(name, _)| name.is_empty()) {
        return Err(keyword.misused(format!("{} names can not be blank", keyword.name())));
    }
    Ok(Pairs { pairs, legacy })
}

/// Checks CMD and ENTRYPOINT, which have a command and no flags.
fn plain_command(node: &mut Node) -> Result<Command, Fault> {
    no_flags(node)?;
    Ok(command(std::mem::take(&mut node.arguments)))
}

/// Converts arguments to a command in exec form or shell form; no arguments are an empty text in shell form.
fn command(arguments: Arguments) -> Command {
    match arguments {
        Arguments::Json(strings) => Command::Exec(strings),
        Arguments::Words(words) => Command::Shell(words.join(" ")),
        _ => Command::Shell(String::new()),
    }
}

/// Checks `EXPOSE port ...`, which needs at least one port.
fn expose(node: &mut Node) -> Result<Vec<String>, Fault> {
    no_flags(node)?;
    let words = node.take_words();
    if words.is_empty() { Err(at_least_one(Keyword::Expose)) } else { Ok(words) }
}

/// Checks USER, WORKDIR and MAINTAINER, which take a single text and no flags.
fn single(keyword: Keyword, node: &Node) -> Result<String, Fault> {
    let word = only_word(keyword, node)?;
    no_flags(node)?;
    Ok(word)
}

fn only_word(keyword: Keyword, node: &Node) -> Result<String, Fault> {
    match node.words() {
        [word] => Ok(word.clone()),
        _ => Err(keyword.misused(format!("{} requires exactly one argument", keyword.name()))),
    }
}

/// Checks `ONBUILD instruction` and returns the text of the trigger, as it is in an image config.
fn onbuild(node: &Node) -> Result<String, Fault> {
    let Arguments::Trigger(trigger) = &node.arguments else { return Err(at_least_one(Keyword::Onbuild)) };
    no_flags(node)?;
    check_trigger(&trigger.keyword)?;
    let keyword_bytes = node.keyword.len();
    let mut text = node.text.trim_start()[keyword_bytes..].trim_start().to_string();
    for heredoc in &node.heredocs {
        text.extend(["\n", &heredoc.content, &heredoc.name]);
    }
    Ok(text)
}

fn check_trigger(keyword: &str) -> Result<(), Fault> {
    match Keyword::read(keyword) {
        Some(Keyword::Onbuild) => Err(Fault::new("Chaining ONBUILD via `ONBUILD ONBUILD` isn't allowed")),
        Some(Keyword::Maintainer | Keyword::From) => {
            let name = keyword.to_uppercase();
            Err(Fault::new(format!("{name} isn't allowed as an ONBUILD trigger")))
        }
        _ => Ok(()),
    }
}

/// Checks `SHELL ["program", "argument", ...]`, which has no shell form.
fn shell(node: &mut Node) -> Result<Vec<String>, Fault> {
    no_flags(node)?;
    match command(std::mem::take(&mut node.arguments)) {
        Command::Exec(strings) if !strings.is_empty() => Ok(strings),
        Command::Shell(text) if !text.is_empty() => {
            Err(Keyword::Shell.misused("SHELL requires the arguments to be in JSON form"))
        }
        _ => Err(at_least_one(Keyword::Shell)),
    }
}

/// Checks `VOLUME path ...`, which needs at least one path.
fn volume(node: &Node) -> Result<Vec<String>, Fault> {
    let words: Vec<String> = node.words().iter().map(|word| word.trim().to_string()).collect();
    if words.is_empty() {
        return Err(at_least_one(Keyword::Volume));
    }
    no_flags(node)?;
    if words.iter().any(String::is_empty) {
        return Err(Fault::new("VOLUME specified can not be an empty string"));
    }
    Ok(words)
}
