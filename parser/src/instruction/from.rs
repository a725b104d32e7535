//! `FROM [--platform=p] base [AS name]`

use crate::{
    error::Fault,
    flags::{FlagType, Flags},
    keyword::Keyword,
    syntax::Node,
};

/// What a FROM says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct StageHead {
    pub(crate) base: String,
    /// As written.
    pub(crate) name: Option<String>,
    /// AS, as written.
    pub(crate) as_word: Option<String>,
    pub(crate) platform: Option<String>,
}

pub(super) fn from(node: &Node) -> Result<StageHead, Fault> {
    let (base, as_word, name) = match node.words() {
        [base] => (base, None, None),
        [base, word, name] if word.eq_ignore_ascii_case("as") => (base, Some(word), Some(name)),
        words => {
            let fault = Keyword::From.misused("FROM requires either one or three arguments");
            return Err(match words.get(1) {
                Some(word) => fault.blaming(word),
                None => fault,
            });
        }
    };
    if let Some(name) = name.filter(|name| !is_stage_name(&name.to_lowercase())) {
        let fault = Fault::new(format!(
            "invalid name for build stage: {name:?}, name can't start with a number or contain symbols"
        ));
        return Err(fault
            .blaming(name)
            .hint("begin with a letter; further letters, digits, - _ and . may follow"));
    }
    let flags = Flags::check(&node.flags, &[("platform", FlagType::Text)])?;
    let (name, as_word) = (name.cloned(), as_word.cloned());
    Ok(StageHead { base: base.clone(), name, as_word, platform: flags.text("platform") })
}

fn is_stage_name(name: &str) -> bool {
    let symbol = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || matches!(c, '-' | '_' | '.');
    name.starts_with(|c: char| c.is_ascii_lowercase()) && name.chars().all(symbol)
}
