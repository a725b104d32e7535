//! Where a file output goes: a new file that takes its name when it is complete, or what is there already if that is
//! a pipe or a device.

use std::fs::{self, File};
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};

use super::ExportError;
use super::error::io_error;

/// A file that is being written; dropped before [`Draft::publish`] it leaves nothing.
pub(super) struct Draft {
    dest: PathBuf,
    /// Where it is written; `None` if `dest` itself is (a pipe).
    path: Option<PathBuf>,
    out: BufWriter<File>,
}

impl Draft {
    /// Starts the file `dest`; folders that are missing are made.
    pub fn create(dest: &Path) -> Result<Self, ExportError> {
        let existing = fs::metadata(dest).ok();
        if existing.as_ref().is_some_and(fs::Metadata::is_dir) {
            let error = io::Error::new(io::ErrorKind::IsADirectory, "it is a directory");
            return Err(io_error("write output file", dest)(error));
        }
        if existing.is_some_and(|metadata| !metadata.is_file()) {
            let file = File::options().write(true).open(dest).map_err(io_error("open", dest))?;
            return Ok(Self { dest: dest.to_owned(), path: None, out: buffered(file) });
        }
        // A link stays one: the file it leads to is replaced.
        let dest = fs::canonicalize(dest).unwrap_or_else(|_| dest.to_owned());
        let path = sibling(&dest);
        if let Some(parent) = path.parent() {
            fs::create_dir_all(parent).map_err(io_error("create folder", parent))?;
        }
        let file = File::create_new(&path).map_err(io_error("create", &path))?;
        Ok(Self { dest, path: Some(path), out: buffered(file) })
    }

    /// Gives the file its name.
    pub fn publish(mut self) -> Result<(), ExportError> {
        self.out.flush().map_err(io_error("write", &self.dest))?;
        match self.path.take() {
            Some(path) => fs::rename(&path, &self.dest).map_err(|source| {
                // Nothing is left behind; the error that is told is the one that counts.
                let _ = fs::remove_file(&path);
                io_error("rename output to", &self.dest)(source)
            }),
            None => Ok(()),
        }
    }
}

impl Write for Draft {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.out.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.out.flush()
    }
}

impl Drop for Draft {
    fn drop(&mut self) {
        if let Some(path) = &self.path {
            // It is nobody's: if it cannot be removed there is nothing better to do.
            let _ = fs::remove_file(path);
        }
    }
}

fn buffered(file: File) -> BufWriter<File> {
    BufWriter::with_capacity(256 << 10, file)
}

/// A name beside `dest` that nobody else uses.
fn sibling(dest: &Path) -> PathBuf {
    static COUNT: AtomicU64 = AtomicU64::new(0);
    let mut name = std::ffi::OsString::from(".");
    name.push(dest.file_name().unwrap_or_default());
    name.push(format!(".{}-{}.tmp", std::process::id(), COUNT.fetch_add(1, Ordering::Relaxed)));
    dest.with_file_name(name)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(dir: &Path) -> Vec<String> {
        let entries = fs::read_dir(dir).expect("list");
        let mut names: Vec<_> =
            entries.map(|entry| entry.expect("entry").file_name().to_string_lossy().into_owned()).collect();
        names.sort();
        names
    }

    #[test]
    fn a_draft_appears_whole_or_not_at_all() {
        let dir = tempfile::tempdir().expect("temporary folder");
        let dest = dir.path().join("new/out.tar");
        let mut draft = Draft::create(&dest).expect("create");
        draft.write_all(b"half").expect("write");
        drop(draft);
        assert_eq!(names(&dir.path().join("new")), Vec::<String>::new());

        let mut draft = Draft::create(&dest).expect("create");
        draft.write_all(b"whole").expect("write");
        draft.publish().expect("publish");
        assert_eq!(fs::read(&dest).expect("read"), b"whole");
        assert_eq!(names(&dir.path().join("new")), ["out.tar"]);
    }

    #[test]
    fn a_link_is_followed_and_a_folder_refused() {
        let dir = tempfile::tempdir().expect("temporary folder");
        let (target, link) = (dir.path().join("target"), dir.path().join("link"));
        fs::write(&target, "old").expect("write");
        std::os::unix::fs::symlink("target", &link).expect("link");
        let mut draft = Draft::create(&link).expect("create");
        draft.write_all(b"new").expect("write");
        draft.publish().expect("publish");
        assert_eq!(fs::read(&target).expect("read"), b"new");
        assert!(fs::symlink_metadata(&link).expect("stat").is_symlink());
        assert!(Draft::create(dir.path()).is_err());
    }

    #[test]
    fn a_device_is_written_in_place() {
        let mut draft = Draft::create(Path::new("/dev/null")).expect("open");
        draft.write_all(b"gone").expect("write");
        draft.publish().expect("publish");
        assert!(Path::new("/dev/null").exists());
    }
}
