//! `skip=A,B;error=true;experimental=C`: the rules that are enabled, and whether they fail the build.
//!
//! ```text
//! options = part { ";" part }
//! part    = "skip" "=" rules | "experimental" "=" rules | "error" "=" boolean
//! rules   = "all" | name { "," name }
//! ```
//!
//! `experimental=all` enables BuildKit's experimental rules, `experimental=own` the optional rules of dsbuild. The build
//! argument replaces the directive. A comment above an instruction skips and enables further rules for that instruction
//! alone.
//!
//! Source: BuildKit, `linter.ParseLintOptions`.

use std::collections::BTreeSet;

use graph::git_url::go_bool;

use super::rules::{Enabled, Rule};

/// Value of `experimental=` that enables all optional rules of dsbuild.
const OWN: &str = "own";

/// Options of the build checks.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Selection {
    skipped: RuleSet,
    enabled: RuleSet,
    /// Whether warnings fail the build (`error=true`).
    pub fails: bool,
}

/// Rules by name. Unknown names are allowed.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
struct RuleSet {
    all: bool,
    names: BTreeSet<String>,
}

impl RuleSet {
    fn parse(value: &str) -> Self {
        if value.trim() == "all" {
            return Self { all: true, names: BTreeSet::new() };
        }
        Self { all: false, names: value.split(',').map(|name| name.trim().to_owned()).collect() }
    }

    fn has(&self, rule: &Rule) -> bool {
        self.all || self.names.contains(rule.name)
    }
}

impl Selection {
    /// Parses options. The error is in BuildKit's words.
    pub fn parse(text: &str) -> Result<Self, String> {
        let mut selection = Self::default();
        if text.trim().is_empty() {
            return Ok(selection);
        }
        for part in text.trim().split(';') {
            let (key, value) =
                part.split_once('=').ok_or_else(|| format!("invalid check option {part:?}"))?;
            match key.trim() {
                "skip" => selection.skipped = RuleSet::parse(value),
                "experimental" => selection.enabled = RuleSet::parse(value),
                "error" => selection.fails = boolean(part, value.trim())?,
                key => return Err(format!("invalid check option {key:?}")),
            }
        }
        Ok(selection)
    }

    /// Parses the options of a directive. They end at a blank, after which a remark can follow.
    pub fn of_directive(value: &str) -> Result<Self, String> {
        Self::parse(value.split(' ').next().unwrap_or_default())
    }

    /// Reports whether an optional rule is enabled.
    fn enables_optional(&self, rule: &Rule) -> bool {
        self.enabled.names.contains(rule.name) || self.enabled.names.contains(OWN)
    }

    /// Reports whether a rule is enabled at an instruction with these comments above it.
    pub fn enables(&self, rule: &Rule, comments: &[String]) -> bool {
        let own = || comments.iter().filter_map(|comment| of_comment(comment));
        match rule.enabled {
            Enabled::ByDefault => !self.skipped.has(rule) && !own().any(|own| own.skipped.has(rule)),
            Enabled::Experimental => self.enabled.has(rule) || own().any(|own| own.enabled.has(rule)),
            Enabled::OnRequest => self.enables_optional(rule) || own().any(|own| own.enables_optional(rule)),
        }
    }
}

fn boolean(part: &str, value: &str) -> Result<bool, String> {
    go_bool(value).ok_or_else(|| {
        format!("failed to parse check option {part:?}: strconv.ParseBool: parsing {value:?}: invalid syntax")
    })
}

/// Returns the options in a comment, or `None` if the comment holds none or is malformed.
fn of_comment(comment: &str) -> Option<Selection> {
    let (key, value) = comment.split_once('=')?;
    if !key.trim().eq_ignore_ascii_case("check") { None } else { Selection::of_directive(value.trim()).ok() }
}

#[cfg(test)]
mod tests {
    use super::super::rules::{
        INVALID_DEFINITION_DESCRIPTION as TRIED, STAGE_NAME_CASING as CASING, UNDEFINED_VAR as VAR,
    };
    use super::*;

    #[track_caller]
    fn check(options: &str, comments: &[&str], expected: [bool; 3]) {
        let selection = Selection::parse(options).expect("well-formed options");
        let comments: Vec<String> = comments.iter().map(|&comment| comment.to_owned()).collect();
        let enabled = [&CASING, &VAR, &TRIED].map(|rule| selection.enables(rule, &comments));
        assert_eq!(enabled, expected, "{options:?} {comments:?}");
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
    fn comments_skip_and_enable_further_rules() {
        check("", &["check=skip=UndefinedVar"], [true, false, false]);
        check("skip=StageNameCasing", &["note", "check=skip=UndefinedVar"], [false, false, false]);
        check("", &["check=experimental=all", "check=skip=all"], [false, false, true]);
        check("", &["check=skip", "check=other=all", "check skip=all"], [true, true, false]);
    }

    #[test]
    fn a_directive_ends_at_a_blank() {
        let selection = Selection::of_directive("skip=StageNameCasing, UndefinedVar").expect("well formed");
        assert!(!selection.enables(&CASING, &[]) && selection.enables(&VAR, &[]));
        check("", &["check=skip=UndefinedVar // as it is set by the base"], [true, false, false]);
        check("", &["check = skip=UndefinedVar"], [true, false, false]);
    }

    #[track_caller]
    fn fails(options: &str, expected: &str) {
        assert_eq!(Selection::parse(options).expect_err("an error"), expected);
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
        assert!(Selection::parse("error=true").is_ok_and(|selection| selection.fails));
        assert!(Selection::parse("error=1;skip=all").is_ok_and(|selection| selection.fails));
        assert!(Selection::parse("error=f").is_ok_and(|selection| !selection.fails));
    }
}
