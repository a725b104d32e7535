//! Variables: the global scope above the first FROM, and the environment of a stage.
//!
//! A stage has one ordered environment in which ENV and ARG live side by side; the last one wins. The
//! global scope is seen by FROM only, and gives values to names that a stage declares again.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use oci::Platform;
use parser::ast::{ArgDefinition, Dockerfile, Instruction, Kind};
use parser::expand::{Expander, Variables};

use super::error::{LowerError, Problem, lines_of};
use super::{limits, platform};
use crate::plan::{PlannedArg, UnusedArg};

/// Names and values in the order of their first definition.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Env {
    pairs: Vec<(String, String)>,
    index: HashMap<String, usize>,
    size_bytes: usize,
}

impl Env {
    /// Replaces the value of `name` where it stands, else appends it.
    pub fn set(&mut self, name: &str, value: &str) {
        self.size_bytes += limits::variable_bytes(name, value);
        match self.index.get(name) {
            Some(&at) => {
                self.size_bytes -= limits::variable_bytes(name, &self.pairs[at].1);
                value.clone_into(&mut self.pairs[at].1);
            }
            None => {
                self.index.insert(name.to_owned(), self.pairs.len());
                self.pairs.push((name.to_owned(), value.to_owned()));
            }
        }
    }

    /// Fails if `name` cannot be set to `value` for want of room.
    pub fn check_room(&self, name: &str, value: &str) -> Result<(), Problem> {
        let size_bytes = limits::variable_bytes(name, value);
        if size_bytes > limits::VARIABLE_BYTES {
            let (name, limit_bytes) = (name.chars().take(80).collect(), limits::VARIABLE_BYTES);
            return Err(Problem::LongVariable { name, size_bytes, limit_bytes });
        }
        let replaced_bytes = self.value(name).map_or(0, |old| limits::variable_bytes(name, old));
        if self.size_bytes - replaced_bytes + size_bytes > limits::ENVIRONMENT_BYTES {
            return Err(Problem::LargeEnvironment { limit_bytes: limits::ENVIRONMENT_BYTES });
        }
        Ok(())
    }

    /// What all of it takes of a process's environment.
    pub fn size_bytes(&self) -> usize {
        self.size_bytes
    }

    /// Takes `name` away.
    pub fn remove(&mut self, name: &str) {
        let Some(at) = self.index.remove(name) else { return };
        let (_, value) = self.pairs.remove(at);
        self.size_bytes -= limits::variable_bytes(name, &value);
        self.index.values_mut().filter(|index| **index > at).for_each(|index| *index -= 1);
    }

    /// The names, in order.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.pairs.iter().map(|(name, _)| name.as_str())
    }

    /// `NAME=value`, in order.
    pub fn to_strings(&self) -> Vec<String> {
        self.pairs.iter().map(|(name, value)| format!("{name}={value}")).collect()
    }
}

impl Variables for Env {
    fn value(&self, name: &str) -> Option<&str> {
        self.index.get(name).map(|&at| self.pairs[at].1.as_str())
    }
}

/// Splits `NAME=value`; a text without `=` is a name with an empty value.
pub(super) fn split_pair(text: &str) -> (&str, &str) {
    text.split_once('=').unwrap_or((text, ""))
}

/// The global scope: the predefined variables, then the ARGs before the first FROM.
pub(super) fn globals(
    instructions: &[Instruction],
    predefined: Env,
    build_args: &BTreeMap<String, String>,
    expander: Expander,
) -> Result<Env, LowerError> {
    let mut scope = predefined;
    for instruction in instructions {
        for definition in definitions(instruction) {
            let value = match (build_args.get(&definition.name), &definition.default) {
                (Some(given), _) => Some(given.clone()),
                (None, Some(default)) => {
                    let expanded = expander.word(default, &scope);
                    Some(expanded.map_err(|error| Problem::from(error).at(lines_of(instruction)))?.text)
                }
                (None, None) => None,
            };
            if let Some(value) = value {
                let room = scope.check_room(&definition.name, &value);
                room.map_err(|problem| problem.at(lines_of(instruction)))?;
                scope.set(&definition.name, &value);
            }
        }
    }
    Ok(scope)
}

