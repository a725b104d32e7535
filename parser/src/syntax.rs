//! A logical line to an instruction's keyword, flags and arguments, not yet checked.
//!
//! The first of BuildKit's two passes: it goes through the whole file before the second one
//! ([`crate::instruction`]) begins, so that an error of this pass wins over any of that one. An
//! unknown keyword is none of its errors.

use crate::{
    ast::{Heredoc, Span},
    error::Fault,
    exec_form, flags,
    keyword::Keyword,
    words,
};

/// An instruction before its meaning is checked.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Node {
    /// As written.
    pub(crate) keyword: String,
    pub(crate) flags: Vec<String>,
    pub(crate) arguments: Arguments,
    /// The logical line.
    pub(crate) text: String,
    pub(crate) span: Span,
    pub(crate) heredocs: Vec<Heredoc>,
    pub(crate) comments: Vec<String>,
}

/// The arguments, in the form that the keyword asks for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Arguments {
    /// Single words, or one text, or nothing.
    Words(Vec<String>),
    /// The exec form.
    Json(Vec<String>),
    /// Names and values; the flag is for `NAME value`.
    Pairs(Vec<(String, String)>, bool),
    /// HEALTHCHECK: the type, and what follows.
    Typed(String, Box<Arguments>),
    /// ONBUILD.
    Trigger(Box<Node>),
}

impl Default for Arguments {
    fn default() -> Self {
        Self::Words(Vec::new())
    }
}

impl Node {
    /// Reads one logical line.
    pub(crate) fn read(text: &str, escape: char) -> Result<Self, Fault> {
        Self::read_nested(text, escape, 0)
    }

    fn read_nested(text: &str, escape: char, depth: usize) -> Result<Self, Fault> {
        let (keyword, rest) = words::first(text.trim());
        let (flags, rest) = flags::split(rest.unwrap_or_default());
        let arguments = arguments(keyword, rest.trim(), escape, depth)?;
        Ok(Self { keyword: keyword.into(), flags, arguments, text: text.into(), ..Self::default() })
    }

    /// The line in which heredocs are looked for; `None` if the instruction takes none.
    pub(crate) fn heredoc_text(&self) -> Option<&str> {
        let inner = match &self.arguments {
            Arguments::Trigger(trigger) => trigger,
            _ => self,
        };
        let takes =
            matches!(Keyword::read(&inner.keyword), Some(Keyword::Add | Keyword::Copy | Keyword::Run));
        let is_json = matches!(inner.arguments, Arguments::Json(_));
        (takes && !is_json).then_some(self.text.as_str())
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
    // ONBUILD ONBUILD is refused later; reading on would only nest as deep as the line is long.
    if rest.is_empty() || depth > 1 {
        return Ok(Arguments::default());
    }
    Ok(Arguments::Trigger(Box::new(Node::read_nested(rest, escape, depth + 1)?)))
}

/// `NAME=value ...`, or the old `NAME rest of the line`: the first word decides.
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

impl Node {
    /// The single words of the arguments, in either form.
    pub(crate) fn words(&self) -> &[String] {
        match &self.arguments {
            Arguments::Words(words) | Arguments::Json(words) => words,
            _ => &[],
        }
    }

    /// The same, taken out of the node.
    pub(crate) fn take_words(&mut self) -> Vec<String> {
        match std::mem::take(&mut self.arguments) {
            Arguments::Words(words) | Arguments::Json(words) => words,
            _ => Vec::new(),
        }
    }
}
