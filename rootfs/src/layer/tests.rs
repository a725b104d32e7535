//! Damaged tars never cause a panic.

use std::collections::BTreeMap;

use proptest::prelude::*;
use tarball::Header;

use super::import;
use crate::index::{Index, Origin};
use tarball::BLOCK_BYTES;

static NO_XATTRS: BTreeMap<Vec<u8>, Vec<u8>> = BTreeMap::new();

/// Random name, link target and mode of a header.
fn values() -> impl Strategy<Value = (Vec<u8>, Vec<u8>, u32)> {
    let name = || prop::collection::vec(prop_oneof![8 => Just(b'n'), 1 => Just(b'/'), 1 => 1_u8..], 1..400);
    (name(), name(), 0_u32..0o10000)
}

fn header<'a>(name: &'a [u8], link: &'a [u8], mode: u32, typeflag: u8) -> Header<'a> {
    let link = if matches!(typeflag, b'1' | b'2') { link } else { b"" };
    Header {
        name,
        typeflag,
        mode,
        uid: 0,
        gid: 0,
        size_bytes: 0,
        mtime: 0,
        link,
        device: (0, 0),
        xattrs: &NO_XATTRS,
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn a_damaged_tar_is_an_error_or_has_an_index(
        values in prop::collection::vec((values(), b'0'..=b'6'), 1..4),
        damage in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..6),
        fix_checksums in any::<bool>(),
    ) {
        let mut tar = Vec::new();
        for ((name, link, mode), typeflag) in &values {
            header(name, link, *mode, *typeflag).encode(&mut tar).expect("written");
        }
        for (at, byte) in damage {
            let at = at.index(tar.len());
            tar[at] = byte;
        }
        if fix_checksums {
            tar.chunks_exact_mut(BLOCK_BYTES).for_each(fix_checksum);
        }
        if let Ok(rows) = import::rows(&tar[..]) {
            let index = Index::build(rows, Origin::Imported).expect("within limits");
            assert!(index.items().expect("in memory").all(|item| item.path().len() < 4096));
        }
    }
}

fn fix_checksum(block: &mut [u8]) {
    block[148..156].fill(b' ');
    let sum: u32 = block.iter().map(|&byte| u32::from(byte)).sum();
    block[148..155].copy_from_slice(format!("{sum:06o}\0").as_bytes());
}
