//! Places in the root file system by path: found, or made.
//!
//! The root file system is hostile: a component may be a link to anywhere, and other processes may exchange what is in
//! a shared mount while we walk. So each component is opened by itself, never followed by the kernel; a link's text is
//! walked by us, inside the root; `..` goes back on our own stack of descriptors, so no step can leave the root.

use std::ffi::{OsStr, OsString};
use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::path::{Path, PathBuf};

use rustix::fs::{
    AtFlags, FileType, Gid, Mode, OFlags, StatxFlags, Uid, chownat, fstat, mkdirat, openat, readlinkat, statx,
};
use rustix::io::Errno;

use crate::CreatedMountPoint;

/// As the kernel's own limit.
const MAX_LINKS: u32 = 40;

/// What a place must be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Directory,
    File,
}

/// What is at a path, and what had to be made for it in the root file system itself (not in mounts on it).
#[derive(Debug)]
pub(super) struct Place {
    pub(super) fd: OwnedFd,
    pub(super) made: Vec<CreatedMountPoint>,
}

/// The root file system.
#[derive(Debug)]
pub(super) struct Root {
    fd: OwnedFd,
    mount_id: u64,
}

impl AsFd for Root {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.fd.as_fd()
    }
}

impl Root {
    /// `fd` is the mount's root directory.
    pub(super) fn new(fd: OwnedFd) -> io::Result<Self> {
        let mount_id = mount_id(fd.as_fd())?;
        Ok(Self { fd, mount_id })
    }

    /// The directory `name` right below the root, made if missing. Anything else there, a link above all, is an error:
    /// this is where the kernel's own file systems are mounted.
    pub(super) fn system_directory(&self, name: &str) -> io::Result<OwnedFd> {
        let open = || openat(&self.fd, name, PATH | OFlags::DIRECTORY, Mode::empty());
        match open() {
            Err(Errno::NOENT) => {
                match mkdirat(&self.fd, name, DIRECTORY_MODE) {
                    Err(Errno::EXIST) => {}
                    result => result?,
                }
                Ok(open()?)
            }
            Err(Errno::NOTDIR | Errno::LOOP) => {
                Err(io::Error::new(io::ErrorKind::NotADirectory, "it is not a real directory in this image"))
            }
            result => Ok(result?),
        }
    }

    /// The place at `path`. What is missing is made, directories with mode 0755, and given to `owner`.
    pub(super) fn place(&self, path: &Path, kind: Kind, owner: Option<(u32, u32)>) -> io::Result<Place> {
        Walk {
            root: self,
            owner,
            stack: Vec::new(),
            rest: components(path.as_os_str()),
            links: 0,
            made: Vec::new(),
        }
        .run(kind)
    }
}

const PATH: OFlags = OFlags::PATH.union(OFlags::NOFOLLOW).union(OFlags::CLOEXEC);
const DIRECTORY_MODE: Mode = Mode::from_raw_mode(0o755);
const FILE_MODE: Mode = Mode::from_raw_mode(0o644);

fn mount_id(fd: BorrowedFd<'_>) -> io::Result<u64> {
    Ok(statx(fd, c"", AtFlags::EMPTY_PATH, StatxFlags::MNT_ID)?.stx_mnt_id)
}

/// The components of `path` that mean something, the first one last.
fn components(path: &OsStr) -> Vec<OsString> {
    let parts = path.as_bytes().split(|byte| *byte == b'/').rev();
    parts
        .filter(|part| !part.is_empty() && part != b".")
        .map(|part| OsString::from_vec(part.to_vec()))
        .collect()
}

fn create(parent: BorrowedFd<'_>, name: &OsStr, kind: Kind) -> Result<(), Errno> {
    if kind == Kind::Directory {
        return mkdirat(parent, name, DIRECTORY_MODE);
    }
    let flags = OFlags::CREATE | OFlags::EXCL | OFlags::WRONLY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    openat(parent, name, flags, FILE_MODE).map(drop)
}

