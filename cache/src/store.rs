//! Opening a store: its layout, its owner, its version.

use std::io;
use std::os::unix::fs::{DirBuilderExt, MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use oci::DiffId;

use crate::StoreError;
use crate::files::{At, mark_path_used, names_in, read_if_present, replace};
use crate::locks::{Mode, lock, open_lock_file};
use crate::scratch::{Home, clear, leftovers, make_private_dir, random_name};

/// What the file `format` says.
const FORMAT: &str = "dsbuild store 1\n";

/// Every directory of the layout, parents first.
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

/// An open store; holds `lock` shared. Cheap to share between threads (`Arc`).
#[derive(Debug)]
pub struct Store {
    pub(crate) home: Arc<Home>,
}

impl Store {
    /// Opens the store at `root`, makes it if there is none, clears what dead processes left in `tmp/` (in the
    /// background: a tree of a hundred thousand files takes seconds). Waits while a collection is running.
    pub fn open(root: &Path) -> Result<Self, StoreError> {
        prepare(root)?;
        let home = Home::new(root)?;
        let dead = leftovers(root)?;
        if !dead.is_empty() {
            std::thread::spawn(move || clear(dead));
        }
        Ok(Self { home: Arc::new(home) })
    }

    /// Where it is.
    pub fn root(&self) -> &Path {
        self.home.root()
    }

    /// Lets others collect from now on although this process has the store open: for one that only watches over a
    /// container. Its scratch directories stay, and so do the layers of containers; no more may be asked of the store.
    pub fn stand_aside(&self) -> Result<(), StoreError> {
        self.home.unlock().at("unlock", self.root())
    }

    /// Where what is derived from a layer lives (index, tree); made if absent.
    pub fn layer_dir(&self, layer: &DiffId) -> Result<PathBuf, StoreError> {
        let path = self.root().join("layers").join(layer.0.hex());
        match make_private_dir(&path) {
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => mark_path_used(&path),
            made => made.at("make", &path)?,
        }
        Ok(path)
    }
}

/// Makes sure that there is a store of ours at `root`.
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

/// A store of another user is refused: they could exchange what we trust, and we would leave files that they cannot
/// remove. So one made by root is never mixed with one made without.
fn check_owner(root: &Path) -> Result<(), StoreError> {
    let metadata = root.metadata().at("open", root)?;
    let user = rustix::process::geteuid().as_raw();
    if !metadata.is_dir() {
        return Err(not_ours(root, "it is not a directory".to_owned()));
    }
    if metadata.uid() != user {
        return Err(not_ours(root, format!("it belongs to user {}, and we are user {user}", metadata.uid())));
    }
    if metadata.mode() & 0o077 != 0 {
        std::fs::set_permissions(root, std::fs::Permissions::from_mode(0o700)).at("make private", root)?;
    }
    Ok(())
}

fn not_ours(root: &Path, reason: String) -> StoreError {
    StoreError::Format { root: root.to_owned(), reason }
}

fn read_format(root: &Path) -> Result<Option<Vec<u8>>, StoreError> {
    let path = root.join("format");
    read_if_present(&path).at("read", &path)
}

fn check_format(root: &Path, format: &[u8]) -> Result<(), StoreError> {
    match format == FORMAT.as_bytes() {
        true => Ok(()),
        false => {
            let found = String::from_utf8_lossy(&format[..format.len().min(64)]);
            Err(not_ours(root, format!("its format is {:?}, ours {:?}", found.trim_end(), FORMAT.trim_end())))
        }
    }
}

/// Makes the layout, `format` last. One process does, others wait for it; one that was killed while it did is followed
/// by one that completes it.
fn initialise(root: &Path) -> Result<(), StoreError> {
    let names = names_in(root)?;
    let foreign = names.iter().find(|name| name.as_str() != "lost+found");
    if let Some(foreign) = foreign.filter(|_| !names.iter().any(|name| name == "lock")) {
        return Err(not_ours(
            root,
            format!("it has no file \"format\", and is not empty: it has {foreign:?}"),
        ));
    }
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
    let write = |name: &str, text: &str| {
        let tmp = root.join("tmp").join(random_name());
        replace(&root.join(name), &tmp, text.as_bytes(), true)
    };
    write("oci-layout", r#"{"imageLayoutVersion":"1.0.0"}"#)?;
    if !root.join("index.json").exists() {
        write("index.json", &crate::names::empty())?;
    }
    // There is nothing to collect yet.
    write("collected", "")?;
    crate::files::renew_reserve(root);
    write("format", FORMAT)
}
