//! Blobs: round trips, wrong digests, damage, races.

use std::io::{Read, Write};
use std::os::unix::fs::PermissionsExt;

use cache::{Store, StoreError};
use oci::Digest;

use crate::support::new_store;

#[test]
fn a_blob_of_any_size_is_read_back() {
    let store = new_store();
    for size in [0, 1, 131_071, 131_072, 131_073, 400_000] {
        let bytes: Vec<u8> = (0..size).map(|n: u32| n.to_le_bytes()[0]).collect();
        let digest = store.put_blob(&bytes).unwrap();
        assert_eq!(digest, Digest::of(&bytes));
        assert_eq!(store.get_blob(&digest, 400_000).unwrap(), bytes, "{size}");
        assert_eq!(store.stat_blob(&digest).unwrap(), Some(u64::from(size)));
    }
}

#[test]
fn the_digest_does_not_depend_on_the_size_of_the_pieces() {
    let store = new_store();
    let bytes: Vec<u8> = (0..300_000_u32).map(|n| (n % 251).to_le_bytes()[0]).collect();
    for piece in [1, 511, 131_072, 200_000] {
        let mut writer = store.write_blob().unwrap();
        bytes.chunks(piece).for_each(|chunk| writer.write_all(chunk).unwrap());
        assert_eq!(writer.size_bytes(), 300_000);
        assert_eq!(writer.commit(None).unwrap(), Digest::of(&bytes), "{piece}");
    }
    let mut read = Vec::new();
    store.open_blob(&Digest::of(&bytes)).unwrap().read_to_end(&mut read).unwrap();
    assert_eq!(read, bytes);
}

/// The sizes exceed the part that goes through the page cache, and one ends in the middle of a block.
#[test]
fn a_blob_written_directly_is_read_back() {
    let store = new_store();
    for size in [(66 << 20) + 4096, (71 << 20) + 1234] {
        let bytes: Vec<u8> = (0..size / 4).flat_map(|n: u32| n.to_le_bytes()).collect();
        let mut writer = store.write_blob().unwrap();
        bytes.chunks(1_000_003).for_each(|chunk| writer.write_all(chunk).unwrap());
        let digest = writer.commit(None).unwrap();
        assert_eq!(digest, Digest::of(&bytes));
        store.verify_blob(&digest).unwrap();
        assert_eq!(store.stat_blob(&digest).unwrap(), Some(bytes.len() as u64));
    }
}

/// Zeros come as bytes and as a number, at offsets within blocks and on their borders.
#[test]
fn zeros_take_no_disk_space() {
    use std::os::unix::fs::MetadataExt;
    let store = new_store();
    for (before, zeros, after) in
        [(0, 5 << 20, 0), (1, 5 << 20, 3), (4096, (5 << 20) + 17, 4095), (9, 100, 9)]
    {
        let expected = [vec![7; before], vec![0; 2 * zeros], vec![8; after]].concat();
        let mut writer = store.write_blob().unwrap();
        writer.write_all(&vec![7; before]).unwrap();
        writer.write_all(&vec![0; zeros]).unwrap();
        writer.write_zeros(zeros as u64).unwrap();
        writer.write_all(&vec![8; after]).unwrap();
        assert_eq!(writer.size_bytes(), expected.len() as u64);
        let digest = writer.commit(None).unwrap();
        assert_eq!(digest, Digest::of(&expected));
        store.verify_blob(&digest).unwrap();
        let metadata = store.blob_path(&digest).metadata().unwrap();
        assert!(metadata.blocks() * 512 <= 64 << 10, "{before} {zeros} {after}: {metadata:?}");
    }
}

#[test]
fn blobs_are_read_only_in_a_private_store() {
    let store = new_store();
    let digest = store.put_blob(b"x").unwrap();
    let mode = |path: &std::path::Path| path.metadata().unwrap().permissions().mode() & 0o7777;
    assert_eq!(mode(&store.blob_path(&digest)) & 0o333, 0);
    assert_eq!(mode(store.root()), 0o700);
}

