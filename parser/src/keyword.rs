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

    /// The keyword that a misspelt word is closest to.
    pub(crate) fn meant(word: &str) -> Option<String> {
        suggest_ignoring_case(word, &KEYWORDS.map(|(name, _)| name))
    }

    /// The error of a word that is no keyword; `is_first` says that nothing stands above it.
    pub(crate) fn unknown(word: &str, is_first: bool) -> Fault {
        let fault = Fault::new(format!("unknown instruction: {word}")).blaming(word);
        let is_comment = ["//", "/*", ";"].iter().any(|other| word.starts_with(other));
        fault.or_rather(Self::meant(word)).hint(match (is_comment, is_first) {
            (true, _) => "a comment begins with #",
            (false, true) => "a Dockerfile begins with FROM, as in `FROM debian:12`",
            (false, false) => "to go on with the instruction above, end its line with \\",
        })
    }

    /// In upper case.
    pub(crate) fn name(self) -> &'static str {
        KEYWORDS.iter().find(|(_, keyword)| *keyword == self).map_or("", |(name, _)| name)
    }

    /// How an instruction is written.
    pub(crate) fn usage(self) -> &'static str {
        match self {
            Self::Add => "ADD SOURCE ... DESTINATION",
            Self::Arg => "ARG NAME[=DEFAULT] ...",
            Self::Cmd => "CMD [\"PROGRAM\", \"ARGUMENT\", ...]",
            Self::Copy => "COPY [--from=STAGE] SOURCE ... DESTINATION",
            Self::Entrypoint => "ENTRYPOINT [\"PROGRAM\", \"ARGUMENT\", ...]",
            Self::Env => "ENV NAME=VALUE ...",
            Self::Expose => "EXPOSE PORT[/tcp|/udp] ...",
            Self::From => "FROM [--platform=PLATFORM] IMAGE [AS NAME]",
            Self::Healthcheck => "HEALTHCHECK [FLAGS] CMD COMMAND, or HEALTHCHECK NONE",
            Self::Label => "LABEL NAME=VALUE ...",
            Self::Maintainer => "LABEL org.opencontainers.image.authors=NAME",
            Self::Onbuild => "ONBUILD INSTRUCTION",
            Self::Run => "RUN [FLAGS] COMMAND",
            Self::Shell => "SHELL [\"/bin/sh\", \"-c\"]",
            Self::Stopsignal => "STOPSIGNAL SIGNAL",
            Self::User => "USER NAME[:GROUP]",
            Self::Volume => "VOLUME PATH ...",
            Self::Workdir => "WORKDIR PATH",
        }
    }

    /// An error about how an instruction is written as a whole: shows how it should be.
    pub(crate) fn misused(self, message: impl Into<String>) -> Fault {
        Fault::new(message).hint(format!("write {}", self.usage()))
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
        assert_eq!(Keyword::unknown("RUNN", false).hint.as_deref(), Some("did you mean RUN?"));
        assert_eq!(Keyword::unknown("c", false).hint.as_deref(), Some("did you mean cmd?"));
        let goes_on = "to go on with the instruction above, end its line with \\";
        assert_eq!(Keyword::unknown("INVALID", false).hint.as_deref(), Some(goes_on));
        let begins = "a Dockerfile begins with FROM, as in `FROM debian:12`";
        assert_eq!(Keyword::unknown("INVALID", true).hint.as_deref(), Some(begins));
        assert_eq!(Keyword::unknown("//", true).hint.as_deref(), Some("a comment begins with #"));
    }
}
