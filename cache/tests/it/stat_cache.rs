//! The stat cache: round trips, races with the clock, damage.

use std::path::{Path, PathBuf};
use std::time::{SystemTime, UNIX_EPOCH};

use cache::{ContentDigest, FileStat, StatCache, Store};
use proptest::prelude::*;

use crate::support::new_store;

fn now_ns() -> i128 {
    i128::try_from(SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_nanos()).unwrap()
}

/// The stat of a file that was last changed an hour ago.
fn old_stat() -> FileStat {
    let time = now_ns() - 3_600_000_000_000;
    FileStat { device: 1, inode: 2, size_bytes: 3, mtime_ns: time, ctime_ns: time + 5 }
}

fn file_of(store: &Store) -> PathBuf {
    std::fs::read_dir(store.root().join("stat")).unwrap().next().unwrap().unwrap().path()
}

#[test]
fn a_digest_is_found_by_the_same_stat_and_path_only() {
    let store = new_store();
    let cache = StatCache::load(&store, Path::new("/context"));
    let (path, stat, digest) = (Path::new("src/main.rs"), old_stat(), ContentDigest::of(b"content"));
    assert_eq!(cache.get(path, &stat), None);
    cache.put(path, stat, digest);
    assert_eq!(cache.get(path, &stat), Some(digest));
    cache.save().unwrap();
    for cache in [&cache, &StatCache::load(&store, Path::new("/context"))] {
        assert_eq!(cache.get(path, &stat), Some(digest));
        assert_eq!(cache.get(Path::new("src/main.r"), &stat), None);
        let others = [
            FileStat { device: 9, ..stat },
            FileStat { inode: 9, ..stat },
            FileStat { size_bytes: 9, ..stat },
            FileStat { mtime_ns: stat.mtime_ns + 1, ..stat },
            FileStat { ctime_ns: stat.ctime_ns + 1, ..stat },
        ];
        assert!(others.iter().all(|other| cache.get(path, other).is_none()));
    }
    assert_eq!(StatCache::load(&store, Path::new("/other")).get(path, &stat), None);
}

#[test]
fn only_files_unchanged_for_a_while_are_remembered() {
    const SECOND_NS: i128 = 1_000_000_000;
    let store = new_store();
    let cache = StatCache::load(&store, Path::new("/context"));
    let now = now_ns();
    let whole = now - now % SECOND_NS;
    let cases = [
        ("now", now, now, false),
        ("mtime now", now, now - SECOND_NS, false),
        ("ctime now", now - SECOND_NS, now, false),
        ("in the future", now + SECOND_NS, now + SECOND_NS, false),
        ("50 ms ago", now - 50_000_000, now - 50_000_000, false),
        ("half a second ago", now - 500_000_001, now - 500_000_001, true),
        ("whole seconds, a second ago", whole - SECOND_NS, whole - SECOND_NS, false),
        ("whole seconds, four ago", whole - 4 * SECOND_NS, whole - 4 * SECOND_NS, true),
        ("1969", -5, -5, true),
    ];
    for (name, mtime_ns, ctime_ns, expected) in cases {
        let stat = FileStat { mtime_ns, ctime_ns, ..old_stat() };
        cache.put(Path::new("file"), stat, ContentDigest::of(b"content"));
        assert_eq!(cache.get(Path::new("file"), &stat).is_some(), expected, "{name}");
    }
}

#[test]
fn a_damaged_cache_is_empty() {
    let store = new_store();
    let cache = StatCache::load(&store, Path::new("/context"));
    cache.put(Path::new("file"), old_stat(), ContentDigest::of(b"content"));
    let stat = FileStat { inode: 5, ..old_stat() };
    cache.put(Path::new("file"), stat, ContentDigest::of(b"content"));
    cache.save().unwrap();
    let file = file_of(&store);
    let good = std::fs::read(&file).unwrap();
    let is_empty = || StatCache::load(&store, Path::new("/context")).get(Path::new("file"), &stat).is_none();
    for index in 0..good.len() {
        let mut bad = good.clone();
        bad[index] ^= 0x40;
        std::fs::write(&file, bad).unwrap();
        assert!(is_empty(), "byte {index} changed");
        std::fs::write(&file, &good[..index]).unwrap();
        assert!(is_empty(), "cut at {index}");
    }
    std::fs::write(&file, &good).unwrap();
    assert!(!is_empty());
}

