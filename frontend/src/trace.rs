//! Origins of the variables in an instruction whose step failed.
//!
//! A build keeps no origins for its steps, since nearly all of them succeed. When a step fails, the Dockerfile is lowered
//! once more, without looking up images, and the variables are read when its instruction is reached.

use std::cell::RefCell;

use graph::Lines;

use crate::base_images::BaseImages;
use crate::check::Checks;
use crate::inspect::{NoImages, allowing_all};
use crate::lower::{LowerRequest, lower_for};
use crate::options::Options;
use crate::origin::Origin;
use crate::session::{Probe, Purpose};

/// The word that made a step fail, as the step saw it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Culprit {
    /// Word after expansion of variables, such as a path or the name of a user.
    pub word: String,
    /// Whether the word is the USER in force, which an earlier instruction set.
    pub is_user: bool,
}

/// Returns the origins of the variables in the instruction of a failed step, or of the USER if that is at fault.
///
/// Variables that only the base image can set are left out, since its config is not known here.
pub fn trace_step(text: &[u8], options: &Options, lines: Lines, culprit: &Culprit) -> Vec<Origin> {
    let Ok(dockerfile) = parser::parse(text) else { return Vec::new() };
    let Culprit { word, is_user } = culprit.clone();
    let probe = Probe { lines, word, is_user, origins: RefCell::default() };
    let checks = Checks::default();
    checks.silence();
    let request = LowerRequest {
        dockerfile: &dockerfile,
        options: &allowing_all(options),
        resolver: &NoImages,
        purpose: Purpose::Inspect,
        checks: &checks,
        probe: Some(&probe),
    };
    // The instruction is reached before anything that fails here: its step was lowered for the build.
    let _plan = lower_for(&request, &mut BaseImages::default());
    probe.origins.into_inner()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::origin::{OriginKind, OutOfReach, ValueOrigin};

    /// Returns the kind of the origin of `$x` on the last line, whose expanded word contains `word`.
    #[track_caller]
    fn kind_of_x(text: &str, build_arg: Option<&str>, word: &str) -> Option<OriginKind> {
        let build_args = build_arg.map(|value| ("x".to_owned(), value.to_owned())).into_iter().collect();
        let options = Options { build_args, ..Options::default() };
        let last = u32::try_from(text.lines().count()).expect("a short text");
        let culprit = Culprit { word: word.to_owned(), is_user: false };
        let origins = trace_step(text.as_bytes(), &options, Lines::single(last), &culprit);
        assert!(origins.len() < 2, "{origins:?}");
        origins.into_iter().next().map(|origin| origin.kind)
    }

    #[track_caller]
    fn check(text: &str, expected: ValueOrigin) {
        assert_eq!(kind_of_x(text, None, "v"), Some(OriginKind::Value(expected)), "{text}");
    }

    fn env(line: u32) -> ValueOrigin {
        ValueOrigin::Env { lines: Lines::single(line) }
    }

    fn default(line: u32) -> ValueOrigin {
        ValueOrigin::ArgDefault { lines: Lines::single(line) }
    }

    #[test]
    fn the_nearest_line_above_gives_the_value() {
        check("FROM scratch\nENV x=v\nENV y=v\nCOPY $x /\n", env(2));
        check("FROM scratch\nENV x=u\nARG x=v\nCOPY ${x} /\n", default(3));
        check("ARG x=v\nFROM scratch\nARG x\nCOPY ${x:-u} /\n", default(1));
        check("FROM scratch AS b\nENV x=v\nFROM scratch\nFROM b\nCOPY $x /\n", env(2));
        // The ENV of an image goes over an inherited ARG.
        check("FROM scratch AS b\nENV x=v\nARG x=u\nFROM b\nCOPY $x /\n", env(2));
    }

    #[test]
    fn a_build_argument_is_shown_at_the_arg_that_takes_it() {
        let given = kind_of_x("FROM scratch\nARG x=u\nCOPY $x /\n", Some("v"), "v");
        let expected = ValueOrigin::BuildArg { lines: Lines::single(2) };
        assert_eq!(given, Some(OriginKind::Value(expected)));
    }

    #[test]
    fn predefined_variables_come_from_the_builder() {
        let text = "FROM scratch\nARG TARGETOS\nCOPY /$TARGETOS /\n";
        let culprit = Culprit { word: "/linux".to_owned(), is_user: false };
        let origins = trace_step(text.as_bytes(), &Options::default(), Lines::single(3), &culprit);
        assert_eq!(origins[0].kind, OriginKind::Value(ValueOrigin::Predefined));
    }

    #[test]
    fn a_variable_without_a_value_is_out_of_reach_or_misspelt() {
        let check = |text: &str, declared: Option<u32>, out_of_reach, meant: Option<&str>| {
            let declared = declared.map(Lines::single);
            let expected = OriginKind::Unset { declared, out_of_reach, meant: meant.map(str::to_owned) };
            assert_eq!(kind_of_x(text, None, "/"), Some(expected), "{text}");
        };
        let global = OutOfReach::Global(Lines::single(1));
        check("ARG x=v\nFROM scratch\nCOPY /$x /\n", None, Some(global), None);
        check("FROM scratch\nARG x\nCOPY /$x /\n", Some(2), None, None);
        check("FROM scratch\nENV xy=v\nCOPY /$x /\n", None, None, Some("xy"));
    }

    #[test]
    fn a_variable_that_an_unknown_base_may_set_is_left_out() {
        assert_eq!(kind_of_x("FROM a\nCOPY /$x /\n", None, "/"), None);
    }

    #[test]
    fn the_user_in_force_can_come_from_another_stage() {
        let text = "FROM scratch AS b\nUSER me\nUSER you\nFROM b\nRUN x\n";
        let culprit = Culprit { word: "you".to_owned(), is_user: true };
        let origins = trace_step(text.as_bytes(), &Options::default(), Lines::single(5), &culprit);
        assert_eq!(origins.len(), 1);
        assert_eq!(origins[0].kind, OriginKind::User { lines: Lines::single(3) });
    }
}
