//! Finding the ignore file of a build.

use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use rustix::fs::{Mode, OFlags, ResolveFlags};

use super::ignore::{self, LineTooLong, PatternError, Patterns};

/// No one writes more by hand.
const LARGEST_BYTES: u64 = 16 * 1024 * 1024;

/// An ignore file that cannot be used.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum IgnoreError {
    /// It is there and cannot be read.
    #[error("cannot read {}", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// Why not.
        source: io::Error,
    },
    /// A line is too long.
    #[error("failed parsing {}: {source}", path.display())]
    Line {
        /// The file.
        path: PathBuf,
        /// Which line.
        source: LineTooLong,
    },
    /// A pattern means nothing.
    #[error("failed parsing {}: {source}", path.display())]
    Pattern {
        /// The file.
        path: PathBuf,
        /// Which one, and why.
        source: PatternError,
    },
}

/// The patterns of `<dockerfile>.dockerignore` if that is there, else of `.dockerignore` at the root of the context, else
/// none. They are known to be good: [`Patterns::new`] takes them.
///
/// Links are followed inside the folder of the file only.
pub fn find_ignore(context: &Path, dockerfile: Option<&Path>) -> Result<Vec<String>, IgnoreError> {
    if let Some(dockerfile) = dockerfile
        && let (Some(folder), Some(name)) = (dockerfile.parent(), dockerfile.file_name())
    {
        let folder = if folder.as_os_str().is_empty() { Path::new(".") } else { folder };
        let mut name = name.to_owned();
        name.push(".dockerignore");
        if let Some(patterns) = read(folder, Path::new(&name))? {
            return Ok(patterns);
        }
    }
    Ok(read(context, Path::new(".dockerignore"))?.unwrap_or_default())
}

fn read(folder: &Path, name: &Path) -> Result<Option<Vec<String>>, IgnoreError> {
    let path = folder.join(name);
    let bytes = match read_bytes(folder, name) {
        Err(error) if matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory) => {
            return Ok(None);
        }
        Err(source) => return Err(IgnoreError::Read { path, source }),
        Ok(bytes) => bytes,
    };
    let patterns =
        ignore::parse(&bytes).map_err(|source| IgnoreError::Line { path: path.clone(), source })?;
    Patterns::new(&patterns).map_err(|source| IgnoreError::Pattern { path, source })?;
    Ok(Some(patterns))
}

fn read_bytes(folder: &Path, name: &Path) -> io::Result<Vec<u8>> {
    let folder = File::open(folder)?;
    let flags = OFlags::RDONLY | OFlags::NONBLOCK | OFlags::CLOEXEC | OFlags::NOCTTY;
    let resolve = ResolveFlags::IN_ROOT | ResolveFlags::NO_MAGICLINKS;
    let file = match rustix::fs::openat2(&folder, name, flags, Mode::empty(), resolve) {
        // Without `openat2` links are not followed at all.
        Err(rustix::io::Errno::NOSYS | rustix::io::Errno::PERM) => {
            rustix::fs::openat(&folder, name, flags | OFlags::NOFOLLOW, Mode::empty())?
        }
        file => file?,
    };
    let file = File::from(file);
    if !file.metadata()?.is_file() {
        return Err(io::Error::new(io::ErrorKind::InvalidInput, "not a regular file"));
    }
    let mut bytes = Vec::new();
    file.take(LARGEST_BYTES).read_to_end(&mut bytes)?;
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::os::unix::fs::symlink;

    use super::*;

    #[test]
    fn which_file_is_read() {
        let dir = tempfile::tempdir().expect("a temporary directory");
        let (context, docker) = (dir.path().join("context"), dir.path().join("docker"));
        fs::create_dir_all(&context).expect("made");
        fs::create_dir_all(&docker).expect("made");
        let dockerfile = docker.join("Dockerfile");
        let found = || find_ignore(&context, Some(&dockerfile)).expect("good files");

        fs::write(docker.join(".dockerignore"), "beside").expect("written");
        assert!(found().is_empty());
        fs::write(context.join(".dockerignore"), "root").expect("written");
        assert_eq!(found(), ["root"]);
        fs::write(docker.join("Dockerfile.dockerignore"), "own").expect("written");
        assert_eq!(found(), ["own"]);
        assert_eq!(find_ignore(&context, None).expect("a good file"), ["root"]);
    }

    #[test]
    fn links_stay_inside() {
        let dir = tempfile::tempdir().expect("a temporary directory");
        let context = dir.path().join("context");
        fs::create_dir_all(context.join("sub")).expect("made");
        fs::write(dir.path().join("outside"), "outside").expect("written");
        fs::write(context.join("sub/list"), "inside").expect("written");
        symlink("sub/list", context.join(".dockerignore")).expect("linked");
        assert_eq!(find_ignore(&context, None).expect("a good file"), ["inside"]);
        fs::remove_file(context.join(".dockerignore")).expect("removed");
        symlink("../outside", context.join(".dockerignore")).expect("linked");
        assert!(find_ignore(&context, None).expect("a dangling link is no file").is_empty());
    }

    #[test]
    fn bad_patterns_are_named() {
        let dir = tempfile::tempdir().expect("a temporary directory");
        for (text, expected) in
            [("!", "illegal exclusion pattern: \"!\""), ("[a-", "[a-: syntax error in pattern")]
        {
            fs::write(dir.path().join(".dockerignore"), text).expect("written");
            let error = find_ignore(dir.path(), None).expect_err(text).to_string();
            assert!(error.starts_with("failed parsing ") && error.ends_with(expected), "{error}");
        }
    }
}
