//! A mounted layer equals the unpacked one, byte for byte and attribute for attribute.

use std::collections::{BTreeMap, HashMap};
use std::ffi::OsStr;
use std::fs::{self, File};
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use cache::Store;
use rustix::fs::{FileType, Mode, OFlags};
use rustix::io::Errno;

use super::image::image;
use super::mount::mount;
use super::seal;
use crate::content::Content;
use crate::index::{Index, Item, Origin, Row, Stored};
use crate::layer::extract::extract;
use crate::layer::import;
use crate::layer::new_entry::NewEntry;
use crate::layer::write;
use crate::testing::{can_mount_erofs, new_file};
use crate::times::Clamp;
use tarball::Extent;
use trees::entry::{Entry, Kind, Timestamp};
use trees::path::compare;
use trees::safe_path::{names, proc_path};
use trees::xattr::Flavor;

mod random;

/// Returns the mounted image of `rows` over a tar.
fn mounted(rows: Vec<Row>, tar: File) -> OwnedFd {
    let dir = tempfile::tempdir().unwrap();
    let index = Index::build(rows, Origin::Imported).unwrap();
    let tar = Arc::new(tar);
    let bytes = image(&index, &tar, &[1; 32]).unwrap().expect("EROFS can represent this");
    mount(&new_file(dir.path(), "image", &bytes), &tar).unwrap()
}

fn row(path: impl AsRef<[u8]>, kind: Kind) -> Row {
    let entry = Entry { kind, ..Entry::directory(0o755) };
    Row::new(path.as_ref().to_vec(), entry, Stored::default())
}

/// Returns everything that a process can find out about the files below `root`.
fn shown(root: &OwnedFd) -> BTreeMap<PathBuf, String> {
    let mut shown = BTreeMap::new();
    let mut firsts = HashMap::new();
    let mut pending = vec![PathBuf::new()];
    while let Some(path) = pending.pop() {
        let at = proc_path(root.as_fd(), path.as_os_str());
        let stat = rustix::fs::lstat(&at).unwrap();
        let mut line = format!("{:o} {} {}", stat.st_mode, stat.st_uid, stat.st_gid);
        line += &format!(" {} {}", stat.st_nlink, stat.st_rdev);
        // The time of a whiteout has no effect.
        if FileType::from_raw_mode(stat.st_mode) != FileType::CharacterDevice || stat.st_rdev != 0 {
            line += &format!(" {}.{}", stat.st_mtime, stat.st_mtime_nsec);
        }
        let kind = fs::symlink_metadata(&at).unwrap().file_type();
        if kind.is_dir() {
            let dir = rustix::fs::open(&at, OFlags::RDONLY | OFlags::DIRECTORY, Mode::empty()).unwrap();
            pending.extend(names(dir.as_fd()).unwrap().into_iter().rev().map(|name| path.join(name)));
        } else {
            line += &format!(
                " {} first {:?}",
                stat.st_size,
                firsts.entry(stat.st_ino).or_insert_with(|| path.clone())
            );
        }
        if kind.is_symlink() {
            line += &format!(" -> {:?}", fs::read_link(&at).unwrap());
        } else {
            line += &format!(" {:?}", attributes(&at));
        }
        if kind.is_file() {
            line += &format!(" {}", blake3::hash(&fs::read(&at).unwrap()));
        }
        shown.insert(path, line);
    }
    shown
}

fn attributes(path: &Path) -> BTreeMap<Vec<u8>, Vec<u8>> {
    let (mut list, mut value) = (vec![0; 64 << 10], vec![0; 64 << 10]);
    let length = rustix::fs::llistxattr(path, &mut list[..]).unwrap();
    let names = list[..length].split(|&byte| byte == 0).filter(|name| !name.is_empty());
    names
        .map(|name| {
            let length = rustix::fs::lgetxattr(path, name, &mut value[..]).unwrap();
            (name.to_vec(), value[..length].to_vec())
        })
        .collect()
}

