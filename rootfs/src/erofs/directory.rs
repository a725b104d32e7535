//! Directories of an image: blocks of entries in the order of their names.

use std::io;

use super::format::{DIRECTORY_TYPE, DIRENT_BYTES, dirent, file_type};
use crate::index::Item;
use tarball::BLOCK_BYTES;

/// Name in a directory.
#[derive(Debug, Clone, Copy)]
pub(super) struct Name<'a> {
    pub name: &'a [u8],
    /// Row of the inode that it names, in the index.
    pub row: usize,
    /// Type of that inode ([`file_type`]).
    pub file_type: u8,
}

/// Returns the names in a directory in order, `.` and `..` included.
pub(super) fn names<'a>(item: &Item<'a>) -> io::Result<Vec<Name<'a>>> {
    let name = |child: Item<'a>| {
        let row = child.first_name_row().unwrap_or(child.row());
        Name { name: child.name(), row, file_type: file_type(&child.kind()) }
    };
    let mut names: Vec<Name<'a>> = item.children()?.into_iter().map(name).collect();
    for (name, row) in [(&b"."[..], item.row()), (b"..", item.parent()?.row())] {
        let at = names.partition_point(|other| other.name < name);
        names.insert(at, Name { name, row, file_type: DIRECTORY_TYPE });
    }
    Ok(names)
}

/// Distributes names to blocks: each has as many as fit, in order.
pub(super) fn blocks<'a, 'b>(names: &'b [Name<'a>]) -> impl Iterator<Item = &'b [Name<'a>]> {
    let mut rest = names;
    std::iter::from_fn(move || {
        let mut room = BLOCK_BYTES;
        let fits = |name: &Name<'_>| match room.checked_sub(DIRENT_BYTES + name.name.len()) {
            Some(left) => {
                room = left;
                true
            }
            None => false,
        };
        let count = rest.iter().copied().take_while(fits).count();
        let (block, others) = rest.split_at(count);
        rest = others;
        (count > 0).then_some(block)
    })
}

/// Writes the entries of one block. `inode` returns the number of the inode of a row.
pub(super) fn write(names: &[Name<'_>], inode: impl Fn(usize) -> u64, block: &mut [u8]) {
    let mut name_at = names.len() * DIRENT_BYTES;
    for (number, name) in names.iter().enumerate() {
        let at = u16::try_from(name_at).expect("within a block");
        let entry = dirent(inode(name.row), at, name.file_type);
        block[number * DIRENT_BYTES..][..DIRENT_BYTES].copy_from_slice(&entry);
        block[name_at..][..name.name.len()].copy_from_slice(name.name);
        name_at += name.name.len();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn blocks_are_full_and_have_every_name_once() {
        let texts: Vec<Vec<u8>> = (0..100).map(|n| vec![b'n'; 1 + n * 37 % 255]).collect();
        let names: Vec<Name<'_>> =
            texts.iter().enumerate().map(|(row, name)| Name { name, row, file_type: 1 }).collect();
        let blocks: Vec<_> = blocks(&names).collect();
        assert_eq!(
            blocks.concat().iter().map(|name| name.row).collect::<Vec<_>>(),
            (0..100).collect::<Vec<_>>()
        );
        let length =
            |names: &[Name<'_>]| names.iter().map(|name| DIRENT_BYTES + name.name.len()).sum::<usize>();
        for pair in blocks.windows(2) {
            assert!(length(pair[0]) <= BLOCK_BYTES);
            assert!(length(pair[0]) + length(&pair[1][..1]) > BLOCK_BYTES, "one more would not fit");
        }
    }
}
