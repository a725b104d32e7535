//! Access to the files that a Compose file names. Nothing else in this crate touches the machine.

use std::io;
use std::path::{Component, Path, PathBuf};

/// File system that Compose files and files with variables are read from.
pub trait Files {
    /// Reads a whole file as text.
    fn read(&self, path: &Path) -> io::Result<String>;

    /// Reports whether a path leads to something that is not a directory.
    fn is_file(&self, path: &Path) -> bool;

    /// Reports whether a path leads to a directory.
    fn is_dir(&self, path: &Path) -> bool;

    /// Returns the path with all symlinks of its first components replaced, as far as the path exists.
    fn resolve_symlink(&self, path: &Path) -> PathBuf;
}

/// File system of the machine.
#[derive(Debug, Clone, Copy)]
pub struct Disk;

impl Files for Disk {
    fn read(&self, path: &Path) -> io::Result<String> {
        let bytes = std::fs::read(path)?;
        String::from_utf8(bytes)
            .map_err(|_| io::Error::new(io::ErrorKind::InvalidData, "the file is not UTF-8"))
    }

    fn is_file(&self, path: &Path) -> bool {
        path.exists() && !path.is_dir()
    }

    fn is_dir(&self, path: &Path) -> bool {
        path.is_dir()
    }

    fn resolve_symlink(&self, path: &Path) -> PathBuf {
        let links: Vec<&Path> = path.ancestors().filter(|one| one.is_symlink()).collect();
        let Some(first) = links.last() else { return path.to_owned() };
        match (first.canonicalize(), path.strip_prefix(first)) {
            (Ok(target), Ok(rest)) if rest.as_os_str().is_empty() => target,
            (Ok(target), Ok(rest)) => target.join(rest),
            _ => path.to_owned(),
        }
    }
}

/// Joins a path to a directory, and removes `.`, `..` and repeated slashes without looking at the disk.
pub(crate) fn join(dir: &Path, path: &str) -> PathBuf {
    clean(&dir.join(path))
}

/// Removes `.`, `..` and repeated slashes without looking at the disk.
pub fn clean(path: &Path) -> PathBuf {
    let mut out = PathBuf::new();
    for component in path.components() {
        match component {
            Component::CurDir => {}
            Component::ParentDir => {
                let above = out.components().next_back();
                match above {
                    Some(Component::Normal(_)) => {
                        out.pop();
                    }
                    Some(Component::RootDir) => {}
                    _ => out.push(".."),
                }
            }
            other => out.push(other),
        }
    }
    if out.as_os_str().is_empty() { PathBuf::from(".") } else { out }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_is_cleaned_without_the_disk() {
        let check =
            |path: &str, expected: &str| assert_eq!(clean(Path::new(path)), Path::new(expected), "{path}");
        check("/a/./b/../c//d/", "/a/c/d");
        check("/../a", "/a");
        check("../a/..", "..");
        check("a/..", ".");
        assert_eq!(join(Path::new("/work"), "./x"), Path::new("/work/x"));
        assert_eq!(join(Path::new("/work"), "/x"), Path::new("/x"));
    }

    #[test]
    fn a_symlink_is_replaced_by_its_target() {
        let dir = tempfile::tempdir().unwrap();
        let real = dir.path().canonicalize().unwrap();
        std::fs::create_dir(real.join("target")).unwrap();
        std::os::unix::fs::symlink("target", real.join("link")).unwrap();
        assert_eq!(Disk.resolve_symlink(&real.join("link/x")), real.join("target/x"));
        assert_eq!(Disk.resolve_symlink(&real.join("target/x")), real.join("target/x"));
    }
}