#[test]
fn entries_without_lookups_are_dropped_in_time() {
    let store = new_store();
    let stat = |inode| FileStat { inode, ..old_stat() };
    let (kept, forgotten) = (stat(1), stat(2));
    let path = Path::new("file");
    let first = StatCache::load(&store, Path::new("/context"));
    first.put(path, kept, ContentDigest::of(b"kept"));
    first.put(path, forgotten, ContentDigest::of(b"forgotten"));
    first.save().unwrap();
    for inode in 100..140 {
        let cache = StatCache::load(&store, Path::new("/context"));
        assert!(cache.get(path, &kept).is_some());
        cache.put(path, stat(inode), ContentDigest::of(b"new"));
        cache.save().unwrap();
    }
    let cache = StatCache::load(&store, Path::new("/context"));
    assert_eq!(cache.get(path, &kept), Some(ContentDigest::of(b"kept")));
    assert_eq!(cache.get(path, &forgotten), None);
}

#[test]
fn a_cache_without_new_entries_writes_nothing() {
    let store = new_store();
    StatCache::load(&store, Path::new("/context")).save().unwrap();
    assert_eq!(std::fs::read_dir(store.root().join("stat")).unwrap().count(), 0);
    assert_eq!(std::fs::read_dir(store.root().join("tmp")).unwrap().count(), 0);
}

#[test]
fn threads_find_all_of_a_hundred_thousand_entries() {
    let store = new_store();
    let cache = StatCache::load(&store, Path::new("/context"));
    let names: Vec<String> = (0..100_000).map(|n| format!("src/dir{}/file{n}", n % 100)).collect();
    let stat = old_stat();
    std::thread::scope(|scope| {
        for part in names.chunks(25_000) {
            scope.spawn(|| {
                part.iter().for_each(|n| cache.put(Path::new(n), stat, ContentDigest::of(n.as_bytes())))
            });
        }
    });
    cache.save().unwrap();
    let cache = StatCache::load(&store, Path::new("/context"));
    std::thread::scope(|scope| {
        for part in names.chunks(50_000) {
            let cache = &cache;
            scope.spawn(move || {
                for name in part {
                    assert_eq!(cache.get(Path::new(name), &stat), Some(ContentDigest::of(name.as_bytes())));
                }
            });
        }
    });
}

fn any_stat() -> impl Strategy<Value = FileStat> {
    // Up to the year 2020, so that all are settled.
    let time = -4_000_000_000_000_000_000_i128..1_577_836_800_000_000_000;
    (any::<u64>(), any::<u64>(), any::<u64>(), time.clone(), time).prop_map(
        |(device, inode, size_bytes, mtime_ns, ctime_ns)| FileStat {
            device,
            inode,
            size_bytes,
            mtime_ns,
            ctime_ns,
        },
    )
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 32, failure_persistence: None, ..ProptestConfig::default() })]

    /// The entries are saved in two halves.
    #[test]
    fn saved_entries_are_found_after_loading(entries in prop::collection::btree_map("[a-z/\u{0}-\u{ff}]{0,40}", (any_stat(), any::<[u8; 32]>()), 0..60)) {
        let store = new_store();
        let (first, second): (Vec<_>, Vec<_>) = entries.iter().enumerate().partition(|(n, _)| n % 2 == 0);
        for half in [first, second] {
            let cache = StatCache::load(&store, Path::new("/context"));
            for (_, (path, (stat, digest))) in half {
                cache.put(Path::new(path), *stat, ContentDigest::from_bytes(*digest));
            }
            cache.save().unwrap();
        }
        let cache = StatCache::load(&store, Path::new("/context"));
        for (path, (stat, digest)) in &entries {
            prop_assert_eq!(cache.get(Path::new(path), stat), Some(ContentDigest::from_bytes(*digest)));
        }
    }
}
