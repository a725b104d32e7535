//! Partial downloads: bytes of a blob that survive a broken transfer.

use std::io::{Read, Write};

use oci::Digest;

use crate::support::Closed;

fn read(partial: &cache::PartialBlob) -> Vec<u8> {
    let mut bytes = Vec::new();
    partial.reader().expect("a reader").read_to_end(&mut bytes).expect("read");
    bytes
}

#[test]
fn the_next_process_finds_the_bytes_of_the_last() {
    let closed = Closed::new();
    let digest = Digest::of(b"whole");
    let store = closed.open();
    let mut partial = store.partial_blob(&digest).expect("opened").expect("free");
    partial.write_all(b"wh").expect("written");
    assert_eq!(read(&partial), b"wh");
    assert!(store.partial_blob(&digest).expect("opened").is_none(), "in use");
    drop((partial, store));
    let store = closed.open();
    let mut partial = store.partial_blob(&digest).expect("opened").expect("free");
    assert_eq!(partial.size_bytes(), 2);
    partial.write_all(b"ole").expect("written");
    assert_eq!(read(&partial), b"whole");
    partial.remove().expect("removed");
    assert_eq!(store.partial_blob(&digest).expect("opened").expect("free").size_bytes(), 0);
}

#[test]
fn a_cleared_part_is_empty() {
    let closed = Closed::new();
    let store = closed.open();
    let mut partial = store.partial_blob(&Digest::of(b"x")).expect("opened").expect("free");
    partial.write_all(b"wrong").expect("written");
    partial.clear().expect("cleared");
    partial.write_all(b"x").expect("written");
    assert_eq!(read(&partial), b"x");
}

#[test]
fn a_link_in_its_place_is_not_followed() {
    let closed = Closed::new();
    let store = closed.open();
    let outside_dir = tempfile::tempdir().expect("a temporary directory");
    let outside = outside_dir.path().join("outside");
    std::fs::write(&outside, "canary").expect("written");
    let digest = Digest::of(b"x");
    let path = closed.path().join(format!("downloads/{}.partial", digest.hex()));
    std::fs::create_dir_all(path.parent().expect("a parent")).expect("made");
    std::os::unix::fs::symlink(&outside, &path).expect("linked");
    store.partial_blob(&digest).expect_err("a link");
    assert_eq!(std::fs::read(&outside).expect("read"), b"canary");
}

#[test]
fn collection_removes_parts_as_it_removes_notes() {
    let closed = Closed::new();
    let store = closed.open();
    let digest = Digest::of(b"x");
    // The bytes of a blob can look like a note of another.
    let text = format!("{}\n", Digest::of(b"gone"));
    store.partial_blob(&digest).expect("opened").expect("free").write_all(text.as_bytes()).expect("written");
    drop(store);
    let collect = |budget_bytes| closed.collect(&cache::Policy { budget_bytes, keep_ms: 0 });
    assert_eq!(collect(u64::MAX).notes, 0);
    assert_eq!(collect(0).notes, 1);
    let store = closed.open();
    assert_eq!(store.partial_blob(&digest).expect("opened").expect("free").size_bytes(), 0);
}
