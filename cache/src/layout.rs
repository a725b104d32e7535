//! The layout of a store on disk: creating it, and refusing directories that are not a store of this user and version.

use std::io;
use std::os::unix::fs::{DirBuilderExt, MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};

use crate::StoreError;
use crate::files::{IoContext, names_in, read_if_present, replace};
use crate::locks::{Mode, lock, open_lock_file};
use crate::tmp::{make_private_dir, random_name};

/// Content of the file `format`: name and version of the layout.
const FORMAT: &str = "dsbuild store 1\n";

/// Directories that every store has from the beginning, parents first.
const DIRS: [&str; 10] = [
    "tmp",
    "blobs",
    "blobs/sha256",
    "records",
    "records/v1",
    "layers",
    "stat",
    "steps",
    "mounts",
    "containers",
];

/// Everything that dsbuild makes in the root of a store; the head of the crate says who makes what.
const KNOWN: [&str; 22] = [
    "format",
    "lock",
    "oci-layout",
    "index.json",
    "index.json.lock",
    "index.json.damaged",
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
    "volumes",
    "known_hosts",
    "reserve",
    "collected",
    "tmp",
];
/// Directory that ext4 has in its root, and that a store on a file system of its own therefore contains.
const FILE_SYSTEM_DIR: &str = "lost+found";

/// Makes sure that `root` is a store of this user and version; creates one if `root` is absent or empty.
pub(crate) fn prepare(root: &Path) -> Result<(), StoreError> {
    match root.metadata() {
        Ok(_) => {}
        Err(error) if error.kind() == io::ErrorKind::NotFound => make_root(root)?,
        Err(error) => return Err(error).at("open", root),
    }
    check_owner(root)?;
    match read_format(root)? {
        Some(format) => check_format(root, &format),
        None => initialise(root),
    }
}

fn make_root(root: &Path) -> Result<(), StoreError> {
    if let Some(parent) = root.parent() {
        std::fs::create_dir_all(parent).at("make", parent)?;
    }
    match make_private_dir(root) {
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(()),
        made => made.at("make", root),
    }
}

/// Refuses the store of another user: that user could replace what this process trusts, and this process would leave
/// files that the user cannot remove. It also keeps root's store apart from those of other users.
fn check_owner(root: &Path) -> Result<(), StoreError> {
    let metadata = root.metadata().at("open", root)?;
    let user = rustix::process::geteuid().as_raw();
    if !metadata.is_dir() {
        return Err(refused(root, "it is not a directory".to_owned()));
    }
    if metadata.uid() != user {
        return Err(refused(root, format!("it belongs to user {}, not to user {user}", metadata.uid())));
    }
    if metadata.mode() & 0o077 != 0 {
        std::fs::set_permissions(root, std::fs::Permissions::from_mode(0o700)).at("make private", root)?;
    }
    Ok(())
}

fn refused(root: &Path, reason: String) -> StoreError {
    StoreError::Format { root: root.to_owned(), reason }
}

/// Returns the content of the file `format`, or `None` if nobody has finished creating a store here.
fn read_format(root: &Path) -> Result<Option<Vec<u8>>, StoreError> {
    let path = root.join("format");
    read_if_present(&path).at("read", &path)
}

fn check_format(root: &Path, format: &[u8]) -> Result<(), StoreError> {
    if format == FORMAT.as_bytes() {
        return Ok(());
    }
    let found = String::from_utf8_lossy(&format[..format.len().min(64)]);
    let (found, expected) = (found.trim_end(), FORMAT.trim_end());
    Err(refused(root, format!("its format is {found:?}, not {expected:?}")))
}

/// Creates the layout, the file `format` last. One process does it while others wait. If that process is killed, the
/// next one completes the layout.
fn initialise(root: &Path) -> Result<(), StoreError> {
    refuse_foreign(root)?;
    let path = root.join("lock");
    let file = open_lock_file(&path)?;
    lock(&file, Mode::Exclusive).at("lock", &path)?;
    if let Some(format) = read_format(root)? {
        return check_format(root, &format);
    }
    for dir in DIRS {
        let path = root.join(dir);
        std::fs::DirBuilder::new().recursive(true).mode(0o700).create(&path).at("make", &path)?;
    }
    write(root, "oci-layout", r#"{"imageLayoutVersion":"1.0.0"}"#)?;
    if !root.join("index.json").exists() {
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
    for entry in std::fs::read_dir(root).at("list", root)? {
        let name = entry.at("list", root)?.file_name();
        if name != FILE_SYSTEM_DIR && !KNOWN.iter().any(|known| name == *known) {
            unknown.push(root.join(name));
        }
    }
    unknown.sort_unstable();
    Ok(unknown)
}

fn write(root: &Path, name: &str, text: &str) -> Result<(), StoreError> {
    let tmp = root.join("tmp").join(random_name());
    replace(&root.join(name), &tmp, text.as_bytes(), true)
}
