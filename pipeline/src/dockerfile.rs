//! Reading the Dockerfile of a build.
//!
//! A context can come from anyone, so that its Dockerfile is opened like its other files: symlinks do not lead out of the
//! context, and only a regular file is read. A file outside of the context is the user's own choice, and its symlinks are
//! followed. A Dockerfile is read up to one byte more than the parser takes, so that the parser reports a larger one.

use std::fs::{File, OpenOptions};
use std::io::{self, Read};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Component, Path, PathBuf};

/// Number of bytes that are read: one more than a Dockerfile can have.
pub const MAX_READ_BYTES: u64 = (1 << 20) + 1;

/// Directories whose entries are descriptors of this process, for example of `--file <(command)` in bash.
const DESCRIPTORS: [&str; 3] = ["/dev/fd", "/proc/self/fd", "/dev/stdin"];

/// Reads the Dockerfile of a context, or standard input for `-`.
///
/// `directory` is the absolute path of the context without symlinks, and `context` the path that the user wrote.
pub fn read_for_context(directory: &Path, context: &str, file: &Path) -> io::Result<Vec<u8>> {
    match path_in_context(directory, Path::new(context), file) {
        Some(path) => read_in_context(directory, &path),
        None => read(file),
    }
}

/// Reads a file that the user names, or standard input for `-`. Symlinks are followed.
pub fn read(file: &Path) -> io::Result<Vec<u8>> {
    if file == Path::new("-") {
        return read_from(io::stdin().lock());
    }
    if DESCRIPTORS.iter().any(|descriptors| file.starts_with(descriptors)) {
        return read_from(File::open(file)?);
    }
    // Opening a FIFO would wait for a writer.
    let opened =
        OpenOptions::new().read(true).custom_flags(rustix::fs::OFlags::NONBLOCK.bits() as i32).open(file)?;
    let metadata = opened.metadata()?;
    if metadata.is_dir() {
        return Err(io::ErrorKind::IsADirectory.into());
    }
    if !metadata.is_file() {
        return Err(io::Error::new(io::ErrorKind::InvalidInput, "not a regular file"));
    }
    read_from(opened)
}

fn read_from(source: impl Read) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    source.take(MAX_READ_BYTES).read_to_end(&mut bytes)?;
    Ok(bytes)
}

fn read_in_context(directory: &Path, path: &Path) -> io::Result<Vec<u8>> {
    context::read_in_root(directory, path, MAX_READ_BYTES).map_err(|error| {
        let is_link = directory.join(path).symlink_metadata().is_ok_and(|metadata| metadata.is_symlink());
        if error.kind() == io::ErrorKind::NotFound && is_link {
            io::Error::new(error.kind(), "it is a symlink, and its target is not in the context")
        } else {
            error
        }
    })
}

/// Returns the path of a file in the context, or `None` if the user names a file elsewhere.
fn path_in_context(directory: &Path, context: &Path, file: &Path) -> Option<PathBuf> {
    if file == Path::new("-") {
        return None;
    }
    let absolute = without_dots(&std::path::absolute(file).ok()?);
    let as_written = without_dots(&std::path::absolute(context).ok()?);
    let inside = absolute.strip_prefix(directory).or_else(|_| absolute.strip_prefix(&as_written)).ok();
    if let Some(path) = inside {
        return Some(path.to_owned());
    }
    // The path can lead into the context by symlinks outside of it.
    let folder = absolute.parent()?.canonicalize().ok()?;
    Some(folder.strip_prefix(directory).ok()?.join(absolute.file_name()?))
}

/// Resolves `.` and `..` by names alone.
fn without_dots(path: &Path) -> PathBuf {
    let mut clean = PathBuf::new();
    for component in path.components() {
        match component {
            Component::ParentDir => drop(clean.pop()),
            Component::CurDir => {}
            other => clean.push(other),
        }
    }
    clean
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;

    use super::*;

    /// A context `ctx` with the file `d/F`, and a secret beside it.
    fn files() -> tempfile::TempDir {
        let dir = tempfile::tempdir().expect("a temporary directory");
        std::fs::create_dir_all(dir.path().join("ctx/d")).expect("made");
        std::fs::write(dir.path().join("ctx/d/F"), "FROM scratch\n").expect("written");
        std::fs::write(dir.path().join("secret"), "token\n").expect("written");
        dir
    }

    fn read_named(dir: &Path, file: &Path) -> Result<String, String> {
        let directory = dir.join("ctx").canonicalize().expect("it exists");
        let context = dir.join("ctx");
        let bytes = read_for_context(&directory, context.to_str().expect("UTF-8"), file);
        bytes.map(|bytes| String::from_utf8(bytes).expect("text")).map_err(|error| error.to_string())
    }

    #[track_caller]
    fn check_link(target: &str, expected: Result<&str, &str>) {
        let dir = files();
        symlink(target, dir.path().join("ctx/link")).expect("linked");
        let got = read_named(dir.path(), &dir.path().join("ctx/link"));
        match expected {
            Ok(text) => assert_eq!(got.as_deref(), Ok(text), "{target}"),
            Err(reason) => {
                assert!(got.as_ref().is_err_and(|error| error.contains(reason)), "{target}: {got:?}")
            }
        }
    }

    #[test]
    fn a_symlink_of_a_context_stays_in_it() {
        check_link("d/F", Ok("FROM scratch\n"));
        check_link("../ctx/d/F", Err("its target is not in the context"));
        check_link("../secret", Err("its target is not in the context"));
        check_link("/etc/passwd", Err("its target is not in the context"));
        check_link("/dev/zero", Err("its target is not in the context"));
    }

    #[test]
    fn a_directory_of_a_context_that_is_a_symlink_stays_in_it() {
        let dir = files();
        symlink("..", dir.path().join("ctx/up")).expect("linked");
        let got = read_named(dir.path(), &dir.path().join("ctx/up/secret"));
        assert!(got.is_err(), "{got:?}");
    }

    #[test]
    fn a_file_elsewhere_is_the_choice_of_the_user() {
        let dir = files();
        symlink("secret", dir.path().join("link")).expect("linked");
        assert_eq!(read_named(dir.path(), &dir.path().join("link")).as_deref(), Ok("token\n"));
        assert_eq!(read_named(dir.path(), &dir.path().join("ctx/../link")).as_deref(), Ok("token\n"));
    }

    #[test]
    fn only_a_regular_file_is_read() {
        let dir = files();
        for folder in ["ctx", "."] {
            let fifo = dir.path().join(folder).join("fifo");
            rustix::fs::mknodat(rustix::fs::CWD, &fifo, rustix::fs::FileType::Fifo, 0o600.into(), 0)
                .expect("made");
            let got = read_named(dir.path(), &fifo);
            assert!(got.as_ref().is_err_and(|error| error.contains("not a regular file")), "{got:?}");
        }
        let got = read_named(dir.path(), &dir.path().join("ctx/d"));
        assert!(got.is_err(), "{got:?}");
    }

    #[test]
    fn a_large_file_is_read_up_to_the_limit_that_the_parser_reports() {
        let dir = files();
        let large = File::create(dir.path().join("ctx/large")).expect("made");
        large.set_len(1 << 40).expect("a sparse file");
        let bytes = read(&dir.path().join("ctx/large")).expect("read");
        assert_eq!(bytes.len() as u64, MAX_READ_BYTES);
        let error = parser::parse(&bytes).expect_err("it is too large");
        assert!(error.to_string().contains("greater than max allowed size"), "{error}");
    }
}
