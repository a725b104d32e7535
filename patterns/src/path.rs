//! Paths as Go's package `path` treats them.

/// Go's `path.Clean`: no `.`, no doubled or trailing slash, `..` takes its parent away. Never empty.
pub fn clean(path: &str) -> String {
    let rooted = path.starts_with('/');
    let mut elements: Vec<&str> = Vec::new();
    for element in path.split('/') {
        match element {
            "" | "." => {}
            ".." if elements.last().is_some_and(|&last| last != "..") => drop(elements.pop()),
            ".." if rooted => {}
            other => elements.push(other),
        }
    }
    let joined = elements.join("/");
    match (rooted, joined.is_empty()) {
        (true, _) => format!("/{joined}"),
        (false, true) => ".".to_owned(),
        (false, false) => joined,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cleaned() {
        for (path, expected) in [
            ("", "."),
            ("a/b/../c", "a/c"),
            ("/..", "/"),
            ("../a", "../a"),
            ("a/../..", ".."),
            ("//a//", "/a"),
            ("./", "."),
        ] {
            assert_eq!(clean(path), expected, "{path}");
        }
    }
}
