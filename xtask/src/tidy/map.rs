//! The map of `ARCHITECTURE.md`: the crates, and the crates of ours that each of them uses.
//!
//! A line of the map is indented by four spaces:
//!
//! ```text
//!     rootfs          ──▶ oci, cache   layers, trees, snapshots
//!     oci             ──▶ none         digests, references, platforms, image documents
//! ```
//!
//! The map must agree with the manifests in both directions. `[dev-dependencies]` may name `testing` besides.

use std::collections::BTreeMap;

const ARROW: &str = "──▶";

/// Crate whose fixtures the tests of every crate can use.
const FIXTURES: &str = "testing";

/// Crates in the order of the map, each with the crates that it uses.
pub struct Map(Vec<(String, Vec<String>)>);

impl Map {
    /// Reads the lines of the map from the text of `ARCHITECTURE.md`.
    pub fn read(architecture: &str) -> Self {
        Self(architecture.lines().filter_map(read_line).collect())
    }

    /// Returns the names of all crates, in the order of the map.
    pub fn crates(&self) -> impl Iterator<Item = &str> {
        self.0.iter().map(|(name, _)| name.as_str())
    }

    /// Compares the map with the list of workspace members. The root package is no member.
    pub fn member_problems(&self, members: &[&str]) -> Vec<String> {
        let missing = members.iter().filter(|member| !self.crates().any(|name| name == **member));
        let extra = self.crates().filter(|name| *name != super::ROOT && !members.contains(name));
        missing
            .map(|name| format!("the map of ARCHITECTURE.md lacks `{name}`"))
            .chain(extra.map(|name| format!("the map of ARCHITECTURE.md has `{name}`, which is no member")))
            .collect()
    }

    /// Compares the line of the crate `name` with its manifest.
    pub fn manifest_problems(&self, name: &str, manifest: &str) -> Vec<String> {
        let allowed = self.0.iter().find(|(known, _)| known == name).map(|(_, used)| used.as_slice());
        let allowed = allowed.unwrap_or_default();
        let used = dependencies(manifest);
        let is_ours = |key: &str| self.crates().any(|known| known == key);
        let forbidden = used.iter().filter(|(key, is_dev)| {
            is_ours(key) && !allowed.iter().any(|allowed| allowed == *key) && !(**is_dev && **key == FIXTURES)
        });
        let unused = allowed.iter().filter(|allowed| !used.contains_key(allowed.as_str()));
        forbidden
            .map(|(key, _)| format!("`{name}` uses `{key}`; the map of ARCHITECTURE.md does not allow it"))
            .chain(
                unused.map(|key| {
                    format!("`{name}` does not use `{key}`, which the map of ARCHITECTURE.md shows")
                }),
            )
            .collect()
    }
}

/// Returns the crate and its dependencies; `None` if `line` does not belong to the map.
fn read_line(line: &str) -> Option<(String, Vec<String>)> {
    let (name, rest) = line.strip_prefix("    ")?.split_once(ARROW)?;
    let name = name.trim();
    if name.is_empty() || !name.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'-') {
        return None;
    }
    let list = rest.trim_start().split("  ").next()?.trim();
    let used = if list == "none" { Vec::new() } else { list.split(", ").map(str::to_owned).collect() };
    Some((name.to_owned(), used))
}

/// Returns the keys of all sections of dependencies, each with whether only tests use it.
fn dependencies(manifest: &str) -> BTreeMap<&str, bool> {
    let mut keys = BTreeMap::new();
    let mut section = None;
    for line in manifest.lines() {
        if line.starts_with('[') {
            let is_list = line.ends_with("dependencies]") && line != "[workspace.dependencies]";
            section = is_list.then(|| line.contains("dev-dependencies"));
        } else if let (Some(is_dev), Some(key)) = (section, line.split(['.', ' ', '=']).next())
            && !key.is_empty()
        {
            keys.entry(key).and_modify(|known| *known &= is_dev).or_insert(is_dev);
        }
    }
    keys
}

#[cfg(test)]
mod tests {
    use super::*;

    const MAP: &str = "\
## Map

    oci     ──▶ none         digests
    cache   ──▶ oci          the store
    rootfs  ──▶ oci, cache   layers
    testing ──▶ oci
";

    #[track_caller]
    fn check(name: &str, manifest: &str, expected: &[&str]) {
        assert_eq!(Map::read(MAP).manifest_problems(name, manifest), expected);
    }

    #[test]
    fn dependencies_follow_the_map() {
        check("cache", "[dependencies]\noci.workspace = true\nserde.workspace = true", &[]);
        check("rootfs", "[dependencies]\noci = \"1\"\n[target.'cfg(unix)'.dependencies]\ncache = \"1\"", &[]);
        check("oci", "[features]\ncache = []", &[]);
        check("oci", "[workspace.dependencies]\ncache = { path = \"x\" }", &[]);
        check("oci", "[dev-dependencies]\ntesting.workspace = true", &[]);
    }

    #[test]
    fn a_dependency_that_the_map_lacks_is_a_problem() {
        const CACHE: &str = "`oci` uses `cache`; the map of ARCHITECTURE.md does not allow it";
        check("oci", "[dependencies]\ncache.workspace = true", &[CACHE]);
        check("oci", "[dev-dependencies]\ncache = { path = \"x\" }", &[CACHE]);
        check("oci", "[target.'cfg(unix)'.dependencies]\ncache = \"1\"", &[CACHE]);
        let testing = "`oci` uses `testing`; the map of ARCHITECTURE.md does not allow it";
        check("oci", "[dev-dependencies]\ntesting = \"1\"\n[dependencies]\ntesting = \"1\"", &[testing]);
    }

    #[test]
    fn an_edge_without_a_dependency_is_a_problem() {
        check(
            "cache",
            "[dependencies]\n",
            &["`cache` does not use `oci`, which the map of ARCHITECTURE.md shows"],
        );
    }

    #[test]
    fn map_and_workspace_have_the_same_crates() {
        let check = |members: &[&str], expected: &[&str]| {
            assert_eq!(Map::read(MAP).member_problems(members), expected);
        };
        check(&["oci", "cache", "rootfs", "testing"], &[]);
        check(&["oci", "cache", "rootfs", "testing", "new"], &["the map of ARCHITECTURE.md lacks `new`"]);
        check(&["oci", "cache", "rootfs"], &["the map of ARCHITECTURE.md has `testing`, which is no member"]);
    }
}
