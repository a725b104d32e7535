//! FROM: `FROM [--platform=platform] base [AS name]`.

use crate::{
    error::Fault,
    flags::{FlagType, Flags},
    keyword::Keyword,
    syntax::Node,
};

/// The arguments of FROM, all of them as written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct StageHead {
    pub(crate) base: String,
    pub(crate) name: Option<String>,
    /// The word AS, in the case in which it is written.
    pub(crate) as_word: Option<String>,
    pub(crate) platform: Option<String>,
}

pub(super) fn from(node: &Node) -> Result<StageHead, Fault> {
    let (base, as_word, name) = match node.words() {
        [base] => (base, None, None),
        [base, word, name] if word.eq_ignore_ascii_case("as") => (base, Some(word), Some(name)),
        words => return Err(wrong_number_of_arguments(words)),
    };
    if let Some(name) = name.filter(|name| !is_stage_name(&name.to_lowercase())) {
        return Err(invalid_name(name));
    }
    let flags = Flags::check(&node.flags, &[("platform", FlagType::Text)])?;
    let (name, as_word) = (name.cloned(), as_word.cloned());
    Ok(StageHead { base: base.clone(), name, as_word, platform: flags.text("platform") })
}

fn wrong_number_of_arguments(words: &[String]) -> Fault {
    let fault = Keyword::From.misused("FROM requires either one or three arguments");
    match words.get(1) {
        Some(word) => fault.blaming(word),
        None => fault,
    }
}

fn invalid_name(name: &str) -> Fault {
    let message =
        format!("invalid name for build stage: {name:?}, name can't start with a number or contain symbols");
    let hint = "begin with a letter; further letters, digits, - _ and . may follow";
    Fault::new(message).blaming(name).hint(hint)
}

/// Reports whether a name in lower case is valid: a letter, then letters, digits, `-`, `_` and `.`.
fn is_stage_name(name: &str) -> bool {
    let is_valid = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || matches!(c, '-' | '_' | '.');
    name.starts_with(|c: char| c.is_ascii_lowercase()) && name.chars().all(is_valid)
}
