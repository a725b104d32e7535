//! The keywords that instructions begin with.

use crate::{error::Fault, suggest::suggest_ignoring_case};

/// The keyword of an instruction.
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
    /// Parses a keyword in any case.
    pub(crate) fn read(word: &str) -> Option<Self> {
        KEYWORDS.iter().find(|(name, _)| name.eq_ignore_ascii_case(word)).map(|(_, keyword)| *keyword)
    }

    /// Returns the keyword closest to a misspelled word, in the case of the word.
    pub(crate) fn suggest(word: &str) -> Option<String> {
        suggest_ignoring_case(word, &KEYWORDS.map(|(name, _)| name))
    }

    /// Returns the error for a word that is not a keyword; `is_first_line` is true for a word on line 1.
    pub(crate) fn unknown(word: &str, is_first_line: bool) -> Fault {
        let fault = Fault::new(format!("unknown instruction: {word}")).blaming(word);
        let is_comment = ["//", "/*", ";"].iter().any(|mark| word.starts_with(mark));
        let hint = if is_comment {
            "a comment begins with #"
        } else if is_first_line {
            "a Dockerfile begins with FROM, as in `FROM debian:12`"
        } else {
            "to go on with the instruction above, end its line with \\"
        };
        fault.suggesting(Self::suggest(word)).hint(hint)
    }

    /// Returns the keyword in upper case.
    pub(crate) fn name(self) -> &'static str {
        KEYWORDS.iter().find(|(_, keyword)| *keyword == self).map_or("", |(name, _)| name)
    }

    /// Returns the syntax of the instruction, as shown in hints.
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

    /// Returns an error about the instruction as a whole, whose hint is the correct syntax.
    pub(crate) fn misused(self, message: impl Into<String>) -> Fault {
        Fault::new(message).hint(format!("write {}", self.usage()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keywords_are_parsed_in_any_case() {
        assert_eq!(Keyword::read("copy"), Some(Keyword::Copy));
        assert_eq!(Keyword::read("WorkDir"), Some(Keyword::Workdir));
    }

    #[test]
    fn other_words_are_not_keywords() {
        assert_eq!(Keyword::read("RUNN"), None);
        assert_eq!(Keyword::read(""), None);
    }

    #[track_caller]
    fn check_hint(word: &str, is_first_line: bool, expected: &str) {
        assert_eq!(Keyword::unknown(word, is_first_line).hint.as_deref(), Some(expected), "{word}");
    }

    #[test]
    fn a_misspelled_keyword_gets_a_suggestion() {
        check_hint("RUNN", false, "did you mean RUN?");
        check_hint("c", false, "did you mean cmd?");
    }

    #[test]
    fn the_hint_for_an_unknown_word_depends_on_its_place() {
        check_hint("INVALID", false, "to go on with the instruction above, end its line with \\");
        check_hint("INVALID", true, "a Dockerfile begins with FROM, as in `FROM debian:12`");
    }

    #[test]
    fn a_comment_of_another_language_gets_a_hint() {
        check_hint("//", true, "a comment begins with #");
    }
}
