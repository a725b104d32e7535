//! Names of build arguments that have a meaning without an ARG.

use std::collections::{BTreeMap, BTreeSet};

use parser::ast::{Dockerfile, Instruction};

use crate::args::definitions;
use crate::plan::{PlannedArg, UnusedArg};

/// Build argument with the time that reproducible results carry, in seconds since 1970.
pub const SOURCE_DATE_EPOCH: &str = "SOURCE_DATE_EPOCH";

/// Build argument that replaces the `# syntax=` directive.
pub(crate) const SYNTAX: &str = "BUILDKIT_SYNTAX";

/// Build argument that replaces the `# check=` directive.
pub(crate) const CHECK: &str = "BUILDKIT_DOCKERFILE_CHECK";

/// Build argument that no longer has an effect.
pub(crate) const REMOVED: &str = "BUILDKIT_DISABLE_FILEOP";

/// Build argument that forces an index even for one platform.
pub(crate) const MULTI_PLATFORM: &str = "BUILDKIT_MULTI_PLATFORM";

/// ARGs for the builder that no RUN sees.
pub(crate) const HIDDEN_FROM_RUN: [&str; 2] = ["BUILDKIT_SBOM_SCAN_CONTEXT", "BUILDKIT_SBOM_SCAN_STAGE"];

/// Proxy variables that build arguments set for every RUN.
const PROXIES: [&str; 5] = ["HTTP_PROXY", "HTTPS_PROXY", "FTP_PROXY", "NO_PROXY", "ALL_PROXY"];

/// Build arguments for the builder, or for clients of BuildKit.
const SETTINGS: [&str; 12] = [
    SOURCE_DATE_EPOCH,
    "BUILDKIT_BUILD_NAME",
    "BUILDKIT_CACHE_MOUNT_NS",
    "BUILDKIT_CONTEXT_KEEP_GIT_DIR",
    REMOVED,
    CHECK,
    "BUILDKIT_INLINE_CACHE",
    MULTI_PLATFORM,
    "BUILDKIT_SANDBOX_HOSTNAME",
    HIDDEN_FROM_RUN[0],
    HIDDEN_FROM_RUN[1],
    SYNTAX,
];

/// Variables that the builder defines for FROM, and for stages that declare them.
pub(crate) const PREDEFINED: [&str; 11] = [
    "BUILDPLATFORM",
    "BUILDOS",
    "BUILDOSVERSION",
    "BUILDARCH",
    "BUILDVARIANT",
    "TARGETPLATFORM",
    "TARGETOS",
    "TARGETOSVERSION",
    "TARGETARCH",
    "TARGETVARIANT",
    "TARGETSTAGE",
];

/// Returns the proxies among the build arguments as `NAME=value`, in upper and in lower case.
///
/// Names count in any case. If two names differ by case only, the one that sorts last wins: lower case.
pub(crate) fn proxies(build_args: &BTreeMap<String, String>) -> Vec<String> {
    let value = |name: &str| build_args.iter().rfind(|(key, _)| key.eq_ignore_ascii_case(name));
    let pairs = PROXIES.iter().filter_map(|name| Some((name, value(name)?.1)));
    let both = pairs.filter(|(_, value)| !value.is_empty()).flat_map(|(name, value)| {
        [format!("{name}={value}"), format!("{}={value}", name.to_ascii_lowercase())]
    });
    both.collect()
}

/// Finds the build arguments that no ARG takes and that have no meaning for the builder.
///
/// `used` are the ARGs of the stages that were lowered, triggers of images included. ARGs of stages that the target does
/// not need count as well, since scripts that build several targets pass the same arguments to each.
pub(crate) fn unused(
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
    let all: Box<dyn Iterator<Item = &Instruction>> = Box::new(dockerfile.globals.iter().chain(in_stages));
    all.flat_map(definitions).map(|definition| definition.name.as_str())
}

/// Reports whether a build argument has a meaning without an ARG.
fn has_meaning(name: &str) -> bool {
    let is_proxy = PROXIES.iter().any(|proxy| proxy.eq_ignore_ascii_case(name));
    is_proxy || SETTINGS.contains(&name) || PREDEFINED.contains(&name)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn map(pairs: &[(&str, &str)]) -> BTreeMap<String, String> {
        pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
    }

    #[test]
    fn proxies_are_set_in_both_cases_and_lower_case_wins() {
        let proxies =
            proxies(&map(&[("HTTP_PROXY", "up"), ("http_proxy", "low"), ("No_Proxy", "x"), ("other", "y")]));
        assert_eq!(proxies, ["HTTP_PROXY=low", "http_proxy=low", "NO_PROXY=x", "no_proxy=x"]);
    }

    #[test]
    fn a_build_argument_that_nothing_takes_is_found() {
        let dockerfile = parser::parse(b"ARG tag\nFROM a\nFROM b\nARG mode\n").expect("a Dockerfile");
        let known = ["http_proxy", "BUILDKIT_INLINE_CACHE", "TARGETARCH"];
        let others = ["tag", "moed", "x", "of_trigger", "BUILDKIT_INLINE_CAHCE"];
        let given: Vec<(&str, &str)> = known.iter().chain(&others).map(|name| (*name, "")).collect();
        let (name, value, description) = ("of_trigger".to_owned(), None, None);
        let used = PlannedArg { lines: graph::Lines::single(2), name, value, description };
        let found = unused(&dockerfile, &map(&given), &[used]);
        let found: Vec<_> = found.iter().map(|arg| (arg.name.as_str(), arg.meant.as_deref())).collect();
        assert_eq!(
            found,
            [("BUILDKIT_INLINE_CAHCE", Some("BUILDKIT_INLINE_CACHE")), ("moed", Some("mode")), ("x", None)]
        );
    }
}
