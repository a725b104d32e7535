//! Copying files out of a container and into it, as `docker cp` does.
//!
//! | source | destination | result |
//! |---|---|---|
//! | file | absent, in a directory | a file of that name |
//! | file | absent, with `/` at its end | error |
//! | file or directory | directory | an entry in it, with the name of the source |
//! | directory | absent | a directory of that name, with the content of the source |
//! | directory with `/.` at its end | directory | its content |
//! | directory | file | error |

use std::ffi::{OsStr, OsString};
use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::path::{Component, Path, PathBuf};
use std::sync::Arc;

use rootfs::layers::export;
use rustix::fs::{Mode, OFlags};
use trees::create::{Creator, Location};
use trees::dir_tree::{DirTree, read_entry};
use trees::entry::{Entry, Kind};
use trees::safe_path::open_in_root;
use trees::sparse;
use trees::tree::Tree;
use trees::xattr::Flavor;

use super::Root;
use super::replace::{kind_of, remove};
use super::unpack::unpack;
use crate::RunnerError;
use crate::error::io_error;

/// Place of a copy: a path in a container, or of this machine.
pub enum Place<'a> {
    /// Path in a container.
    Container(&'a Root, &'a Path),
    /// Path of this machine.
    Machine(&'a Path),
}

/// How files are copied.
#[derive(Debug, Clone, Copy, Default)]
pub struct Options {
    /// --follow-link: whether a source that is a symlink stands for its target.
    pub follows_link: bool,
    /// --archive: whether owners are kept; otherwise everything belongs to root of the container, or to the caller.
    pub keeps_owner: bool,
}

/// Something to copy: an entry in an open directory.
struct Source {
    parent: OwnedFd,
    name: OsString,
    entry: Entry,
    /// Name that the copy has in a directory.
    copied_as: OsString,
    /// Whether only the content of the directory is meant.
    is_content: bool,
}

/// Copies what is at `from` to `to`.
pub fn copy(from: &Place<'_>, to: &Place<'_>, options: Options) -> Result<(), RunnerError> {
    let source = source(from, options.follows_link)?;
    let (parent, name, is_content) = target(&source, to)?;
    let tree = DirTree::new(source.parent);
    let mut copier =
        Copier { tree: &tree, creator: Creator::new(Flavor::current()), options, buffer: Vec::new() };
    let from = Path::new(&source.name);
    if is_content {
        let dir = open_dir(&parent, &name, to.path())?;
        copier.content(from, &dir)
    } else {
        copier.entry(from, &source.entry, &parent, &name)
    }
}

/// Writes what is at `from` as a tar.
pub fn write_tar(from: &Place<'_>, options: Options, out: &mut dyn io::Write) -> Result<(), RunnerError> {
    let source = source(from, options.follows_link)?;
    let tree: Arc<dyn Tree> = Arc::new(DirTree::new(source.parent));
    let name = if source.is_content { Path::new("") } else { Path::new(&source.copied_as) };
    Ok(export::write_tree(&tree, Path::new(&source.name), name, out)?)
}

/// Unpacks a tar into the directory `to`, which exists.
pub fn read_tar(input: &mut dyn io::Read, to: &Place<'_>, options: Options) -> Result<(), RunnerError> {
    unpack(input, &to.open(to.path())?, options.keeps_owner)
}

impl Place<'_> {
    fn path(&self) -> &Path {
        match self {
            Self::Container(_, path) | Self::Machine(path) => path,
        }
    }

    fn failed(&self, action: &'static str) -> impl Fn(rustix::io::Errno) -> RunnerError {
        let path = self.path().to_owned();
        move |error| io_error(action, &path)(error.into())
    }

    /// Opens the directory `path`, symlinks resolved.
    fn open(&self, path: &Path) -> Result<OwnedFd, RunnerError> {
        match self {
            Self::Container(root, _) => root.directory(path),
            Self::Machine(_) => {
                let path = if path.as_os_str().is_empty() { Path::new(".") } else { path };
                rustix::fs::open(path, OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC, Mode::empty())
                    .map_err(self.failed("open"))
            }
        }
    }

    /// Opens the directory that a path is in, and returns its last name; `None` for a path without one, such as `/`.
    fn parent(&self) -> Result<(OwnedFd, Option<OsString>), RunnerError> {
        let path = self.path();
        match path.components().next_back() {
            Some(Component::Normal(name)) if !ends_in_dot(path) => {
                let parent = path.parent().unwrap_or(Path::new(""));
                // A volume that is not mounted is a root of its own.
                if let Self::Container(root, _) = self
                    && let (dir, rest) = root.place(path)?
                    && rest.as_os_str().is_empty()
                {
                    return Ok((dir, None));
                }
                Ok((self.open(parent)?, Some(name.to_owned())))
            }
            _ => Ok((self.open(path)?, None)),
        }
    }
}

/// Reports whether a path ends with `/.`, so that the content of a directory is meant.
fn ends_in_dot(path: &Path) -> bool {
    let bytes = path.as_os_str().as_encoded_bytes();
    bytes.ends_with(b"/.") || bytes == b"."
}

fn ends_in_slash(path: &Path) -> bool {
    path.as_os_str().as_encoded_bytes().ends_with(b"/")
}

