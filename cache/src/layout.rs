//! The layout of a store on disk: creating it, and refusing directories that are not a store of this user and version.

use std::fs::{File, Metadata};
use std::io;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};

use crate::StoreError;
use crate::files::{IoContext, names_in, open_dir, read_if_present, replace};
use crate::locks::{Mode, lock, open_lock_file};
use crate::structure::{self, DIRS};
use crate::tmp::{ensure_private_dir, random_name};

/// Name of the layout, which the version follows.
const FORMAT_NAME: &str = "dsbuild store ";
/// Content of the file `format`: name and version of the layout.
const FORMAT: &str = "dsbuild store 1\n";

/// Everything that dsbuild makes in the root of a store; the head of the crate says who makes what.
const KNOWN: [&str; 26] = [
    "format",
    "lock",
    "collect.lock",
    "oci-layout",
    "index.json",
    "index.json.lock",
    "index.json.damaged",
    "index.json.copy",
    "index.json.previous",
    "blobs",
    "records",
    "layers",
    "stat",
    "steps",
    "mounts",
    "pins",
    "downloads",
    "commits",
    "containers",
    "roots",
    "versions",
    "volumes",
    "known_hosts",
    "reserve",
    "collected",
    "tmp",
];
/// Number of the store's names that a damaged directory has at least, to be taken for a store.
const MIN_STORE_NAMES: usize = 4;
/// Directory that ext4 has in its root, and that a store on a file system of its own therefore contains.
const FILE_SYSTEM_DIR: &str = "lost+found";

/// Makes sure that `root` is a store of this user and version; creates one if `root` is absent or empty. Returns the path
/// of the store without symbolic links, because nothing in a store is looked up through one.
///
/// A directory that is refused is left exactly as it was.
pub(crate) fn prepare(root: &Path) -> Result<PathBuf, StoreError> {
    let (root, dir) = open_root(root)?;
    let metadata = dir.metadata().at("stat", &root)?;
    check_owner(&root, &metadata)?;
    let is_finished = is_finished(&root)?;
    if !is_finished {
        refuse_foreign(&root)?;
    }
    if metadata.mode() & 0o077 != 0 {
        let private = std::fs::Permissions::from_mode(0o700);
        dir.set_permissions(private).at("make private", &root)?;
    }
    structure::check(&root)?;
    if !is_finished {
        initialise(&root)?;
    }
    Ok(root)
}

/// Removes what lies in the place of a directory or file of the store at `root`, so that the store can be opened; returns
/// the paths. A directory with too few names of a store is left as it is.
pub(crate) fn repair(root: &Path) -> Result<Vec<PathBuf>, StoreError> {
    if root.symlink_metadata().is_err() {
        return Ok(Vec::new());
    }
    let (root, dir) = open_root(root)?;
    check_owner(&root, &dir.metadata().at("stat", &root)?)?;
    let names = names_in(&root)?;
    let known_count = ["lock", "format", "oci-layout", "blobs", "layers", "records", "tmp"]
        .iter()
        .filter(|name| names.iter().any(|found| found == *name))
        .count();
    if known_count < MIN_STORE_NAMES { Ok(Vec::new()) } else { structure::repair(&root) }
}

/// Opens the directory of a store, and makes it if it does not exist.
fn open_root(root: &Path) -> Result<(PathBuf, File), StoreError> {
    let refuse = |error: io::Error| match error.kind() {
        io::ErrorKind::NotADirectory => refused(root, "it is not a directory".to_owned()),
        _ => StoreError::Io { action: "open", path: root.to_owned(), source: error },
    };
    if let Ok(dir) = open_dir(root) {
        return Ok((root.to_owned(), dir));
    }
    let path = match root.canonicalize() {
        Err(error) if error.kind() == io::ErrorKind::NotFound => make_root(root)?,
        path => path.at("open", root)?,
    };
    let dir = open_dir(&path).map_err(refuse)?;
    Ok((path, dir))
}

fn make_root(root: &Path) -> Result<PathBuf, StoreError> {
    let (Some(parent), Some(name)) = (root.parent(), root.file_name()) else {
        return Err(io::Error::from(io::ErrorKind::NotFound)).at("open", root);
    };
    let parent = if parent.as_os_str().is_empty() { Path::new(".") } else { parent };
    std::fs::create_dir_all(parent).at("make", parent)?;
    let path = parent.canonicalize().at("open", parent)?.join(name);
    ensure_private_dir(&path)?;
    Ok(path)
}

