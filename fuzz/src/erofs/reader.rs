//! A small reader of EROFS images, which panics for everything that the kernel's documentation does not allow.
//!
//! It reads what images of layers use: long inodes, plain and inline data, chunks, attributes without sharing, and one
//! more device, the tar. It was written from Documentation/filesystems/erofs.rst and shares no code with the writer.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use trees::entry::{Entry, Kind, Timestamp};

use super::child;
use crate::tree::Flat;

/// Offset of the superblock.
const SUPER: usize = 1024;
/// Chunk that is a hole.
const HOLE: u32 = u32::MAX;
/// Features that a reader must know: chunked files, and a table of devices.
const INCOMPATIBLE: u32 = 0x4 | 0x8;

/// Image with the device that it refers to.
struct Image<'a> {
    bytes: &'a [u8],
    tar: &'a [u8],
    block_bits: u32,
    /// Number of names that were found for each inode.
    names: BTreeMap<u64, u32>,
}

/// Inode in its long form.
struct Inode {
    /// Offset of the inode in the image.
    at: usize,
    layout: u16,
    mode: u16,
    size: usize,
    union: u32,
    links: u32,
    entry: Entry,
    /// Offset of the first byte after inode and attributes.
    tail: usize,
}

/// Returns the root of an image over `tar` and everything below it.
pub fn read(bytes: &[u8], tar: &[u8]) -> Flat {
    let block_bits = u32::from(bytes[SUPER + 12]);
    let mut image = Image { bytes, tar, block_bits, names: BTreeMap::new() };
    assert_eq!(image.u32(SUPER), 0xe0f5_e1e2, "magic");
    assert_eq!(image.u32(SUPER + 80), INCOMPATIBLE, "features");
    assert_eq!(image.u32(SUPER + 36) as usize, bytes.len() >> block_bits, "number of blocks");
    assert_eq!(bytes.len() % (1 << block_bits), 0, "whole blocks");
    assert_eq!(image.u16(SUPER + 86), 1, "one device");
    let device = usize::from(image.u16(SUPER + 88)) * 128;
    assert_eq!(image.u32(device + 64) as usize, tar.len().div_ceil(1 << block_bits), "blocks of the tar");
    let root = u64::from(image.u16(SUPER + 14));
    let mut all = Flat::new();
    image.directory(root, root, Path::new(""), &mut all);
    all.insert(PathBuf::new(), (image.inode(root).entry, Vec::new()));
    let inodes = image.names.len() + all.values().filter(|(entry, _)| entry.is_dir()).count();
    assert_eq!(image.u64(SUPER + 16), inodes as u64, "number of inodes");
    for (number, found) in &image.names {
        assert_eq!(image.inode(*number).links, *found, "names of inode {number}");
    }
    all
}