/// What an ARG defines; nothing if it is another instruction.
pub(super) fn definitions(instruction: &Instruction) -> &[ArgDefinition] {
    match &instruction.kind {
        Kind::Arg(definitions) => definitions,
        _ => &[],
    }
}

/// `BUILDPLATFORM` and its like, `TARGETSTAGE`: known to FROM, and to a stage that declares them.
pub(super) fn predefined(
    build: &Platform,
    target: &Platform,
    target_stage: &str,
    build_args: &BTreeMap<String, String>,
) -> Env {
    let mut scope = Env::default();
    let mut define = |name: &str, value: &str| {
        scope.set(name, build_args.get(name).map_or(value, String::as_str));
    };
    for (prefix, platform) in [("BUILD", build), ("TARGET", target)] {
        define(&format!("{prefix}PLATFORM"), &platform::full_name(platform));
        define(&format!("{prefix}OS"), &platform.os);
        define(&format!("{prefix}OSVERSION"), platform.os_version.as_deref().unwrap_or_default());
        define(&format!("{prefix}ARCH"), &platform.architecture);
        define(&format!("{prefix}VARIANT"), platform.variant.as_deref().unwrap_or_default());
    }
    define("TARGETSTAGE", target_stage);
    scope
}

/// Proxies that build arguments set for RUN.
const PROXIES: [&str; 5] = ["HTTP_PROXY", "HTTPS_PROXY", "FTP_PROXY", "NO_PROXY", "ALL_PROXY"];

/// Build arguments that speak to the builder, or to clients of BuildKit.
const SETTINGS: [&str; 12] = [
    super::epoch::NAME,
    "BUILDKIT_BUILD_NAME",
    "BUILDKIT_CACHE_MOUNT_NS",
    "BUILDKIT_CONTEXT_KEEP_GIT_DIR",
    "BUILDKIT_DISABLE_FILEOP",
    "BUILDKIT_DOCKERFILE_CHECK",
    "BUILDKIT_INLINE_CACHE",
    "BUILDKIT_MULTI_PLATFORM",
    "BUILDKIT_SANDBOX_HOSTNAME",
    "BUILDKIT_SBOM_SCAN_CONTEXT",
    "BUILDKIT_SBOM_SCAN_STAGE",
    "BUILDKIT_SYNTAX",
];

