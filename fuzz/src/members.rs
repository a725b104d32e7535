//! Random layers: tars with the members that an input describes.
//!
//! Each member takes some bytes of the input: the kind, a path of a small set of names, and a value. Therefore members
//! meet each other (the same path twice, a file below a file, a whiteout of an earlier member) far more often than in
//! random tars, and each tar has valid checksums.

use tar::{Builder, EntryType, Header};

/// Names of which paths are made, with the ones that layers treat specially.
const NAMES: [&str; 12] =
    ["a", "b", "c", "dir", "link", ".wh.a", ".wh.b", ".wh..wh..opq", ".wh.", "..", ".", "ünï"];
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

/// Makes a tar of the members that `input` describes.
pub fn tar(input: &[u8]) -> Vec<u8> {
    let mut builder = Builder::new(Vec::new());
    for member in input.chunks_exact(5).take(64) {
        append(&mut builder, member.try_into().expect("chunks of five bytes"));
    }
    builder.into_inner().expect("a vector takes every byte")
}

fn append(builder: &mut Builder<Vec<u8>>, [kind, path, other, mode, value]: [u8; 5]) {
    let kind = KINDS[usize::from(kind) % KINDS.len()];
    let content = vec![value; if kind == EntryType::Regular { usize::from(value) * 5 } else { 0 }];
    let mut header = Header::new_ustar();
    header.set_entry_type(kind);
    header.set_mode(u32::from(mode) << 4);
    header.set_uid(u64::from(value % 4));
    header.set_gid(0);
    header.set_mtime(u64::from(value));
    header.set_size(content.len() as u64);
    let name = self::path(path, kind == EntryType::Directory && value % 2 == 0);
    header.as_mut_bytes()[..name.len()].copy_from_slice(name.as_bytes());
    if matches!(kind, EntryType::Symlink | EntryType::Link) {
        let target = self::path(other, false);
        header.as_mut_bytes()[157..157 + target.len()].copy_from_slice(target.as_bytes());
    }
    if kind == EntryType::Char {
        header.set_device_major(1).expect("a ustar header has devices");
        header.set_device_minor(3).expect("a ustar header has devices");
    }
    header.set_cksum();
    builder.append(&header, &content[..]).expect("a vector takes every byte");
}

/// Returns a path of one to three names. Some begin with `./` or `/`.
fn path(value: u8, has_slash: bool) -> String {
    let value = usize::from(value);
    let names = [value % 12, value / 12 % 12, value / 48 % 12].map(|at| NAMES[at]);
    let prefix = ["", "", "./", "/"][value % 4];
    format!("{prefix}{}{}", names[..=value % 3].join("/"), if has_slash { "/" } else { "" })
}
