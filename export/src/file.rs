//! Files of the user: a new file that takes its name when it is complete and on disk, or an existing pipe or device that
//! is written in place.

use std::ffi::OsString;
use std::fs::{self, File};
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};

use cache::SparseWriter;

use crate::error::{ExportError, io_error};

/// Writes a small file of the user, such as `--iidfile`, so that it appears whole and survives a power cut.
pub fn write_file(dest: &Path, bytes: &[u8]) -> Result<(), ExportError> {
    let mut draft = Draft::create(dest)?;
    draft.write_all(bytes).map_err(io_error("write", dest))?;
    draft.publish()
}

/// A file that is being written. Dropped before [`Draft::publish`], it leaves nothing behind.
pub(crate) struct Draft {
    dest: PathBuf,
    /// Temporary name beside `dest`; `None` if `dest` is written in place (a pipe).
    path: Option<PathBuf>,
    out: BufWriter<Output>,
}

/// The file below a draft.
enum Output {
    /// A pipe or a device, which gets every byte.
    InPlace(File),
    /// A new file, in which long runs of zeros are holes.
    New(SparseWriter<File>),
}

impl Write for Output {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match self {
            Self::InPlace(file) => file.write(bytes),
            Self::New(writer) => writer.write(bytes),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Output {
    /// Puts a new file on disk.
    fn sync(&mut self) -> io::Result<()> {
        match self {
            Self::InPlace(_) => Ok(()),
            Self::New(writer) => writer.finish().and_then(|()| writer.file().sync_all()),
        }
    }
}

impl Draft {
    /// Starts the file `dest`. Its directory must exist, as for docker and buildx: a new one would hide a mistyped path.
    pub fn create(dest: &Path) -> Result<Self, ExportError> {
        let existing = fs::metadata(dest).ok();
        if existing.as_ref().is_some_and(fs::Metadata::is_dir) {
            let error = io::Error::new(io::ErrorKind::IsADirectory, "it is a directory");
            return Err(io_error("write output file", dest)(error));
        }
        if existing.is_some_and(|metadata| !metadata.is_file()) {
            let file = File::options().write(true).open(dest).map_err(io_error("open", dest))?;
            return Ok(Self { dest: dest.to_owned(), path: None, out: buffered(Output::InPlace(file)) });
        }
        // A symlink stays: the file that it leads to is replaced.
        let dest = fs::canonicalize(dest).unwrap_or_else(|_| dest.to_owned());
        let path = sibling(&dest);
        check_directory(&dest)?;
        let file = File::create_new(&path).map_err(io_error("create", &path))?;
        Ok(Self { dest, path: Some(path), out: buffered(Output::New(SparseWriter::new(file))) })
    }

