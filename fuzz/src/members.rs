//! Random layers: tars with the members that an input describes.
//!
//! Each member takes some bytes of the input: the kind, a path of a small set of names, and a value. Therefore members
//! meet each other (the same path twice, a file below a file, a whiteout of an earlier member) far more often than in
//! random tars, and each tar has valid checksums. Some values give a member what only a PAX header can express
//! ([`records`]).
//!
//! Few members are wild: they can have any name, even one that leads out of the root. A layer with a wild member is mostly
//! refused, so more of them would hide what is behind the checks of names.

use tar::{Builder, EntryType, Header};

mod records;

/// Names of which paths are made, with the ones that layers treat specially. The first six are ordinary.
const NAMES: [&str; 12] =
    ["a", "b", "c", "dir", "link", "ünï", ".wh.a", ".wh.b", ".wh..wh..opq", ".wh.", "..", "."];
const ORDINARY: usize = 6;
/// Position of the first of the three whiteouts in [`NAMES`].
const WHITEOUTS: usize = 6;
const KINDS: [EntryType; 8] = [
    EntryType::Regular,
    EntryType::Directory,
    EntryType::Symlink,
    EntryType::Link,
    EntryType::Fifo,
    EntryType::Char,
    EntryType::Regular,
    EntryType::Directory,
];
/// Least byte for the mode of a wild member.
const WILD: u8 = 0xf8;
/// Largest number of members of a tar.
const MAX_MEMBERS: usize = 64;

/// Makes a tar of the members that `input` describes.
pub fn tar(input: &[u8]) -> Vec<u8> {
    let mut members = Members { builder: Builder::new(Vec::new()), files: Vec::new() };
    for member in input.chunks_exact(5).take(MAX_MEMBERS) {
        members.append(member.try_into().expect("chunks of five bytes"));
    }
    members.builder.into_inner().expect("a vector takes every byte")
}

/// Reports whether a tar of [`tar()`] has a file with holes, which EROFS cannot always represent.
pub fn has_sparse(input: &[u8]) -> bool {
    input.chunks_exact(5).take(MAX_MEMBERS).any(|member| member[4] % 8 == 6)
}

struct Members {
    builder: Builder<Vec<u8>>,
    /// Names of the regular files so far, for hard links.
    files: Vec<String>,
}

impl Members {
    fn append(&mut self, [kind, path, other, mode, value]: [u8; 5]) {
        let is_wild = mode >= WILD;
        let kind = match KINDS[usize::from(kind) % KINDS.len()] {
            EntryType::Link if !is_wild && self.files.is_empty() => EntryType::Regular,
            kind => kind,
        };
        let name = if is_wild { wild_path(path) } else { tame_path(path) };
        let name = self.completed(name, kind, (other, value), is_wild);
        records::append(&mut self.builder, &records::of(kind, other, value));
        let content = vec![value; if kind == EntryType::Regular { usize::from(value) * 5 } else { 0 }];
        let mut header = Header::new_ustar();
        header.set_entry_type(kind);
        header.set_mode(u32::from(mode) << 4);
        header.set_uid(u64::from(value % 4));
        header.set_gid(0);
        header.set_mtime(u64::from(value));
        header.set_size(content.len() as u64);
        header.as_mut_bytes()[..name.len()].copy_from_slice(name.as_bytes());
        if matches!(kind, EntryType::Symlink | EntryType::Link) {
            let target = self.target(kind, other, is_wild);
            header.as_mut_bytes()[157..157 + target.len()].copy_from_slice(target.as_bytes());
        }
        if kind == EntryType::Char {
            header.set_device_major(1).expect("a ustar header has devices");
            header.set_device_minor(3).expect("a ustar header has devices");
        }
        header.set_cksum();
        self.builder.append(&header, &content[..]).expect("a vector takes every byte");
    }

    /// Completes a name: a directory can end in a slash, and a regular file can become a whiteout beside it.
    fn completed(
        &mut self,
        name: String,
        kind: EntryType,
        (other, value): (u8, u8),
        is_wild: bool,
    ) -> String {
        match kind {
            EntryType::Directory if value.is_multiple_of(2) => name + "/",
            EntryType::Regular if !is_wild && other >= 0xc0 => {
                let parent = name.rsplit_once('/').map(|(parent, _)| format!("{parent}/"));
                parent.unwrap_or_default() + NAMES[WHITEOUTS + usize::from(value % 3)]
            }
            EntryType::Regular => {
                self.files.push(name.clone());
                name
            }
            _ => name,
        }
    }

    fn target(&self, kind: EntryType, other: u8, is_wild: bool) -> String {
        match kind {
            EntryType::Link if !is_wild => self.files[usize::from(other) % self.files.len()].clone(),
            _ => wild_path(other),
        }
    }
}

/// Returns a path of one to three ordinary names.
fn tame_path(value: u8) -> String {
    let value = usize::from(value);
    let names = [value % ORDINARY, value / 6 % ORDINARY, value / 36 % ORDINARY].map(|at| NAMES[at]);
    let prefix = ["", "", "./", "/"][value % 4];
    format!("{prefix}{}", names[..=value % 3].join("/"))
}

/// Returns a path of one to three names. Some begin with `./` or `/`.
fn wild_path(value: u8) -> String {
    let value = usize::from(value);
    let names = [value % 12, value / 12 % 12, value / 48 % 12].map(|at| NAMES[at]);
    let prefix = ["", "", "./", "/"][value % 4];
    format!("{prefix}{}", names[..=value % 3].join("/"))
}
