//! Names of build arguments that have a meaning without an ARG.

use std::collections::BTreeMap;

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
pub(crate) const SETTINGS: [&str; 12] = [
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

/// Reports whether a build argument is a proxy, which says something about this machine only.
pub fn is_proxy(name: &str) -> bool {
    PROXIES.iter().any(|proxy| proxy.eq_ignore_ascii_case(name))
}

/// Reports whether a build argument has a meaning without an ARG.
pub(crate) fn has_meaning(name: &str) -> bool {
    is_proxy(name) || SETTINGS.contains(&name) || PREDEFINED.contains(&name)
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
}