    /// Syncs the file, gives it its name, and syncs the directory of the name.
    pub fn publish(mut self) -> Result<(), ExportError> {
        self.out.flush().map_err(io_error("write", &self.dest))?;
        let Some(path) = self.path.take() else { return Ok(()) };
        let synced = self.out.get_mut().sync().map_err(io_error("sync", &self.dest));
        let renamed = synced
            .and_then(|()| fs::rename(&path, &self.dest).map_err(io_error("rename output to", &self.dest)));
        if renamed.is_err() {
            // Nothing is left behind; the first error is the one that counts.
            let _ = fs::remove_file(&path);
            return renamed;
        }
        sync_directory(parent(&self.dest))
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
            // The name is used by nobody else; if it cannot be removed there is nothing better to do.
            let _ = fs::remove_file(path);
        }
    }
}

/// Fails if the directory of an output file does not exist.
pub fn check_directory(dest: &Path) -> Result<(), ExportError> {
    let directory = parent(dest);
    if exists(directory) { Ok(()) } else { Err(ExportError::NoDirectory { dest: dest.to_owned() }) }
}

/// Makes a directory and its parents. Returns the directories that got a new entry, which [`sync_directory`] puts on disk.
pub(crate) fn make_directories(directory: &Path) -> Result<Vec<PathBuf>, ExportError> {
    let missing: Vec<&Path> = directory.ancestors().take_while(|ancestor| !exists(ancestor)).collect();
    fs::create_dir_all(directory).map_err(io_error("create directory", directory))?;
    Ok(missing.into_iter().map(|made| parent(made).to_owned()).collect())
}

/// Puts the names in a directory on disk.
pub(crate) fn sync_directory(directory: &Path) -> Result<(), ExportError> {
    File::open(directory).and_then(|opened| opened.sync_all()).map_err(io_error("sync", directory))
}

/// Puts everything below a directory on disk, and all else of its file system.
pub(crate) fn sync_tree(directory: &Path) -> Result<(), ExportError> {
    let synced = File::open(directory).and_then(|opened| Ok(rustix::fs::syncfs(opened)?));
    synced.map_err(io_error("sync", directory))
}

fn exists(path: &Path) -> bool {
    path.as_os_str().is_empty() || path.exists()
}

/// Returns the directory of a file; `.` for a name without one.
fn parent(path: &Path) -> &Path {
    path.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."))
}

fn buffered(output: Output) -> BufWriter<Output> {
    BufWriter::with_capacity(256 << 10, output)
}

/// Returns a name beside `dest` that nobody else uses.
fn sibling(dest: &Path) -> PathBuf {
    static COUNT: AtomicU64 = AtomicU64::new(0);
    let mut name = OsString::from(".");
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
        let dir = tempfile::tempdir().expect("temporary directory");
        let dest = dir.path().join("out.tar");
        let mut draft = Draft::create(&dest).expect("create");
        draft.write_all(b"half").expect("write");
        drop(draft);
        assert_eq!(names(dir.path()), Vec::<String>::new());

        let mut draft = Draft::create(&dest).expect("create");
        draft.write_all(b"whole").expect("write");
        draft.publish().expect("publish");
        assert_eq!(fs::read(&dest).expect("read"), b"whole");
        assert_eq!(names(dir.path()), ["out.tar"]);
    }

    #[test]
    fn a_file_in_a_directory_that_does_not_exist_is_refused() {
        let dir = tempfile::tempdir().expect("temporary directory");
        let dest = dir.path().join("new/out.tar");
        let error = Draft::create(&dest).err().expect("refused");
        assert_eq!(
            error.to_string(),
            format!("cannot write {}: its directory does not exist", dest.display())
        );
        assert_eq!(names(dir.path()), Vec::<String>::new());
        check_directory(Path::new("out.tar")).expect("the working directory");
    }

    #[test]
    fn zeros_of_an_output_take_no_disk_space() {
        use std::os::unix::fs::MetadataExt;
        let dir = tempfile::tempdir().expect("temporary directory");
        let bytes = [&b"start"[..], &vec![0; 4 << 20], b"end", &vec![0; 1 << 20]].concat();
        write_file(&dir.path().join("out.tar"), &bytes).expect("write");
        let file = File::open(dir.path().join("out.tar")).expect("open");
        assert!(file.metadata().expect("stat").blocks() * 512 <= 64 << 10);
        assert!(fs::read(dir.path().join("out.tar")).expect("read") == bytes);
    }

    #[test]
    fn a_symlink_is_followed_and_a_directory_is_refused() {
        let dir = tempfile::tempdir().expect("temporary directory");
        let (target, link) = (dir.path().join("target"), dir.path().join("link"));
        fs::write(&target, "old").expect("write");
        std::os::unix::fs::symlink("target", &link).expect("link");
        write_file(&link, b"new").expect("write");
        assert_eq!(fs::read(&target).expect("read"), b"new");
        assert!(fs::symlink_metadata(&link).expect("stat").is_symlink());
        let error = Draft::create(dir.path()).err().expect("refused").to_string();
        assert!(error.contains(&dir.path().display().to_string()), "{error}");
    }

    #[test]
    fn a_device_is_written_in_place() {
        write_file(Path::new("/dev/null"), b"gone").expect("write");
        assert!(fs::metadata("/dev/null").is_ok_and(|metadata| !metadata.is_file()));
    }

    #[test]
    fn directories_with_new_entries_are_known() {
        let dir = tempfile::tempdir().expect("temporary directory");
        let changed = make_directories(&dir.path().join("a/b")).expect("made");
        assert_eq!(changed, [dir.path().join("a"), dir.path().to_owned()]);
        assert!(make_directories(&dir.path().join("a/b")).expect("there").is_empty());
    }
}