/// Checks that the layer of `entries` looks the same mounted and extracted, and returns its entries.
#[track_caller]
fn check_same(mut entries: Vec<NewEntry>) -> BTreeMap<PathBuf, String> {
    entries.sort_by(|left, right| compare(&left.path, &right.path));
    let dir = tempfile::tempdir().unwrap();
    let store = Store::open(dir.path()).unwrap();
    let (layer, index) = write::write(&store, entries).unwrap();
    let tar = store.open_blob(&layer.0).unwrap();
    // An index that is made again must fit the parts that were read of a damaged one.
    let rebuilt = import::reindex(tar.try_clone().unwrap(), Origin::Made).unwrap();
    assert_eq!(numbered(&rebuilt), numbered(&index));
    let tar = Arc::new(tar);
    let scratch = store.scratch().unwrap();
    extract(&index, &tar, scratch.path(), Flavor::current()).unwrap();
    let tree = File::open(scratch.path()).unwrap();
    let bytes = image(&index, &tar, &[1; 32]).unwrap().expect("EROFS can represent this");
    let root = mount(&new_file(dir.path(), "image", &bytes), &tar).unwrap();
    let (found, expected) = (shown(&root), shown(&tree.into()));
    assert_eq!(found, expected);
    found
}

/// Returns the parts of an index that items refer to by row numbers.
fn numbered(index: &Index) -> Vec<(Vec<u8>, Kind, Option<usize>)> {
    let row = |item: Item<'_>| (item.path().to_vec(), item.kind(), item.first_name_row());
    index.items().unwrap().map(row).collect()
}

fn file_entry(path: &str, content: impl Into<Arc<[u8]>>, mtime: i64) -> NewEntry {
    let content = content.into();
    let kind = Kind::File { size_bytes: content.len() as u64 };
    let mtime = Timestamp { seconds: mtime, nanoseconds: 0 };
    let entry = Entry { kind, mtime, ..Entry::directory(0o644) };
    let content = (!content.is_empty()).then_some(Content::Bytes(content));
    NewEntry { path: path.into(), entry, content, clamp: Clamp::STORE }
}

fn lookup(at: &OwnedFd, name: impl AsRef<OsStr>) -> rustix::io::Result<OwnedFd> {
    rustix::fs::openat(at, name.as_ref(), OFlags::PATH | OFlags::NOFOLLOW, Mode::empty())
}

#[test]
fn privileged_names_of_all_lengths_are_found() {
    let Some(()) = can_mount_erofs() else { return };
    // Names of all lengths, and names that are ordered around `.` and `..`, in a directory as deep as a path can be.
    let mut all: Vec<Vec<u8>> =
        (0..4000_usize).map(|n| format!("{n:0width$}", width = n % 255 + 1).into()).collect();
    all.extend(["!", "-", "...", "..a", ".a", "\x01"].map(|name| name.as_bytes().to_vec()));
    all.push(b"\xff\xfe".to_vec());
    all.sort();
    all.dedup();
    let deep = vec!["d".repeat(255); 12].join("/");
    let mut rows = vec![row(&deep, Kind::Directory { opaque: false })];
    rows.extend(all.iter().map(|name| row([deep.as_bytes(), b"/", name].concat(), Kind::Fifo)));
    let dir = tempfile::tempdir().unwrap();
    let root = mounted(rows, new_file(dir.path(), "tar", &[0; 1024]));
    let deepest = Path::new(&deep).iter().fold(root, |at, name| lookup(&at, name).unwrap());
    for name in &all {
        assert!(lookup(&deepest, OsStr::from_bytes(name)).is_ok(), "{name:?}");
    }
    for absent in ["0001x", "~", "....", "00", "d"] {
        assert_eq!(lookup(&deepest, absent).unwrap_err(), Errno::NOENT, "{absent}");
    }
    let read = rustix::fs::openat(&deepest, ".", OFlags::RDONLY, Mode::empty()).unwrap();
    let found = names(read.as_fd()).unwrap();
    assert_eq!(found.iter().map(|name| name.as_bytes()).collect::<Vec<_>>(), all);
    let inode = |fd: &OwnedFd| rustix::fs::fstat(fd).unwrap().st_ino;
    let above = lookup(&deepest, "..").unwrap();
    assert_eq!(inode(&lookup(&above, "d".repeat(255)).unwrap()), inode(&deepest));
}

