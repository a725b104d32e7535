//! Damaged records of steps.
//!
//! The input is the file of a record, or (if it begins with a zero byte) damage to a good one: pairs of an offset and a
//! value that is combined with the byte there.

use std::collections::BTreeMap;
use std::fs;
use std::path::PathBuf;

use cache::{Key, Record, Store};
use oci::{DiffId, Digest};

use crate::scratch::Scratch;

/// Checks that a record which was not written for its key is a miss, and never another record.
pub fn check(input: &[u8]) {
    let scratch = Scratch::new();
    let store = Store::open(scratch.path()).expect("a new store opens");
    let key = Key::of(b"step");
    let record = Record {
        layer: DiffId(Digest::of(b"layer")),
        created_ms: 1,
        duration_ms: 2,
        inputs: BTreeMap::from([("env".to_owned(), "A=1".to_owned())]),
    };
    store.save_record(&key, &record).expect("the store is writable");
    assert_eq!(store.load_record(&key).expect("the store is readable").as_ref(), Some(&record));
    let hex = key.to_string();
    let path: PathBuf =
        [scratch.path().to_str().expect("a name in ASCII"), "records/v1", &hex[..2], &hex[2..]]
            .iter()
            .collect();
    let good = fs::read(&path).expect("the record is a file");
    let bytes = damaged(&good, input);
    fs::write(&path, &bytes).expect("the store is writable");
    let expected = (bytes == good).then_some(record);
    assert_eq!(store.load_record(&key).expect("the store is readable"), expected);
}

fn damaged(good: &[u8], input: &[u8]) -> Vec<u8> {
    let Some((0, damage)) = input.split_first() else { return input.to_vec() };
    let mut bytes = good.to_vec();
    for change in damage.chunks_exact(2) {
        let at = usize::from(change[0]) % bytes.len();
        bytes[at] ^= change[1];
    }
    bytes
}
