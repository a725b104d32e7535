//! Damaged tars never cause a panic.

use proptest::prelude::*;

use super::import;
use crate::index::{Index, Origin};
use crate::tar::BLOCK_BYTES;
use crate::tar::tests::{header, values};

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn a_damaged_tar_is_an_error_or_has_an_index(
        values in prop::collection::vec((values(), b'0'..=b'6'), 1..4),
        damage in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..6),
        fix_checksums in any::<bool>(),
    ) {
        let mut tar = Vec::new();
        values.iter().for_each(|(values, typeflag)| header(values, *typeflag).encode(&mut tar).expect("written"));
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