/// Refuses the store of another user: that user could replace what this process trusts, and this process would leave
/// files that the user cannot remove. It also keeps root's store apart from those of other users.
fn check_owner(root: &Path, metadata: &Metadata) -> Result<(), StoreError> {
    let user = rustix::process::geteuid().as_raw();
    if metadata.uid() != user {
        return Err(refused(root, format!("it belongs to user {}, not to user {user}", metadata.uid())));
    }
    Ok(())
}

fn refused(root: &Path, reason: String) -> StoreError {
    StoreError::Format { root: root.to_owned(), reason }
}

/// Returns whether `root` is a complete store of this version. A store of another version is an error; a store whose
/// file `format` was lost or damaged is completed again.
fn is_finished(root: &Path) -> Result<bool, StoreError> {
    let path = root.join("format");
    let format = match read_if_present(&path) {
        Err(error) if error.kind() == io::ErrorKind::InvalidData => return Ok(false),
        format => format.at("read", &path)?,
    };
    let Some(format) = format else { return Ok(false) };
    if format == FORMAT.as_bytes() {
        return Ok(true);
    }
    let found = String::from_utf8_lossy(&format[..format.len().min(64)]);
    let (found, expected) = (found.trim_end(), FORMAT.trim_end());
    let is_version = found.strip_prefix(FORMAT_NAME).is_some_and(|version| version.parse::<u64>().is_ok());
    if is_version || !has_layout(root) {
        return Err(refused(root, format!("its format is {found:?}, not {expected:?}")));
    }
    Ok(false)
}

/// Returns whether `root` has what every store has beside the file `format`.
fn has_layout(root: &Path) -> bool {
    root.join("lock").symlink_metadata().is_ok_and(|metadata| metadata.is_file())
        && root.join("blobs").symlink_metadata().is_ok_and(|metadata| metadata.is_dir())
}

/// Creates the layout, the file `format` last. One process does it while others wait. If that process is killed, the
/// next one completes the layout.
fn initialise(root: &Path) -> Result<(), StoreError> {
    let path = root.join("lock");
    let file = open_lock_file(&path)?;
    lock(&file, Mode::Exclusive).at("lock", &path)?;
    if is_finished(root)? {
        return Ok(());
    }
    for dir in DIRS {
        ensure_private_dir(&root.join(dir))?;
    }
    // Removal on a disk without a free inode needs them.
    for lock in ["collect.lock", "index.json.lock"] {
        open_lock_file(&root.join(lock))?;
    }
    write(root, "oci-layout", r#"{"imageLayoutVersion":"1.0.0"}"#)?;
    let is_new = names_in(&root.join("blobs/sha256"))?.is_empty();
    if is_new && root.join("index.json").symlink_metadata().is_err() {
        write(root, "index.json", &crate::index::empty())?;
    }
    // A new store has nothing to collect: the first collection is due a day from now.
    write(root, "collected", "")?;
    crate::reserve::renew(root);
    write(root, "format", FORMAT)
}

/// Refuses a directory with files of somebody else. The file `lock` is the first that a half-made store has.
fn refuse_foreign(root: &Path) -> Result<(), StoreError> {
    let names = names_in(root)?;
    let foreign = names.iter().find(|name| name.as_str() != FILE_SYSTEM_DIR);
    match foreign.filter(|_| !names.iter().any(|name| name == "lock")) {
        Some(foreign) => {
            let reason = format!("it has no file \"format\" and is not empty: it has {foreign:?}");
            Err(refused(root, reason))
        }
        None => Ok(()),
    }
}

/// Lists what is in the root of a store and that dsbuild does not make, sorted.
pub(crate) fn unknown_entries(root: &Path) -> Result<Vec<PathBuf>, StoreError> {
    let mut unknown = Vec::new();
    for name in names_in(root)? {
        if name != FILE_SYSTEM_DIR && !KNOWN.contains(&name.as_str()) {
            unknown.push(root.join(name));
        }
    }
    Ok(unknown)
}

fn write(root: &Path, name: &str, text: &str) -> Result<(), StoreError> {
    let tmp = root.join("tmp").join(random_name()?);
    replace(&root.join(name), &tmp, text.as_bytes(), true)
}
