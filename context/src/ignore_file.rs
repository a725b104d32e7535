//! The ignore file of a build: its place beside the Dockerfile or in the context, and its lines.

use std::io;
use std::path::Path;

use patterns::{IgnoreError, IgnoreFile};

use crate::in_root::read_in_root;

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
