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

/// Returns a path of a Windows image with slashes and without its drive: `C:\\app` and `\\app` become `/app`.
///
/// Images have no drive but C:, the system drive, so another one is an error.
///
/// Source: BuildKit, `util/system`, `CheckSystemDriveAndRemoveDriveLetter`.
pub fn from_windows(path: &str) -> Result<String, WindowsPathError> {
    let path_text = || path.to_owned();
    let slashed = path.replace('\\', "/");
    if slashed.starts_with("//") {
        return Err(WindowsPathError::Unc { path: path_text() });
    }
    match slashed.split_once(':') {
        None => Ok(slashed),
        Some(("c" | "C", "")) => Err(WindowsPathError::DriveOnly { path: path_text() }),
        Some(("c" | "C", below)) => Ok(clean(below)),
        Some(_) => Err(WindowsPathError::OtherDrive { path: path_text() }),
    }
}

/// Returns a path with slashes as Windows writes it.
pub fn to_windows(path: &str) -> String {
    path.replace('/', "\\")
}

/// A path of a Windows image that leads out of the image.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum WindowsPathError {
    /// The path names a drive and nothing on it.
    #[error("no path is specified in {path:?}")]
    DriveOnly {
        /// Path as it is written.
        path: String,
    },
    /// The path is on another drive than C:.
    #[error("the path {path:?} is not on the system drive (C:)")]
    OtherDrive {
        /// Path as it is written.
        path: String,
    },
    /// The path is on another machine.
    #[error("the UNC path {path:?} is not supported")]
    Unc {
        /// Path as it is written.
        path: String,
    },
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
    fn paths_of_windows_lose_their_drive_and_backslashes() {
        let check = |path: &str, expected: &str| {
            let found = from_windows(path).unwrap_or_else(|error| error.to_string());
            assert_eq!(found, expected, "{path}");
        };
        check(r"C:\app\x", "/app/x");
        check("c:/app/", "/app");
        check(r"C:app", "/app");
        check(r"\app", "/app");
        check(r"a\b", "a/b");
        check("/app", "/app");
        check("C:", r#"no path is specified in "C:""#);
        check(r"D:\x", r#"the path "D:\\x" is not on the system drive (C:)"#);
        check(r"\\host\x", r#"the UNC path "\\\\host\\x" is not supported"#);
        assert_eq!(to_windows("/app/x"), r"\app\x");
    }

    #[test]
    fn base_names() {
        assert_eq!(base_name("/a/b/"), Some("b"));
        assert_eq!(base_name("b"), Some("b"));
        assert_eq!(base_name("/"), None);
        assert_eq!(base_name("a/.."), None);
    }
}
