//! Cycles between the modules of a crate.
//!
//! Siblings, which are the modules in one folder, must not use each other in a cycle, neither directly nor through the
//! modules below them. A module and its parent may use each other: the parent joins its parts and holds what they share.
//! A name that the parent re-exports counts as the sibling that it comes from. Tests do not count.

use std::collections::{BTreeMap, BTreeSet};

use super::paths;

/// Names of a module's ancestors and of the module itself; empty for the root of the crate.
type Module = Vec<String>;

/// Direct uses between siblings: each module with the modules that it uses.
type Edges = BTreeMap<String, BTreeSet<String>>;

/// Reports the cycles of one crate. `files` are its sources: the path below `src`, such as `op/file/mod.rs`, and the
/// text.
pub fn problems(name: &str, files: &[(String, String)]) -> Vec<String> {
    let modules: BTreeMap<Module, String> = files
        .iter()
        .filter(|(path, _)| !is_test(path))
        .map(|(path, text)| (module_of(path), paths::code(text)))
        .collect();
    let exports: BTreeMap<&Module, BTreeMap<String, Vec<String>>> =
        modules.iter().map(|(module, code)| (module, paths::reexports(code))).collect();

    let mut levels: BTreeMap<Module, Edges> = BTreeMap::new();
    for (module, code) in &modules {
        for path in paths::used(code, module) {
            let target = resolve(path, &exports);
            let common = module.iter().zip(&target).take_while(|(own, other)| own == other).count();
            if let (Some(own), Some(other)) = (module.get(common), target.get(common)) {
                let edges = levels.entry(module[..common].to_vec()).or_default();
                edges.entry(own.clone()).or_default().insert(other.clone());
            }
        }
    }
    levels
        .iter()
        .filter_map(|(parent, edges)| {
            let folder = [&[name.to_owned()], parent.as_slice()].concat().join("::");
            cycle(edges).map(|cycle| format!("{folder}: the modules {} form a cycle", cycle.join(" → ")))
        })
        .collect()
}

fn is_test(path: &str) -> bool {
    path.split('/').any(|part| {
        let part = part.trim_end_matches(".rs");
        ["tests", "testing"].contains(&part) || part.ends_with("_tests")
    })
}

fn module_of(path: &str) -> Module {
    let path = path.trim_end_matches(".rs");
    let mut parts: Module = path.split('/').map(str::to_owned).collect();
    if parts.last().is_some_and(|last| last == "mod") || ["lib", "main"].contains(&path) {
        parts.pop();
    }
    parts
}

/// Returns the module that holds the item at `path`, following re-exports.
fn resolve(mut path: Module, exports: &BTreeMap<&Module, BTreeMap<String, Vec<String>>>) -> Module {
    // Each turn follows one re-export; a crate that compiles has no endless chain of them.
    for _ in 0..8 {
        let depth =
            (0..=path.len()).rev().find(|depth| exports.contains_key(&path[..*depth].to_vec())).unwrap_or(0);
        let module = path[..depth].to_vec();
        let Some(origin) = path.get(depth).and_then(|item| exports.get(&module)?.get(item)) else {
            return module;
        };
        path = [module, origin.clone()].concat();
    }
    path
}

/// Returns one cycle, the first module repeated at the end; `None` if no module is part of one.
fn cycle(edges: &Edges) -> Option<Vec<String>> {
    edges.keys().find_map(|start| {
        let mut trail = vec![start.clone()];
        search(edges, start, &mut trail, &mut BTreeSet::new()).then_some(trail)
    })
}

/// Extends `trail` until it returns to `start`. Reports whether it does.
fn search(edges: &Edges, start: &str, trail: &mut Vec<String>, seen: &mut BTreeSet<String>) -> bool {
    let last = trail.last().cloned().unwrap_or_default();
    for next in edges.get(&last).into_iter().flatten() {
        let is_new = seen.insert(next.clone());
        trail.push(next.clone());
        if next == start || (is_new && search(edges, start, trail, seen)) {
            return true;
        }
        trail.pop();
    }
    false
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(files: &[(&str, &str)], expected: &[&str]) {
        let files: Vec<_> =
            files.iter().map(|(path, text)| ((*path).to_owned(), (*text).to_owned())).collect();
        assert_eq!(problems("x", &files), expected);
    }

    #[test]
    fn siblings_that_use_each_other_are_a_cycle() {
        let root = ("lib.rs", "mod a;\nmod b;\n");
        check(&[root, ("a.rs", "use crate::b::B;\n"), ("b.rs", "struct B;\n")], &[]);
        check(
            &[root, ("a.rs", "use crate::b::B;\n"), ("b.rs", "fn f() { super::a::run() }\n")],
            &["x: the modules a → b → a form a cycle"],
        );
        check(
            &[
                root,
                ("a.rs", "use crate::{b::{B, C}};\n"),
                ("b/mod.rs", "mod c;\n"),
                ("b/c.rs", "use crate::a;\n"),
            ],
            &["x: the modules a → b → a form a cycle"],
        );
    }

    #[test]
    fn longer_cycles_are_found_at_any_depth() {
        check(
            &[
                ("lib.rs", "mod m;\n"),
                ("m/mod.rs", ""),
                ("m/a.rs", "use super::b::B;\n"),
                ("m/b.rs", "use crate::m::c;\n"),
                ("m/c.rs", "use super::a::{self, A};\n"),
            ],
            &["x::m: the modules a → b → c → a form a cycle"],
        );
    }

    #[test]
    fn a_module_and_its_parent_may_use_each_other() {
        check(&[("lib.rs", "mod a;\nuse a::A;\npub struct E;\n"), ("a.rs", "use crate::E;\n")], &[]);
    }

    #[test]
    fn a_re_export_leads_to_its_module() {
        let a = ("a.rs", "use crate::b::B;\npub struct A;\n");
        let b = ("b.rs", "use crate::A;\n");
        check(
            &[("lib.rs", "mod a;\nmod b;\npub use a::A;\n"), a, b],
            &["x: the modules a → b → a form a cycle"],
        );
    }

    #[test]
    fn tests_and_comments_do_not_count() {
        let root = ("lib.rs", "mod a;\nmod b;\n");
        let a = ("a.rs", "use crate::b::B;\n");
        check(&[root, a, ("b.rs", "//! Used by [`crate::a`].\n// crate::a\n")], &[]);
        check(&[root, a, ("b.rs", "#[cfg(test)]\nmod tests {\n    use crate::a;\n}\n")], &[]);
        check(&[root, a, ("b/mod.rs", ""), ("b/tests.rs", "use crate::a;\n")], &[]);
    }
}