#[test]
fn a_blob_with_an_unexpected_digest_is_not_published() {
    let store = new_store();
    let (expected, found) = (Digest::of(b"good"), Digest::of(b"evil"));
    let mut writer = store.write_blob().unwrap();
    writer.write_all(b"evil").unwrap();
    let error = writer.commit(Some(&expected)).unwrap_err();
    assert!(matches!(error, StoreError::Corrupt { expected: e, found: f } if e == expected && f == found));
    assert_eq!(store.stat_blob(&expected).unwrap(), None);
    assert_eq!(store.stat_blob(&found).unwrap(), None);
}

#[test]
fn a_dropped_writer_leaves_no_file() {
    let store = new_store();
    store.write_blob().unwrap().write_all(&[7; 500_000]).unwrap();
    let own = std::fs::read_dir(store.root().join("tmp")).unwrap().next().unwrap().unwrap().path();
    assert_eq!(std::fs::read_dir(own).unwrap().count(), 0);
}

#[test]
fn an_absent_blob_is_missing() {
    let store = new_store();
    let absent = Digest::of(b"absent");
    let error = store.get_blob(&absent, 1).unwrap_err();
    assert!(matches!(error, StoreError::Missing { digest } if digest == absent), "{error:?}");
    assert!(matches!(store.open_blob(&absent).unwrap_err(), StoreError::Missing { .. }));
}

#[test]
fn a_blob_above_the_limit_is_not_read() {
    let store = new_store();
    let digest = store.put_blob(b"four").unwrap();
    assert_eq!(store.get_blob(&digest, 4).unwrap(), b"four");
    let error = store.get_blob(&digest, 3).unwrap_err();
    assert!(matches!(error, StoreError::TooLarge { size_bytes: 4, limit_bytes: 3, .. }), "{error:?}");
}

/// Lets `with` make something else under the name of a blob.
fn damage(store: &Store, digest: &Digest, with: impl FnOnce(&std::path::Path)) {
    let path = store.blob_path(digest);
    std::fs::remove_file(&path).unwrap();
    with(&path);
}

#[test]
fn a_damaged_blob_is_never_returned_and_can_be_put_again() {
    let cases: [(&str, &[u8]); 4] =
        [("flip", b"Xanifest"), ("empty", b""), ("cut", b"mani"), ("long", b"manifest!")];
    for (name, content) in cases {
        let store = new_store();
        let digest = store.put_blob(b"manifest").unwrap();
        damage(&store, &digest, |path| std::fs::write(path, content).unwrap());
        assert!(matches!(store.get_blob(&digest, 100), Err(StoreError::Corrupt { .. })), "{name}");
        assert!(matches!(store.get_blob(&digest, 100), Err(StoreError::Missing { .. })), "{name}");
        store.put_blob(b"manifest").unwrap();
        assert_eq!(store.get_blob(&digest, 100).unwrap(), b"manifest", "{name}");
    }
}

#[test]
fn links_pipes_and_directories_are_not_blobs() {
    type Make = fn(&std::path::Path);
    let cases: [(&str, Make); 3] = [
        ("link", |path| std::os::unix::fs::symlink("/etc/passwd", path).unwrap()),
        ("directory", |path| std::fs::create_dir(path).unwrap()),
        ("fifo", |path| {
            let (kind, mode) = (rustix::fs::FileType::Fifo, rustix::fs::Mode::RWXU);
            rustix::fs::mknodat(rustix::fs::CWD, path, kind, mode, 0).unwrap();
        }),
    ];
    for (name, make) in cases {
        let store = new_store();
        let digest = store.put_blob(b"bytes").unwrap();
        damage(&store, &digest, make);
        assert!(store.open_blob(&digest).is_err(), "{name}");
        assert_eq!(store.stat_blob(&digest).unwrap(), None, "{name}");
    }
}

#[test]
fn racing_writers_of_one_blob_all_succeed() {
    let test = new_store();
    let bytes = vec![3; 1_000_000];
    std::thread::scope(|scope| {
        for _ in 0..8 {
            scope.spawn(|| {
                let store = Store::open(test.root()).unwrap();
                for _ in 0..5 {
                    assert_eq!(store.put_blob(&bytes).unwrap(), Digest::of(&bytes));
                }
            });
        }
    });
    assert_eq!(test.get_blob(&Digest::of(&bytes), 1_000_000).unwrap(), bytes);
}