fn source(from: &Place<'_>, follows_link: bool) -> Result<Source, RunnerError> {
    let path = from.path();
    let (parent, name) = from.parent()?;
    let absent = || io_error("find", path)(io::ErrorKind::NotFound.into());
    let is_content = ends_in_dot(path);
    let Some(name) = name else {
        let (entry, _) =
            read_entry(&parent, OsStr::new("")).map_err(from.failed("look at"))?.ok_or_else(absent)?;
        let copied_as = path.file_name().unwrap_or(OsStr::new("")).to_owned();
        return Ok(Source {
            parent,
            name: OsString::new(),
            entry,
            is_content: is_content || copied_as.is_empty(),
            copied_as,
        });
    };
    let (entry, _) = read_entry(&parent, &name).map_err(from.failed("find"))?.ok_or_else(absent)?;
    let is_link = matches!(entry.kind, Kind::Symlink { .. });
    if is_link && (follows_link || ends_in_slash(path)) {
        return followed(from, parent, name);
    }
    if ends_in_slash(path) && !entry.is_dir() {
        return Err(io_error("open", path)(io::ErrorKind::NotADirectory.into()));
    }
    Ok(Source { parent, copied_as: name.clone(), name, entry, is_content })
}

/// Returns the target of a symlink, under the name of the link.
fn followed(from: &Place<'_>, parent: OwnedFd, link: OsString) -> Result<Source, RunnerError> {
    let path = from.path();
    let target = match from {
        Place::Container(root, path) => {
            let (dir, rest) = root.place(path)?;
            let found = open_in_root(dir.as_fd(), &rest, OFlags::PATH).map_err(from.failed("follow"))?;
            let found = std::fs::read_link(trees::safe_path::fd_path(found.as_fd()))
                .map_err(io_error("follow", path))?;
            let base = std::fs::read_link(trees::safe_path::fd_path(dir.as_fd()))
                .map_err(io_error("follow", path))?;
            Path::new("/").join(found.strip_prefix(&base).unwrap_or(&found))
        }
        Place::Machine(path) => std::fs::canonicalize(path).map_err(io_error("follow", path))?,
    };
    drop(parent);
    let resolved = match from {
        Place::Container(root, _) => source(&Place::Container(root, &target), false)?,
        Place::Machine(_) => source(&Place::Machine(&target), false)?,
    };
    Ok(Source { copied_as: link, is_content: ends_in_dot(path), ..resolved })
}

/// Returns the directory that gets the copy, the name of the copy in it, and whether the content of the source goes into it.
fn target(source: &Source, to: &Place<'_>) -> Result<(OwnedFd, OsString, bool), RunnerError> {
    let path = to.path();
    let refused = |why: &str| Err(RunnerError::BadCopy { path: path.to_owned(), reason: why.to_owned() });
    if let Ok(dir) = to.open(path) {
        if source.is_content {
            return Ok((dir, OsString::new(), true));
        }
        return match kind_of(&dir, &source.copied_as) {
            Some(is_dir) if is_dir != source.entry.is_dir() => {
                refused("it has a directory in place of a file, or a file in place of a directory")
            }
            _ => Ok((dir, source.copied_as.clone(), false)),
        };
    }
    let (parent, name) = to.parent()?;
    let Some(name) = name else { return refused("no such directory") };
    match kind_of(&parent, &name) {
        Some(_) if source.entry.is_dir() => refused("a directory cannot be copied over a file"),
        _ if ends_in_slash(path) && !source.entry.is_dir() => refused("no such directory"),
        _ => Ok((parent, name, false)),
    }
}

fn open_dir(parent: &OwnedFd, name: &OsStr, path: &Path) -> Result<OwnedFd, RunnerError> {
    let name = if name.is_empty() { OsStr::new(".") } else { name };
    let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    rustix::fs::openat(parent, name, flags, Mode::empty())
        .map_err(|error| io_error("open", path)(error.into()))
}

/// Writer of entries over existing ones: directories are merged, all else is replaced.
struct Copier<'a> {
    tree: &'a DirTree,
    creator: Creator,
    options: Options,
    buffer: Vec<u8>,
}

impl Copier<'_> {
    /// Copies everything in the directory `from` into the directory `to`.
    fn content(&mut self, from: &Path, to: &OwnedFd) -> Result<(), RunnerError> {
        for child in self.tree.children(from).map_err(io_error("read", from))? {
            self.entry(&from.join(&child.name), &child.entry, to, &child.name)?;
        }
        Ok(())
    }

    fn entry(&mut self, from: &Path, entry: &Entry, dir: &OwnedFd, name: &OsStr) -> Result<(), RunnerError> {
        let entry = self.owned(entry.clone());
        let path = PathBuf::from(name);
        let at = Location { dir: dir.as_fd(), name, path: &path };
        let is_present = kind_of(dir, name);
        if entry.is_dir() {
            if is_present != Some(true) {
                remove(dir, name, is_present)?;
                self.creator.begin_directory(at)?;
            }
            self.content(from, &open_dir(dir, name, from)?)?;
            return Ok(self.creator.finish_directory(at, &entry)?);
        }
        remove(dir, name, is_present)?;
        let Kind::File { size_bytes } = entry.kind else { return Ok(self.creator.special(at, &entry)?) };
        let (tree, buffer) = (self.tree, &mut self.buffer);
        Ok(self.creator.file(at, &entry, |file| {
            let mut content = tree.open_sparse(from).map_err(trees::failed("open", from))?;
            sparse::copy(&mut *content, size_bytes, file, buffer)
                .map(drop)
                .map_err(trees::failed("copy", from))
        })?)
    }

    fn owned(&self, entry: Entry) -> Entry {
        if self.options.keeps_owner {
            return entry;
        }
        // This process is root in the container, and the caller on this machine.
        Entry { uid: rustix::process::geteuid().as_raw(), gid: rustix::process::getegid().as_raw(), ..entry }
    }
}
