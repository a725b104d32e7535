//! Paths inside an image: text with slashes, as Go's `path` treats it.

/// Returns the shortest equivalent absolute path, without `.`, `..`, repeated or trailing slashes. `..` stops at `/`.
pub fn clean(path: &str) -> String {
    let mut parts: Vec<&str> = Vec::new();
    for part in path.split('/') {
        match part {
            "" | "." => {}
            ".." => drop(parts.pop()),
            part => parts.push(part),
        }
    }
    format!("/{}", parts.join("/"))
}

/// Returns `path` relative to the directory `base` as a clean absolute path.
pub fn join(base: &str, path: &str) -> String {
    if path.starts_with('/') { clean(path) } else { clean(&format!("{base}/{path}")) }
}

/// Returns the destination of a COPY: like [`join`], but a text that denotes a directory (`x/`, `x/.`, `.`, empty) ends in
/// `/`.
///
/// Source: BuildKit, `pathRelativeToWorkingDir` and `NormalizePath` with `keepSlash`.
pub fn destination(working_dir: &str, path: &str) -> String {
    let is_folder = matches!(path, "" | ".") || path.ends_with('/') || path.ends_with("/.");
    let joined = join(working_dir, path);
    if is_folder && !joined.ends_with('/') { joined + "/" } else { joined }
}

/// Returns the last element of a path, or `None` for `/` and the empty path.
pub fn base_name(path: &str) -> Option<&str> {
    path.trim_end_matches('/').rsplit('/').next().filter(|name| !matches!(*name, "" | "." | ".."))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(working_dir: &str, path: &str, expected: &str) {
        assert_eq!(destination(working_dir, path), expected, "{working_dir} {path}");
    }

    #[test]
    fn destinations_keep_their_meaning_as_folders() {
        check("/w", "", "/w/");
        check("/w", ".", "/w/");
        check("/", ".", "/");
        check("/w", "a", "/w/a");
        check("/w", "./a/", "/w/a/");
        check("/w", "a/.", "/w/a/");
        check("/w", "../../a", "/a");
        check("/w", "/a//b", "/a/b");
        check("", "a", "/a");
    }

    #[test]
    fn base_names() {
        assert_eq!(base_name("/a/b/"), Some("b"));
        assert_eq!(base_name("b"), Some("b"));
        assert_eq!(base_name("/"), None);
        assert_eq!(base_name("a/.."), None);
    }
}