/// What [`predefined`] defines.
pub(super) const PREDEFINED: [&str; 11] = [
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

/// `HTTP_PROXY` and its like of the build arguments, in upper and in lower case, as `NAME=value`.
///
/// Names in any case count; where two differ by case only, the one that sorts last wins: lower case.
pub(super) fn proxies(build_args: &BTreeMap<String, String>) -> Vec<String> {
    let value = |name: &str| build_args.iter().rfind(|(key, _)| key.eq_ignore_ascii_case(name));
    let pairs = PROXIES.iter().filter_map(|name| Some((name, value(name)?.1)));
    let both = pairs.filter(|(_, value)| !value.is_empty()).flat_map(|(name, value)| {
        [format!("{name}={value}"), format!("{}={value}", name.to_ascii_lowercase())]
    });
    both.collect()
}

/// The build arguments that no ARG has the name of, and that the builder does not look at itself.
///
/// `met` are the ARGs of what was lowered, an image's triggers included. Those of stages that the target does not need
/// count as well: who builds several targets gives all of them the same arguments.
pub(super) fn unused(
    dockerfile: &Dockerfile,
    build_args: &BTreeMap<String, String>,
    met: &[PlannedArg],
) -> Vec<UnusedArg> {
    if build_args.is_empty() {
        return Vec::new();
    }
    let in_stages = dockerfile.stages.iter().flat_map(|stage| &stage.instructions);
    let declared = dockerfile.globals.iter().chain(in_stages).flat_map(definitions);
    let declared = declared.map(|definition| definition.name.as_str());
    let declared: BTreeSet<&str> = declared.chain(met.iter().map(|arg| arg.name.as_str())).collect();
    let is_unused = |name: &&String| !declared.contains(name.as_str()) && !is_ours(name);
    let candidates: Vec<&str> = declared.iter().copied().chain(SETTINGS).collect();
    let meant = |name: &str| parser::suggest(name, &candidates).map(str::to_owned);
    build_args
        .keys()
        .filter(is_unused)
        .map(|name| UnusedArg { name: name.clone(), meant: meant(name) })
        .collect()
}

/// Whether a build argument means something without an ARG.
fn is_ours(name: &str) -> bool {
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
    fn set_replaces_in_place() {
        let mut env = Env::default();
        env.set("a", "1");
        env.set("b", "2");
        env.set("a", "3");
        assert_eq!(env.to_strings(), ["a=3", "b=2"]);
        assert_eq!(env.value("a"), Some("3"));
        assert_eq!(env.value("c"), None);
        assert_eq!(env.size_bytes(), "a=3 b=2 ".len());
        env.remove("a");
        env.set("b", "44");
        assert_eq!(env.size_bytes(), "b=44 ".len());
        env.set("b", "4");
        assert_eq!(env.to_strings(), ["b=4"]);
    }

    #[test]
    fn proxies_come_in_both_cases_and_lower_case_wins() {
        let proxies =
            proxies(&map(&[("HTTP_PROXY", "up"), ("http_proxy", "low"), ("No_Proxy", "x"), ("other", "y")]));
        assert_eq!(proxies, ["HTTP_PROXY=low", "http_proxy=low", "NO_PROXY=x", "no_proxy=x"]);
    }

    #[test]
    fn a_build_arg_that_nothing_takes_is_found() {
        let dockerfile = parser::parse(b"ARG tag\nFROM a\nFROM b\nARG mode\n").expect("a Dockerfile");
        let ours = ["http_proxy", "BUILDKIT_INLINE_CACHE", "TARGETARCH"];
        let others = ["tag", "moed", "x", "of_trigger", "BUILDKIT_INLINE_CAHCE"];
        let given: Vec<(&str, &str)> = ours.iter().chain(&others).map(|name| (*name, "")).collect();
        let (name, value, description) = ("of_trigger".to_owned(), None, None);
        let met = PlannedArg { lines: graph::Lines::single(2), name, value, description };
        let found = unused(&dockerfile, &map(&given), &[met]);
        let found: Vec<_> = found.iter().map(|arg| (arg.name.as_str(), arg.meant.as_deref())).collect();
        assert_eq!(
            found,
            [("BUILDKIT_INLINE_CAHCE", Some("BUILDKIT_INLINE_CACHE")), ("moed", Some("mode")), ("x", None),]
        );
    }

    #[test]
    fn build_args_replace_predefined_values() {
        let amd64: Platform = "linux/amd64".parse().expect("a platform");
        let arm: Platform = "linux/arm/v6".parse().expect("a platform");
        let scope = predefined(&amd64, &arm, "default", &map(&[("TARGETARCH", "mine"), ("OTHER", "x")]));
        assert_eq!(scope.value("BUILDPLATFORM"), Some("linux/amd64"));
        assert_eq!(scope.value("TARGETPLATFORM"), Some("linux/arm/v6"));
        assert_eq!(scope.value("TARGETARCH"), Some("mine"));
        assert_eq!(scope.value("TARGETVARIANT"), Some("v6"));
        assert_eq!(scope.value("BUILDVARIANT"), Some(""));
        assert_eq!(scope.value("TARGETSTAGE"), Some("default"));
        assert_eq!(scope.value("OTHER"), None);
        assert_eq!(scope.names().collect::<Vec<_>>(), PREDEFINED);
    }
}
