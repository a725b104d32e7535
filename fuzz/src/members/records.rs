//! PAX records of random members: an extended attribute, a long symlink target, a map of holes.

use tar::{Builder, EntryType, Header};

/// Keyword and value of a PAX record.
pub(super) type Record = (&'static str, Vec<u8>);

/// Returns the PAX records of a member: for one value in eight an attribute, for another one the map of a sparse file.
pub(super) fn of(kind: EntryType, other: u8, value: u8) -> Vec<Record> {
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
pub(super) fn append(builder: &mut Builder<Vec<u8>>, records: &[Record]) {
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
