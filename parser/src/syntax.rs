//! The first pass over an instruction: a logical line to keyword, flags and arguments, which are not checked yet.
//!
//! Like BuildKit's parser, this pass reads the whole file before the second pass ([`crate::instruction`]) begins. It
//! does not check the keyword; an instruction with an unknown one has no arguments.

use crate::{
    ast::{Heredoc, Span},
    error::Fault,
    exec_form, flags,
    keyword::Keyword,
    words,
};

/// An instruction whose flags and arguments are not checked yet.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Node {
    /// Keyword as written, known or not.
    pub(crate) keyword: String,
    pub(crate) flags: Vec<String>,
    pub(crate) arguments: Arguments,
    /// The logical line, as in [`LogicalLine`](crate::lines::LogicalLine).
    pub(crate) text: String,
    pub(crate) span: Span,
    pub(crate) heredocs: Vec<Heredoc>,
    pub(crate) comments: Vec<String>,
}

/// The arguments, in the form that the keyword requires.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Arguments {
    /// Words, or a single text, or nothing.
    Words(Vec<String>),
    /// Elements of a JSON array: the exec form.
    Json(Vec<String>),
    /// Names and values of ENV or LABEL; true for the legacy form `NAME value`.
    Pairs(Vec<(String, String)>, bool),
    /// Type of a HEALTHCHECK (NONE or CMD), and the arguments after it.
    Typed(String, Box<Arguments>),
    /// The instruction that ONBUILD adds as a trigger.
    Trigger(Box<Node>),
}

impl Default for Arguments {
    fn default() -> Self {
        Self::Words(Vec::new())
    }
}

impl Node {
    /// Parses a logical line.
    pub(crate) fn read(text: &str, escape: char) -> Result<Self, Fault> {
        Self::read_nested(text, escape, 0)
    }

    fn read_nested(text: &str, escape: char, depth: usize) -> Result<Self, Fault> {
        let (keyword, rest) = words::first(text.trim());
        let (flags, rest) = flags::split(rest.unwrap_or_default());
        let arguments = arguments(keyword, rest.trim(), escape, depth)?;
        Ok(Self { keyword: keyword.into(), flags, arguments, text: text.into(), ..Self::default() })
    }

    /// Returns the text that can contain heredoc markers, or `None` if the instruction cannot have heredocs.
    pub(crate) fn heredoc_text(&self) -> Option<&str> {
        let inner = match &self.arguments {
            Arguments::Trigger(trigger) => trigger,
            _ => self,
        };
        let keyword = Keyword::read(&inner.keyword);
        let takes_heredocs = matches!(keyword, Some(Keyword::Add | Keyword::Copy | Keyword::Run));
        let is_json = matches!(inner.arguments, Arguments::Json(_));
        (takes_heredocs && !is_json).then_some(self.text.as_str())
    }

    /// Returns the arguments in plain or exec form; empty if they have another form.
    pub(crate) fn words(&self) -> &[String] {
        match &self.arguments {
            Arguments::Words(words) | Arguments::Json(words) => words,
            _ => &[],
        }
    }

    /// Moves the arguments that [`Self::words`] returns out of the node.
    pub(crate) fn take_words(&mut self) -> Vec<String> {
        match std::mem::take(&mut self.arguments) {
            Arguments::Words(words) | Arguments::Json(words) => words,
            _ => Vec::new(),
        }
    }
}

fn arguments(keyword: &str, rest: &str, escape: char, depth: usize) -> Result<Arguments, Fault> {
    use Keyword::*;
    Ok(match Keyword::read(keyword) {
        Some(Add | Copy | Volume) => match exec_form::parse(rest)? {
            Some(strings) => Arguments::Json(strings),
            None => Arguments::Words(words::words(rest)),
        },
        Some(Cmd | Entrypoint | Run | Shell) => json_or_text(rest)?,
        Some(keyword @ (Env | Label)) => pairs(keyword, rest, escape)?,
        Some(Arg) => Arguments::Words(words::raw_words(rest, escape).into_iter().map(String::from).collect()),
        Some(Expose | From) => Arguments::Words(words::words(rest)),
        Some(Healthcheck) => healthcheck(rest)?,
        Some(Maintainer | Stopsignal | User | Workdir) => text(rest),
        Some(Onbuild) => trigger(rest, escape, depth)?,
        None => Arguments::default(),
    })
}

fn text(rest: &str) -> Arguments {
    Arguments::Words(if rest.is_empty() { Vec::new() } else { vec![rest.into()] })
}

fn json_or_text(rest: &str) -> Result<Arguments, Fault> {
    Ok(exec_form::parse(rest)?.map_or_else(|| text(rest), Arguments::Json))
}

fn healthcheck(rest: &str) -> Result<Arguments, Fault> {
    if rest.is_empty() {
        return Ok(Arguments::default());
    }
    let end = rest.find(char::is_whitespace).unwrap_or(rest.len());
    let (kind, command) = rest.split_at(end);
    Ok(Arguments::Typed(kind.into(), Box::new(json_or_text(command.trim_start())?)))
}

fn trigger(rest: &str, escape: char, depth: usize) -> Result<Arguments, Fault> {
    // The second pass rejects ONBUILD ONBUILD. Without this limit, the recursion would be as deep as the line is long.
    if rest.is_empty() || depth > 1 {
        return Ok(Arguments::default());
    }
    Ok(Arguments::Trigger(Box::new(Node::read_nested(rest, escape, depth + 1)?)))
}

/// Parses `NAME=value ...` or the legacy form `NAME rest of the line`, depending on the first word.
fn pairs(keyword: Keyword, rest: &str, escape: char) -> Result<Arguments, Fault> {
    let words = words::raw_words(rest, escape);
    if words.first().is_some_and(|word| !word.contains('=')) {
        let (name, value) = words::first(rest);
        let value = value.ok_or_else(|| {
            keyword.misused(format!("{} must have two arguments", keyword.name())).blaming(name)
        })?;
        return Ok(Arguments::Pairs(vec![(name.into(), value.into())], true));
    }
    let pairs: Result<_, Fault> = words.into_iter().map(pair).collect();
    Ok(Arguments::Pairs(pairs?, false))
}

fn pair(word: &str) -> Result<(String, String), Fault> {
    let split = word.split_once('=').map(|(name, value)| (name.to_string(), value.to_string()));
    split.ok_or_else(|| {
        let message = format!("Syntax error - can't find = in {word:?}. Must be of the form: name=value");
        Fault::new(message).blaming(word).hint("put a value that has blanks in quotes: name=\"a value\"")
    })
}
