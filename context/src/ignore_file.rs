//! The ignore file of a build: its place beside the Dockerfile or in the context, and its lines.

use std::fs::File;
use std::io::{self, Read};
use std::path::Path;

use rustix::fs::{Mode, OFlags, ResolveFlags};

use patterns::{IgnoreError, IgnoreFile};

/// Largest ignore file that is read.
const MAX_BYTES: u64 = 16 * 1024 * 1024;

/// Reads `<dockerfile>.dockerignore` if it exists, or else `.dockerignore` at the root of the context.
///
/// Returns an empty ignore file if neither exists. Symlinks are followed inside the directory of the file only.
pub fn find_ignore(context: &Path, dockerfile: Option<&Path>) -> Result<IgnoreFile, IgnoreError> {
    if let Some(dockerfile) = dockerfile
        && let (Some(folder), Some(name)) = (dockerfile.parent(), dockerfile.file_name())
    {
        let folder = if folder.as_os_str().is_empty() { Path::new(".") } else { folder };
        let mut name = name.to_owned();
        name.push(".dockerignore");
        if let Some(file) = read(folder, Path::new(&name))? {
            return Ok(file);
        }
    }
    Ok(read(context, Path::new(".dockerignore"))?.unwrap_or_default())
}

fn read(folder: &Path, name: &Path) -> Result<Option<IgnoreFile>, IgnoreError> {
    let path = folder.join(name);
    match read_in_root(folder, name, MAX_BYTES) {
        Err(error) if matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory) => {
            Ok(None)
        }
        Err(source) => Err(IgnoreError::Read { path, source }),
        Ok(bytes) => IgnoreFile::parse(path, &bytes).map(Some),
    }
}

/// Reads a regular file, up to `max_bytes`, with `folder` as the root for all symlinks in `path`.
pub fn read_in_root(folder: &Path, path: &Path, max_bytes: u64) -> io::Result<Vec<u8>> {
    // A directory that cannot be listed can still contain files that can be read.
    let folder = rustix::fs::open(folder, OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC, Mode::empty())?;
    let flags = OFlags::RDONLY | OFlags::NONBLOCK | OFlags::CLOEXEC | OFlags::NOCTTY;
    let resolve = ResolveFlags::IN_ROOT | ResolveFlags::NO_MAGICLINKS;
    let file = match rustix::fs::openat2(&folder, path, flags, Mode::empty(), resolve) {
        // Without `openat2`, symlinks are not followed at all.
        Err(rustix::io::Errno::NOSYS | rustix::io::Errno::PERM) => {
            rustix::fs::openat(&folder, path, flags | OFlags::NOFOLLOW, Mode::empty())?
        }
        file => file?,
    };
    let file = File::from(file);
    let metadata = file.metadata()?;
    if !metadata.is_file() {
        return Err(io::Error::new(io::ErrorKind::InvalidInput, "not a regular file"));
    }
    // With one byte to spare, the end of the file is found without another allocation and read.
    let capacity = usize::try_from(metadata.len().min(max_bytes)).unwrap_or(0) + 1;
    let mut bytes = Vec::with_capacity(capacity);
    file.take(max_bytes).read_to_end(&mut bytes)?;
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::os::unix::fs::symlink;

    use super::*;

    #[test]
    fn the_file_of_the_dockerfile_comes_first() {
        let dir = tempfile::tempdir().expect("a temporary directory");
        let (context, docker) = (dir.path().join("context"), dir.path().join("docker"));
        fs::create_dir_all(&context).expect("made");
        fs::create_dir_all(&docker).expect("made");
        let dockerfile = docker.join("Dockerfile");
        let found = || find_ignore(&context, Some(&dockerfile)).expect("good files").patterns();

        fs::write(docker.join(".dockerignore"), "beside").expect("written");
        assert!(found().is_empty());
        fs::write(context.join(".dockerignore"), "root").expect("written");
        assert_eq!(found(), ["root"]);
        fs::write(docker.join("Dockerfile.dockerignore"), "own").expect("written");
        assert_eq!(found(), ["own"]);
        assert_eq!(find_ignore(&context, None).expect("a good file").patterns(), ["root"]);
    }

    #[test]
    fn a_symlink_out_of_the_context_is_not_followed() {
        let dir = tempfile::tempdir().expect("a temporary directory");
        let context = dir.path().join("context");
        fs::create_dir_all(context.join("sub")).expect("made");
        fs::write(dir.path().join("outside"), "outside").expect("written");
        fs::write(context.join("sub/list"), "inside").expect("written");
        symlink("sub/list", context.join(".dockerignore")).expect("linked");
        assert_eq!(find_ignore(&context, None).expect("a good file").patterns(), ["inside"]);
        fs::remove_file(context.join(".dockerignore")).expect("removed");
        symlink("../outside", context.join(".dockerignore")).expect("linked");
        let found = find_ignore(&context, None).expect("a link that leads nowhere counts as no file");
        assert_eq!(found, IgnoreFile::default());
    }

    #[test]
    fn an_error_names_the_bad_pattern() {
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
