//! Paths in Rust source text: the items of its own crate that a module uses, and the names that it re-exports.
//!
//! The text is searched for `crate::`, `self::` and `super::`, also in nested braces (`use crate::{a, b::{C, D}}`). That
//! finds every path of a crate that is formatted and compiles, without a parser for the language.

use std::collections::BTreeMap;

/// Returns `text` without line comments and without what follows the first test module.
pub fn code(text: &str) -> String {
    let body = text.split("#[cfg(test)]\nmod tests {").next().unwrap_or_default();
    let lines = body.lines().map(|line| match line.find("//") {
        Some(start) if line[..start].trim().is_empty() || line[..start].ends_with(' ') => &line[..start],
        _ => line,
    });
    lines.collect::<Vec<_>>().join("\n")
}

/// Returns the absolute paths in `code`, which is the source of `module`.
pub fn used(code: &str, module: &[String]) -> Vec<Vec<String>> {
    let mut found = Vec::new();
    for (at, _) in code.match_indices("::") {
        let before = &code[..at];
        let first = before.rfind(|c: char| !is_identifier(c)).map_or(before, |end| &before[end + 1..]);
        let is_inside_path = before[..before.len() - first.len()].ends_with("::");
        let base = match first {
            "crate" => Vec::new(),
            "self" => module.to_vec(),
            "super" if !is_inside_path => parent(module),
            _ => continue,
        };
        let mut rest = &code[at + 2..];
        let mut base = base;
        while let Some(above) = rest.strip_prefix("super::") {
            (base, rest) = (parent(&base), above);
        }
        for path in trees(rest) {
            found.push([base.clone(), path].concat());
        }
    }
    found
}

/// Returns the names that `code` re-exports (`pub use child::Item`), each with its path below the module.
pub fn reexports(code: &str) -> BTreeMap<String, Vec<String>> {
    let mut names = BTreeMap::new();
    for (at, keyword) in code.match_indices("use ") {
        let line = &code[code[..at].rfind('\n').map_or(0, |end| end + 1)..at];
        if !line.trim_start().starts_with("pub") {
            continue;
        }
        let rest = &code[at + keyword.len()..];
        let rest = rest.strip_prefix("self::").unwrap_or(rest);
        for path in trees(rest) {
            if let [.., name] = path.as_slice()
                && path.len() > 1
                && path[0] != "crate"
                && path[0] != "super"
            {
                names.insert(name.clone(), path);
            }
        }
    }
    names
}

fn parent(module: &[String]) -> Vec<String> {
    module[..module.len().saturating_sub(1)].to_vec()
}

/// Returns every path of the use tree that `text` begins with: `a::{b, c::D}` is `a::b` and `a::c::D`.
fn trees(text: &str) -> Vec<Vec<String>> {
    let mut paths = Vec::new();
    let mut rest = text;
    tree(&mut rest, &[], &mut paths);
    paths
}

fn tree(rest: &mut &str, prefix: &[String], paths: &mut Vec<Vec<String>>) {
    let mut path = prefix.to_vec();
    loop {
        *rest = rest.trim_start();
        if let Some(inside) = rest.strip_prefix('{') {
            *rest = inside;
            return branches(rest, &path, paths);
        }
        let end = rest.find(|c: char| !is_identifier(c)).unwrap_or(rest.len());
        let (name, after) = rest.split_at(end);
        if !name.is_empty() && name != "self" {
            path.push(name.to_owned());
        }
        match after.strip_prefix("::") {
            Some(next) if !name.is_empty() => *rest = next,
            _ => {
                *rest = after;
                break;
            }
        }
    }
    paths.push(path);
}

/// Reads the branches of a brace up to and including its end.
fn branches(rest: &mut &str, prefix: &[String], paths: &mut Vec<Vec<String>>) {
    loop {
        tree(rest, prefix, paths);
        // Text after a name, such as `as other` or `*`, ends at a comma or at the brace.
        let Some(end) = rest.find([',', '}']) else { return };
        let is_last = rest[end..].starts_with('}');
        *rest = rest[end + 1..].trim_start();
        if is_last {
            return;
        }
        if let Some(after) = rest.strip_prefix('}') {
            *rest = after;
            return;
        }
    }
}

fn is_identifier(c: char) -> bool {
    c.is_ascii_alphanumeric() || c == '_'
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(code: &str, expected: &[&str]) {
        let module = ["m".to_owned(), "n".to_owned()];
        let found: Vec<_> = used(code, &module).into_iter().map(|path| path.join("::")).collect();
        assert_eq!(found, expected, "{code}");
    }

    #[test]
    fn paths_are_absolute() {
        check("use crate::a::B;", &["a::B"]);
        check("fn f() -> crate::E { super::g() }", &["E", "m::g"]);
        check("super::super::a::b(self::c)", &["a::b", "m::n::c"]);
        check("use std::io;", &[]);
    }

    #[test]
    fn braces_are_expanded() {
        check("use crate::{a, b::{C, D as E}, f::*};", &["a", "b::C", "b::D", "f"]);
        check("use super::a::{self, B,\n    C,\n};\nuse crate::d;", &["m::a", "m::a::B", "m::a::C", "d"]);
    }

    #[test]
    fn re_exports_have_the_path_of_their_origin() {
        let names =
            reexports("pub use a::A;\npub(crate) use b::{c::C, D};\nuse e::E;\npub use crate::f::F;\n");
        let names: Vec<_> =
            names.into_iter().map(|(name, path)| format!("{name} = {}", path.join("::"))).collect();
        assert_eq!(names, ["A = a::A", "C = b::c::C", "D = b::D"]);
    }

    #[test]
    fn comments_and_tests_are_no_code() {
        assert_eq!(code("a // b\n/// c\nlet url = \"http://d\";\n"), "a \n\nlet url = \"http://d\";");
        assert_eq!(code("a\n#[cfg(test)]\nmod tests {\n b }\n"), "a");
    }
}