const GIB: u64 = 1 << 30;
const MIB: u64 = 1 << 20;

/// Makes a tar with holes, in which some offsets have data, and returns it open for writing.
fn tar_with(dir: &Path, data: &[(u64, &[u8])], length: u64) -> File {
    let tar = File::options().create(true).write(true).truncate(true).open(dir.join("tar")).unwrap();
    for (at, bytes) in data {
        tar.write_all_at(bytes, *at).unwrap();
    }
    tar.set_len(length).unwrap();
    tar
}

/// Returns the row of a file whose bytes are at `offset` of the tar; `parts` is its map if it is sparse.
fn stored_file(path: &str, size_bytes: u64, offset: u64, parts: &[(u64, u64)]) -> Row {
    let map: Vec<Extent> = parts.iter().map(|&(at, length)| Extent { at, length }).collect();
    let stored = Stored { offset, sparse: (!map.is_empty()).then_some(map), ..Stored::default() };
    Row { stored, ..row(path, Kind::File { size_bytes }) }
}

/// Reads four bytes of a file below `root`.
fn read_four(root: &OwnedFd, name: &str, at: u64) -> String {
    let file = File::open(proc_path(root.as_fd(), name.as_ref())).unwrap();
    let mut bytes = [0xff; 4];
    file.read_exact_at(&mut bytes, at).unwrap();
    String::from_utf8_lossy(&bytes).into_owned()
}

#[test]
fn privileged_files_of_several_gibibytes_are_read_to_the_end() {
    let Some(()) = can_mount_erofs() else { return };
    let dir = tempfile::tempdir().unwrap();
    tar_with(dir.path(), &[(512, b"head"), (1024 + 5 * GIB, b"last"), (6 * GIB, b"one ")], 7 * GIB);
    let rows = vec![stored_file("huge", 5 * GIB + 516, 512, &[]), stored_file("late", 4, 6 * GIB, &[])];
    let root = mounted(rows, File::open(dir.path().join("tar")).unwrap());
    assert_eq!(
        [("huge", 0), ("huge", 4096), ("huge", 5 * GIB + 512), ("late", 0)]
            .map(|(name, at)| read_four(&root, name, at)),
        ["head", "\0\0\0\0", "last", "one "]
    );
}

#[test]
fn privileged_a_sparse_file_is_read_from_the_parts_in_the_tar() {
    let Some(()) = can_mount_erofs() else { return };
    let dir = tempfile::tempdir().unwrap();
    let tar = tar_with(dir.path(), &[(512, b"one ")], MIB);
    let sparse = stored_file("sparse", 9 * MIB, 512, &[(0, 512), (8 * MIB, 1024), (9 * MIB, 0)]);
    let root = mounted(vec![sparse], File::open(dir.path().join("tar")).unwrap());
    assert_eq!([read_four(&root, "sparse", 0), read_four(&root, "sparse", MIB)], ["one ", "\0\0\0\0"]);
    tar.write_all_at(b"two ", 512 + 1024).unwrap();
    assert_eq!(read_four(&root, "sparse", 8 * MIB + 512), "two ");
}