impl Image<'_> {
    fn u16(&self, at: usize) -> u16 {
        u16::from_le_bytes(self.bytes[at..at + 2].try_into().expect("two bytes"))
    }

    fn u32(&self, at: usize) -> u32 {
        u32::from_le_bytes(self.bytes[at..at + 4].try_into().expect("four bytes"))
    }

    fn u64(&self, at: usize) -> u64 {
        u64::from_le_bytes(self.bytes[at..at + 8].try_into().expect("eight bytes"))
    }

    /// Reads the entries of a directory and everything below it.
    fn directory(&mut self, number: u64, parent: u64, path: &Path, all: &mut Flat) {
        let inode = self.inode(number);
        assert_eq!(inode.mode & 0o170_000, 0o040_000, "{path:?} is a directory");
        let content = self.content(&inode);
        let mut names: Vec<Vec<u8>> = Vec::new();
        let mut subdirectories = 0;
        for block in content.chunks(1 << self.block_bits) {
            for (name, to, file_type) in entries(block) {
                assert!(names.last().is_none_or(|last| *last < name), "names in order in {path:?}");
                match &name[..] {
                    b"." => assert_eq!(to, number),
                    b".." => assert_eq!(to, parent),
                    _ => subdirectories += self.name(number, (&child(path, &name), to, file_type), all),
                }
                names.push(name);
            }
        }
        assert!(names.iter().any(|name| name == b".") && names.iter().any(|name| name == b".."));
        assert_eq!(inode.links, 2 + subdirectories, "{path:?}");
    }

    /// Reads the inode that a name leads to. Returns 1 for a directory, else 0.
    fn name(&mut self, parent: u64, (path, number, file_type): (&PathBuf, u64, u8), all: &mut Flat) -> u32 {
        let inode = self.inode(number);
        assert_eq!(file_type, type_of(inode.mode), "{path:?}");
        if inode.entry.is_dir() {
            assert!(all.insert(path.clone(), (inode.entry, Vec::new())).is_none());
            self.directory(number, parent, path, all);
            return 1;
        }
        *self.names.entry(number).or_default() += 1;
        let mut content = self.content(&inode);
        let mut entry = inode.entry;
        if let Kind::Symlink { target } = &mut entry.kind {
            *target = child(Path::new(""), &std::mem::take(&mut content));
        }
        assert!(all.insert(path.clone(), (entry, content)).is_none());
        0
    }

    /// Reads an inode. The target of a symlink is part of its data.
    fn inode(&self, number: u64) -> Inode {
        let at = usize::try_from(number).expect("an offset") * 32;
        let format = self.u16(at);
        assert_eq!(format & 1, 1, "the long form");
        let (mode, union) = (self.u16(at + 4), self.u32(at + 16));
        let size = usize::try_from(self.u64(at + 8)).expect("a length in memory");
        let units = usize::from(self.u16(at + 2));
        let xattrs_bytes = if units == 0 { 0 } else { 12 + (units - 1) * 4 };
        let mut xattrs = self.xattrs(at + 64, xattrs_bytes);
        let opaque = xattrs.remove(&b"trusted.overlay.opaque"[..]);
        assert!(opaque.as_ref().is_none_or(|value| value == b"y"));
        let seconds = i64::from_le_bytes(self.bytes[at + 32..at + 40].try_into().expect("eight bytes"));
        let entry = Entry {
            kind: kind(mode, union, size, opaque.is_some()),
            mode: u32::from(mode & 0o7777),
            uid: self.u32(at + 24),
            gid: self.u32(at + 28),
            mtime: Timestamp { seconds, nanoseconds: self.u32(at + 40) },
            xattrs,
        };
        let links = self.u32(at + 44);
        Inode { at, layout: format >> 1, mode, size, union, links, entry, tail: at + 64 + xattrs_bytes }
    }

    fn xattrs(&self, at: usize, length: usize) -> BTreeMap<Vec<u8>, Vec<u8>> {
        let mut all = BTreeMap::new();
        // The header has a filter and the number of shared attributes, of which an image has none.
        let mut from = at + 12;
        while from < at + length {
            let (rest, prefix) = (usize::from(self.bytes[from]), self.bytes[from + 1]);
            let value = usize::from(self.u16(from + 2));
            let prefix = match prefix {
                1 => "user.",
                4 => "trusted.",
                6 => "security.",
                other => panic!("prefix {other}"),
            };
            let name = [prefix.as_bytes(), &self.bytes[from + 4..][..rest]].concat();
            let old = all.insert(name, self.bytes[from + 4 + rest..][..value].to_vec());
            assert!(old.is_none(), "an attribute twice");
            from = (from + 4 + rest + value).next_multiple_of(4);
        }
        all
    }

    /// Returns the data of an inode: the content of a file, the target of a symlink, the blocks of a directory.
    fn content(&self, inode: &Inode) -> Vec<u8> {
        match inode.layout {
            _ if inode.size == 0 => Vec::new(),
            0 => self.bytes[(inode.union as usize) << self.block_bits..][..inode.size].to_vec(),
            2 => {
                let last = inode.tail + inode.size - 1;
                assert_eq!(
                    inode.at >> self.block_bits,
                    last >> self.block_bits,
                    "in one block with its inode"
                );
                self.bytes[inode.tail..=last].to_vec()
            }
            4 => self.chunked(inode),
            other => panic!("layout {other}"),
        }
    }

    fn chunked(&self, inode: &Inode) -> Vec<u8> {
        assert_eq!(inode.union & !0x1f, 0x20, "chunks with a device each");
        let step = 1_usize << (self.block_bits + (inode.union & 0x1f));
        let list = inode.tail.next_multiple_of(8);
        let mut content = Vec::with_capacity(inode.size);
        for (number, from) in (0..inode.size).step_by(step).enumerate() {
            let length = step.min(inode.size - from);
            let (device, block) = (self.u16(list + number * 8 + 2), self.u32(list + number * 8 + 4));
            let source = match device {
                0 => self.bytes,
                1 => self.tar,
                other => panic!("device {other}"),
            };
            match block {
                HOLE => content.resize(from + length, 0),
                block => content.extend_from_slice(&source[(block as usize) << self.block_bits..][..length]),
            }
        }
        content
    }
}

/// Returns the entries of one block of a directory: name, inode and type.
fn entries(block: &[u8]) -> Vec<(Vec<u8>, u64, u8)> {
    let name_at = |n: usize| usize::from(u16::from_le_bytes([block[n * 12 + 8], block[n * 12 + 9]]));
    let count = name_at(0) / 12;
    let entry = |n: usize| {
        let number = u64::from_le_bytes(block[n * 12..][..8].try_into().expect("eight bytes"));
        let end = if n + 1 < count { name_at(n + 1) } else { block.len() };
        let name = &block[name_at(n)..end];
        // The last name of a block ends at a zero byte or with the block.
        let name = name.split(|byte| *byte == 0).next().unwrap_or_default();
        (name.to_vec(), number, block[n * 12 + 10])
    };
    (0..count).map(entry).collect()
}

/// Returns the type that entries of directories have for a mode (`DT_…` counts differently).
fn type_of(mode: u16) -> u8 {
    match mode & 0o170_000 {
        0o100_000 => 1,
        0o040_000 => 2,
        0o020_000 => 3,
        0o060_000 => 4,
        0o010_000 => 5,
        0o120_000 => 7,
        other => panic!("mode {other:o}"),
    }
}

/// Returns the kind of an inode. Character device 0:0 is a whiteout, as overlayfs has it.
fn kind(mode: u16, union: u32, size: usize, opaque: bool) -> Kind {
    let (major, minor) = ((union >> 8) & 0xfff, (union & 0xff) | ((union >> 12) & 0xf_ff00));
    match type_of(mode) {
        1 => Kind::File { size_bytes: size as u64 },
        2 => Kind::Directory { opaque },
        3 if union == 0 => Kind::Whiteout,
        3 => Kind::CharDevice { major, minor },
        4 => Kind::BlockDevice { major, minor },
        5 => Kind::Fifo,
        _ => Kind::Symlink { target: PathBuf::new() },
    }
}
