//! `skip=A,B;error=true;experimental=C`: which rules count, and whether they fail the build.
//!
//! ```text
//! options = part { ";" part }
//! part    = "skip" "=" rules | "experimental" "=" rules | "error" "=" boolean
//! rules   = "all" | name { "," name }
//! ```
//!
//! `experimental=all` means BuildKit's experimental rules, `experimental=own` those of ours that are off.
//! The build argument replaces the directive. A comment above an instruction adds to what it skips and
//! tries, for that instruction alone.
//!
//! Source: BuildKit, `linter.ParseLintOptions`.

use std::collections::BTreeSet;

use super::rules::{Counts, Rule};
use graph::git_url::go_bool;

/// The build argument that replaces the directive.
pub(super) const BUILD_ARG: &str = "BUILDKIT_DOCKERFILE_CHECK";

/// What `experimental=` calls all rules of ours that are off.
const OWN: &str = "own";

/// What is asked of the checks.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Config {
    skipped: Selection,
    tried: Selection,
    /// `error=true`.
    pub fails: bool,
}

/// Rules by name; a name that is none does no harm.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
struct Selection {
    all: bool,
    names: BTreeSet<String>,
}

impl Selection {
    fn parse(value: &str) -> Self {
        match value.trim() {
            "all" => Self { all: true, names: BTreeSet::new() },
            names => {
                Self { all: false, names: names.split(',').map(|name| name.trim().to_owned()).collect() }
            }
        }
    }

    fn has(&self, rule: &Rule) -> bool {
        self.all || self.names.contains(rule.name)
    }
}

impl Config {
    /// Reads the options; the error is BuildKit's text.
    pub fn parse(text: &str) -> Result<Self, String> {
        let mut config = Self::default();
        if text.trim().is_empty() {
            return Ok(config);
        }
        for part in text.trim().split(';') {
            let (key, value) =
                part.split_once('=').ok_or_else(|| format!("invalid check option {part:?}"))?;
            match key.trim() {
                "skip" => config.skipped = Selection::parse(value),
                "experimental" => config.tried = Selection::parse(value),
                "error" => config.fails = boolean(part, value.trim())?,
                key => return Err(format!("invalid check option {key:?}")),
            }
        }
        Ok(config)
    }

    /// Reads the options of a directive, which end at a blank: what follows may say why.
    pub fn of_directive(value: &str) -> Result<Self, String> {
        Self::parse(value.split(' ').next().unwrap_or_default())
    }

    fn asks_for(&self, rule: &Rule) -> bool {
        self.tried.names.contains(rule.name) || self.tried.names.contains(OWN)
    }

    /// Whether a rule counts at an instruction with these comments above it.
    pub fn wants(&self, rule: &Rule, comments: &[String]) -> bool {
        let own = || comments.iter().filter_map(|comment| of_comment(comment));
        match rule.counts {
            Counts::ByDefault => !self.skipped.has(rule) && !own().any(|config| config.skipped.has(rule)),
            Counts::Experimental => self.tried.has(rule) || own().any(|config| config.tried.has(rule)),
            Counts::OnRequest => self.asks_for(rule) || own().any(|config| config.asks_for(rule)),
        }
    }
}

fn boolean(part: &str, value: &str) -> Result<bool, String> {
    go_bool(value).ok_or_else(|| {
        format!("failed to parse check option {part:?}: strconv.ParseBool: parsing {value:?}: invalid syntax")
    })
}

/// The options that a comment holds. One that cannot be read is a comment like any other.
fn of_comment(comment: &str) -> Option<Config> {
    let (key, value) = comment.split_once('=')?;
    if !key.trim().eq_ignore_ascii_case("check") { None } else { Config::of_directive(value.trim()).ok() }
}

#[cfg(test)]
mod tests {
    use super::super::rules::{
        INVALID_DEFINITION_DESCRIPTION as TRIED, STAGE_NAME_CASING as CASING, UNDEFINED_VAR as VAR,
    };
    use super::*;

    #[track_caller]
    fn check(options: &str, comments: &[&str], expected: [bool; 3]) {
        let config = Config::parse(options).expect("well-formed options");
        let comments: Vec<String> = comments.iter().map(|&comment| comment.to_owned()).collect();
        let wants = [&CASING, &VAR, &TRIED].map(|rule| config.wants(rule, &comments));
        assert_eq!(wants, expected, "{options:?} {comments:?}");
    }

    #[test]
    fn options_select_rules() {
        check("", &[], [true, true, false]);
        check(" ", &[], [true, true, false]);
        check("skip=StageNameCasing", &[], [false, true, false]);
        check(" skip = StageNameCasing , UndefinedVar ", &[], [false, false, false]);
        check("skip=stagenamecasing", &[], [true, true, false]);
        check("skip=all", &[], [false, false, false]);
        check("skip=all;experimental=all", &[], [false, false, true]);
        check("experimental=InvalidDefinitionDescription;error=true", &[], [true, true, true]);
        check("skip=InvalidDefinitionDescription;experimental=all", &[], [true, true, true]);
        check("skip=UndefinedVar;skip=StageNameCasing", &[], [false, true, false]);
    }

    #[test]
    fn comments_add_to_them() {
        check("", &["check=skip=UndefinedVar"], [true, false, false]);
        check("skip=StageNameCasing", &["note", "check=skip=UndefinedVar"], [false, false, false]);
        check("", &["check=experimental=all", "check=skip=all"], [false, false, true]);
        check("", &["check=skip", "check=what=all", "check skip=all"], [true, true, false]);
    }

    #[test]
    fn a_directive_ends_at_a_blank() {
        let config = Config::of_directive("skip=StageNameCasing, UndefinedVar").expect("well formed");
        assert!(!config.wants(&CASING, &[]) && config.wants(&VAR, &[]));
        check("", &["check=skip=UndefinedVar // as it is set by the base"], [true, false, false]);
        check("", &["check = skip=UndefinedVar"], [true, false, false]);
    }

    #[track_caller]
    fn fails(options: &str, expected: &str) {
        assert_eq!(Config::parse(options).expect_err("an error"), expected);
    }

    #[test]
    fn errors_are_those_of_buildkit() {
        fails("foo=bar", "invalid check option \"foo\"");
        fails("skip", "invalid check option \"skip\"");
        fails("skip=A;", "invalid check option \"\"");
        fails(
            "error=maybe",
            "failed to parse check option \"error=maybe\": strconv.ParseBool: parsing \"maybe\": invalid syntax",
        );
    }

    #[test]
    fn error_makes_warnings_fatal() {
        assert!(Config::parse("error=true").is_ok_and(|config| config.fails));
        assert!(Config::parse("error=1;skip=all").is_ok_and(|config| config.fails));
        assert!(Config::parse("error=f").is_ok_and(|config| !config.fails));
    }
}
