//! The keywords of the language.

use crate::{error::Fault, suggest::suggest_ignoring_case};

/// What an instruction begins with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Keyword {
    Add,
    Arg,
    Cmd,
    Copy,
    Entrypoint,
    Env,
    Expose,
    From,
    Healthcheck,
    Label,
    Maintainer,
    Onbuild,
    Run,
    Shell,
    Stopsignal,
    User,
    Volume,
    Workdir,
}

const KEYWORDS: [(&str, Keyword); 18] = [
    ("ADD", Keyword::Add),
    ("ARG", Keyword::Arg),
    ("CMD", Keyword::Cmd),
    ("COPY", Keyword::Copy),
    ("ENTRYPOINT", Keyword::Entrypoint),
    ("ENV", Keyword::Env),
    ("EXPOSE", Keyword::Expose),
    ("FROM", Keyword::From),
    ("HEALTHCHECK", Keyword::Healthcheck),
    ("LABEL", Keyword::Label),
    ("MAINTAINER", Keyword::Maintainer),
    ("ONBUILD", Keyword::Onbuild),
    ("RUN", Keyword::Run),
    ("SHELL", Keyword::Shell),
    ("STOPSIGNAL", Keyword::Stopsignal),
    ("USER", Keyword::User),
    ("VOLUME", Keyword::Volume),
    ("WORKDIR", Keyword::Workdir),
];

impl Keyword {
    /// Reads a keyword in any case.
    pub(crate) fn read(word: &str) -> Option<Self> {
        KEYWORDS.iter().find(|(name, _)| name.eq_ignore_ascii_case(word)).map(|(_, keyword)| *keyword)
    }

    /// The error of a word that is no keyword.
    pub(crate) fn unknown(word: &str) -> Fault {
        let names = KEYWORDS.map(|(name, _)| name);
        Fault::new(format!("unknown instruction: {word}")).or_rather(suggest_ignoring_case(word, &names))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn case_does_not_matter() {
        assert_eq!(Keyword::read("copy"), Some(Keyword::Copy));
        assert_eq!(Keyword::read("WorkDir"), Some(Keyword::Workdir));
        assert_eq!(Keyword::read("RUNN"), None);
        assert_eq!(Keyword::read(""), None);
    }

    #[test]
    fn an_unknown_word_gets_a_hint() {
        assert_eq!(Keyword::unknown("RUNN").hint.as_deref(), Some("did you mean RUN?"));
        assert_eq!(Keyword::unknown("c").hint.as_deref(), Some("did you mean cmd?"));
        assert_eq!(Keyword::unknown("INVALID").hint, None);
    }
}
