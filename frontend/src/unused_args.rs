//! Build arguments that have no effect, most often because their name is misspelt.

use std::collections::{BTreeMap, BTreeSet};

use parser::ast::Dockerfile;

use crate::args::definitions;
use crate::build_args::{SETTINGS, has_meaning};
use crate::plan::{PlannedArg, UnusedArg};

/// Finds the build arguments that no ARG takes and that have no meaning for the builder.
///
/// `used` are the ARGs of the stages that were lowered, triggers of images included. ARGs of stages that the target does
/// not need count as well, since scripts that build several targets pass the same arguments to each.
pub(crate) fn find(
    dockerfile: &Dockerfile,
    build_args: &BTreeMap<String, String>,
    used: &[PlannedArg],
) -> Vec<UnusedArg> {
    if build_args.is_empty() {
        return Vec::new();
    }
    let declared: BTreeSet<&str> =
        declared_names(dockerfile).chain(used.iter().map(|arg| arg.name.as_str())).collect();
    let candidates: Vec<&str> = declared.iter().copied().chain(SETTINGS).collect();
    let unused = build_args.keys().filter(|name| !declared.contains(name.as_str()) && !has_meaning(name));
    let describe = |name: &String| UnusedArg {
        name: name.clone(),
        meant: parser::suggest(name, &candidates).map(str::to_owned),
    };
    unused.map(describe).collect()
}

fn declared_names(dockerfile: &Dockerfile) -> impl Iterator<Item = &str> {
    let in_stages = dockerfile.stages.iter().flat_map(|stage| &stage.instructions);
    let definitions = dockerfile.globals.iter().chain(in_stages).flat_map(definitions);
    definitions.map(|definition| definition.name.as_str())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn map(pairs: &[(&str, &str)]) -> BTreeMap<String, String> {
        pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
    }

    #[test]
    fn a_build_argument_that_nothing_takes_is_found() {
        let dockerfile = parser::parse(b"ARG tag\nFROM a\nFROM b\nARG mode\n").expect("a Dockerfile");
        let known = ["http_proxy", "BUILDKIT_INLINE_CACHE", "TARGETARCH"];
        let others = ["tag", "moed", "x", "of_trigger", "BUILDKIT_INLINE_CAHCE"];
        let given: Vec<(&str, &str)> = known.iter().chain(&others).map(|name| (*name, "")).collect();
        let (name, value, description) = ("of_trigger".to_owned(), None, None);
        let used = PlannedArg { lines: graph::Lines::single(2), name, value, description };
        let found = find(&dockerfile, &map(&given), &[used]);
        let found: Vec<_> = found.iter().map(|arg| (arg.name.as_str(), arg.meant.as_deref())).collect();
        assert_eq!(
            found,
            [("BUILDKIT_INLINE_CAHCE", Some("BUILDKIT_INLINE_CACHE")), ("moed", Some("mode")), ("x", None)]
        );
    }
}