struct Walk<'a> {
    root: &'a Root,
    owner: Option<(u32, u32)>,
    /// Directories from the root down to where we are, with their names.
    stack: Vec<(OsString, OwnedFd)>,
    /// Components still to go, the next one last.
    rest: Vec<OsString>,
    links: u32,
    made: Vec<CreatedMountPoint>,
}

impl Walk<'_> {
    fn run(mut self, kind: Kind) -> io::Result<Place> {
        while let Some(name) = self.rest.pop() {
            if name == ".." {
                self.stack.pop();
            } else if let Some(file) = self.step(name, kind)? {
                return Ok(Place { fd: file, made: self.made });
            }
        }
        if kind == Kind::File {
            return Err(Errno::ISDIR.into());
        }
        let fd = rustix::io::fcntl_dupfd_cloexec(self.here(), 0)?;
        Ok(Place { fd, made: self.made })
    }

    fn here(&self) -> BorrowedFd<'_> {
        self.stack.last().map_or(self.root.fd.as_fd(), |(_, fd)| fd.as_fd())
    }

    /// Goes into `name`; gives it if it is a file and the last component.
    fn step(&mut self, name: OsString, kind: Kind) -> io::Result<Option<OwnedFd>> {
        let wanted = if self.rest.is_empty() { kind } else { Kind::Directory };
        let fd = match openat(self.here(), &name, PATH, Mode::empty()) {
            Err(Errno::NOENT) => self.make(&name, wanted)?,
            result => result?,
        };
        match (FileType::from_raw_mode(fstat(&fd)?.st_mode), wanted) {
            (FileType::Symlink, _) => self.follow(&fd)?,
            (FileType::Directory, _) => self.stack.push((name, fd)),
            (_, Kind::File) => return Ok(Some(fd)),
            (_, Kind::Directory) => return Err(Errno::NOTDIR.into()),
        }
        Ok(None)
    }

    fn follow(&mut self, link: &OwnedFd) -> io::Result<()> {
        self.links += 1;
        if self.links > MAX_LINKS {
            return Err(Errno::LOOP.into());
        }
        let text = readlinkat(link, c"", Vec::new())?;
        if text.as_bytes().starts_with(b"/") {
            self.stack.clear();
        }
        self.rest.extend(components(OsStr::from_bytes(text.as_bytes())));
        Ok(())
    }

    /// Makes `name` and opens it. That another sandbox made it first (in a mount that both have) is as good.
    fn make(&mut self, name: &OsStr, kind: Kind) -> io::Result<OwnedFd> {
        match create(self.here(), name, kind) {
            Err(Errno::EXIST) => {}
            result => {
                result?;
                self.made_now(name, kind)?;
            }
        }
        Ok(openat(self.here(), name, PATH, Mode::empty())?)
    }

    fn made_now(&mut self, name: &OsStr, kind: Kind) -> io::Result<()> {
        if let Some((uid, gid)) = self.owner {
            let (uid, gid) = (Uid::from_raw(uid), Gid::from_raw(gid));
            chownat(self.here(), name, Some(uid), Some(gid), AtFlags::SYMLINK_NOFOLLOW)?;
        }
        if mount_id(self.here())? == self.root.mount_id {
            self.made.push(CreatedMountPoint { path: self.path_of(name), is_dir: kind == Kind::Directory });
        }
        Ok(())
    }

    /// Relative to the root, without links.
    fn path_of(&self, name: &OsStr) -> PathBuf {
        let parents = self.stack.iter().map(|(name, _)| name.as_os_str());
        parents.chain([name]).collect()
    }
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::os::unix::fs::{MetadataExt, symlink};

    use super::*;

    struct Env {
        dir: tempfile::TempDir,
        root: Root,
    }

    /// `<dir>/root` is the root, `<dir>/host` must never be touched.
    fn env() -> Env {
        let dir = tempfile::tempdir().unwrap();
        fs::create_dir_all(dir.path().join("root/real/deep")).unwrap();
        fs::create_dir(dir.path().join("host")).unwrap();
        fs::write(dir.path().join("root/file"), "").unwrap();
        let root = openat(rustix::fs::CWD, dir.path().join("root"), PATH, Mode::empty()).unwrap();
        Env { root: Root::new(root).unwrap(), dir }
    }

    impl Env {
        fn link(&self, target: &str, name: &str) {
            let target = target.replace("HOST", self.dir.path().join("host").to_str().unwrap());
            symlink(target, self.dir.path().join("root").join(name)).unwrap();
        }

        #[track_caller]
        fn check(&self, path: &str, kind: Kind, at: &str, made: &[&str]) {
            let place = self.root.place(Path::new(path), kind, None).unwrap();
            let expected = fs::metadata(self.dir.path().join("root").join(at)).unwrap();
            assert_eq!(fstat(&place.fd).unwrap().st_ino, expected.ino(), "{path}");
            let paths: Vec<_> = place.made.iter().map(|created| created.path.to_str().unwrap()).collect();
            assert_eq!(paths, made, "{path}");
            assert_eq!(fs::read_dir(self.dir.path().join("host")).unwrap().count(), 0);
        }

        #[track_caller]
        fn check_error(&self, path: &str, kind: Kind, expected: Errno) {
            let error = self.root.place(Path::new(path), kind, None).unwrap_err();
            assert_eq!(error.raw_os_error(), Some(expected.raw_os_error()), "{path}");
        }
    }

    #[test]
    fn what_exists_is_found_and_what_is_missing_is_made() {
        let env = env();
        env.check("/", Kind::Directory, ".", &[]);
        env.check("/real/deep/", Kind::Directory, "real/deep", &[]);
        env.check("/file", Kind::File, "file", &[]);
        env.check("/real/x/y", Kind::Directory, "real/x/y", &["real/x", "real/x/y"]);
        env.check("/a/b", Kind::File, "a/b", &["a", "a/b"]);
        env.check("//a/./b", Kind::File, "a/b", &[]);
    }

    #[test]
    fn links_stay_inside() {
        let env = env();
        env.link("../../../real", "up");
        env.link("/real/deep", "absolute");
        env.link("HOST", "host");
        env.link("/missing/dir", "dangling");
        env.check("/up/deep", Kind::Directory, "real/deep", &[]);
        env.check("/absolute/f", Kind::File, "real/deep/f", &["real/deep/f"]);
        env.check(
            "/dangling/x",
            Kind::Directory,
            "missing/dir/x",
            &["missing", "missing/dir", "missing/dir/x"],
        );
        env.check("/../../real", Kind::Directory, "real", &[]);
        let inside = env.root.place(Path::new("/host/x"), Kind::File, None).unwrap();
        assert!(inside.made.len() > 2, "the host's path is made inside the root");
        assert_eq!(fs::read_dir(env.dir.path().join("host")).unwrap().count(), 0);
    }

    #[test]
    fn what_does_not_fit_is_an_error() {
        let env = env();
        env.link("loop", "loop");
        env.check_error("/file/x", Kind::Directory, Errno::NOTDIR);
        env.check_error("/file", Kind::Directory, Errno::NOTDIR);
        env.check_error("/real", Kind::File, Errno::ISDIR);
        env.check_error("/loop/x", Kind::Directory, Errno::LOOP);
    }

    #[test]
    fn system_directories_are_real_ones() {
        let env = env();
        env.link("HOST", "proc");
        fs::write(env.dir.path().join("root/dev"), "").unwrap();
        assert!(env.root.system_directory("sys").is_ok());
        for name in ["proc", "dev"] {
            let error = env.root.system_directory(name).unwrap_err();
            assert!(error.to_string().contains("not a real directory"), "{error}");
        }
    }
}
