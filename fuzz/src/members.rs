//! Random layers: tars with the members that an input describes.
//!
//! Each member takes some bytes of the input: the kind, a path of a small set of names, and a value. Therefore members
//! meet each other (the same path twice, a file below a file, a whiteout of an earlier member) far more often than in
//! random tars, and each tar has valid checksums. Some values give a member what only a PAX header can express: an
//! extended attribute, a long symlink target, holes.

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
    append_records(builder, &records(kind, other, value));
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

/// Keyword and value of a PAX record.
type Record = (&'static str, Vec<u8>);

/// Returns the PAX records of a member: for one value in eight an attribute, for another one the map of a sparse file.
fn records(kind: EntryType, other: u8, value: u8) -> Vec<Record> {
    match kind {
        EntryType::Regular | EntryType::Directory if value % 8 == 7 => {
            vec![("SCHILY.xattr.user.k", vec![value; usize::from(other)])]
        }
        EntryType::Symlink if value % 8 == 7 => vec![("linkpath", vec![b't'; 1 + usize::from(other) * 16])],
        EntryType::Regular if value % 8 == 6 => sparse(other, u64::from(value) * 5),
        _ => Vec::new(),
    }
}

/// Describes a sparse file whose data is at its start, in its middle or at its end, or in two parts.
fn sparse(form: u8, length: u64) -> Vec<Record> {
    let hole = u64::from(form / 4) * if form.is_multiple_of(2) { 512 } else { 100 };
    let first = (length / 2).next_multiple_of(512).min(length);
    let (map, size) = match form / 2 % 4 {
        0 => (format!("0,{length}"), length + hole),
        1 => (format!("{hole},{length}"), hole + length),
        2 => (format!("{hole},{length}"), hole + length + hole),
        _ => (format!("0,{first},{},{}", first + hole, length - first), length + hole),
    };
    vec![("GNU.sparse.size", size.to_string().into_bytes()), ("GNU.sparse.map", map.into_bytes())]
}

/// Appends a PAX header with `records`; nothing if there are none.
fn append_records(builder: &mut Builder<Vec<u8>>, records: &[Record]) {
    let mut text = Vec::new();
    for (keyword, value) in records {
        // The length counts its own digits.
        let rest = keyword.len() + value.len() + 3;
        let length = (1..=5).map(|digits| rest + digits).find(|n| n.to_string().len() + rest == *n);
        let length = length.expect("values are shorter than five digits");
        text.extend_from_slice(format!("{length} {keyword}=").as_bytes());
        text.extend_from_slice(value);
        text.push(b'\n');
    }
    if text.is_empty() {
        return;
    }
    let mut header = Header::new_ustar();
    header.set_entry_type(EntryType::XHeader);
    header.set_size(text.len() as u64);
    header.set_cksum();
    builder.append(&header, &text[..]).expect("a vector takes every byte");
}

/// Reports whether a tar of [`tar`] has a file with holes, which EROFS cannot always represent.
pub fn has_sparse(input: &[u8]) -> bool {
    let is_sparse = |member: &[u8]| {
        KINDS[usize::from(member[0]) % KINDS.len()] == EntryType::Regular && member[4] % 8 == 6
    };
    input.chunks_exact(5).take(64).any(is_sparse)
}

/// Returns a path of one to three names. Some begin with `./` or `/`.
fn path(value: u8, has_slash: bool) -> String {
    let value = usize::from(value);
    let names = [value % 12, value / 12 % 12, value / 48 % 12].map(|at| NAMES[at]);
    let prefix = ["", "", "./", "/"][value % 4];
    format!("{prefix}{}{}", names[..=value % 3].join("/"), if has_slash { "/" } else { "" })
}