#[test]
fn privileged_byte_code_has_its_real_source_time() {
    let Some(()) = can_mount_erofs() else { return };
    let mtime = 1_700_000_000_u32;
    let code = |length: usize| {
        let mut code = b"\xa7\x0d\r\n\0\0\0\0".to_vec();
        code.extend_from_slice(&mtime.to_le_bytes());
        code.extend((0..length).map(|n| n as u8));
        code
    };
    let source = |name: &str| file_entry(name, b"pass".as_slice(), mtime.into());
    let shown = check_same(vec![
        source("a.py"),
        file_entry("__pycache__/a.cpython-311.pyc", code(5000), 1_700_000_001),
        source("b.py"),
        file_entry("__pycache__/b.cpython-311.pyc", code(4), 1_700_000_001),
    ]);
    let hash = blake3::hash(&code(5000)).to_string();
    assert!(
        shown[Path::new("__pycache__/a.cpython-311.pyc")].ends_with(&hash),
        "the real time, not that of the tar"
    );
}

/// Checks that the layer of one row has no image.
#[track_caller]
fn check_refused(row: Row) {
    let index = Index::build(vec![row.clone()], Origin::Imported).unwrap();
    let dir = tempfile::tempdir().unwrap();
    let tar = Arc::new(new_file(dir.path(), "tar", &[0; 4096]));
    assert!(image(&index, &tar, &[0; 32]).unwrap().is_none(), "{row:?}");
}

#[test]
fn an_entry_that_unpacking_leaves_out_or_refuses_has_no_image() {
    let with = |kind: Kind, change: &dyn Fn(&mut Row)| {
        let mut row = row("x", kind);
        change(&mut row);
        check_refused(row);
    };
    let plain = || Kind::File { size_bytes: 1000 };
    let attribute = |name: &str| {
        let name = name.as_bytes().to_vec();
        move |row: &mut Row| drop(row.entry.xattrs.insert(name.clone(), b"value".to_vec()))
    };
    with(Kind::CharDevice { major: 0, minor: 0 }, &|_| ());
    with(Kind::BlockDevice { major: 4096, minor: 0 }, &|_| ());
    with(Kind::Symlink { target: "".into() }, &|_| ());
    with(Kind::Symlink { target: "x".repeat(4096).into() }, &|_| ());
    with(Kind::Fifo, &attribute("user.x"));
    with(Kind::Directory { opaque: false }, &attribute("system.posix_acl_default"));
    with(plain(), &attribute("security.capability"));
    with(plain(), &|row| row.entry.uid = u32::MAX);
    with(plain(), &|row| row.stored.offset = 700);
    with(plain(), &|row| row.stored.offset = 1 << 41);
    with(plain(), &|row| row.stored.offset = u64::MAX - 511);
    with(plain(), &|row| row.stored.sparse = Some(vec![Extent { at: 10, length: 990 }]));
}

#[test]
fn a_seal_shows_damage() {
    let index = Index::build(vec![row("d", Kind::Directory { opaque: false })], Origin::Made).unwrap();
    let dir = tempfile::tempdir().unwrap();
    let tar = Arc::new(new_file(dir.path(), "tar", &[0; 1024]));
    let good = image(&index, &tar, &[0; 32]).unwrap().unwrap();
    assert_eq!(seal::open(&good, &[0; 32]), Some(false));
    assert_eq!(seal::open(&good, &[1; 32]), None, "the image of another layer");
    for at in [0, 16, 47, 48, 1023, 1024, good.len() - 1] {
        let mut bad = good.clone();
        bad[at] ^= 1;
        assert_eq!(seal::open(&bad, &[0; 32]), None, "byte {at}");
    }
    for length in [0, 16, 48, 1024, good.len() - 1] {
        assert_eq!(seal::open(&good[..length], &[0; 32]), None, "{length} bytes");
    }
    let rooted = Index::build(vec![row("", Kind::Directory { opaque: false })], Origin::Made).unwrap();
    assert_eq!(seal::open(&image(&rooted, &tar, &[0; 32]).unwrap().unwrap(), &[0; 32]), Some(true));
}
