//! An index answers like a map, finds damage, and reads no more of its file than a lookup needs.

use std::collections::BTreeMap;
use std::fs;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use proptest::prelude::*;
use tempfile::TempDir;

use super::encode::FULL_BYTES;
use super::row_format::ROW_BYTES;
use super::*;
use trees::entry::{Entry, Kind};
use trees::path::{compare, split};

/// Layer that all indexes here belong to.
fn layer() -> DiffId {
    DiffId(oci::Digest::of(b"layer"))
}

fn row(path: &str) -> Row {
    let entry = Entry { kind: Kind::Fifo, ..Entry::directory(0o600) };
    Row::new(path.into(), entry, Stored::default())
}

fn opaque(path: &str) -> Row {
    Row { entry: Entry { kind: Kind::Directory { opaque: true }, ..Entry::directory(0) }, ..row(path) }
}

fn build(rows: Vec<Row>) -> Index {
    Index::build(rows, Origin::Made).expect("within limits")
}

fn index_of(paths: &[&str]) -> Index {
    build(paths.iter().map(|path| row(path)).collect())
}

/// A file that holds an index, or bytes that are to be taken for one.
struct Saved {
    #[expect(dead_code, reason = "held for its Drop")]
    dir: TempDir,
    path: PathBuf,
}

impl Saved {
    fn new(bytes: &[u8]) -> Self {
        let dir = tempfile::tempdir().expect("a directory");
        let path = dir.path().join("index");
        fs::write(&path, bytes).expect("written");
        Self { dir, path }
    }

    fn load(&self) -> Option<Index> {
        Index::load(File::open(&self.path).ok()?, &layer())
    }
}

fn bytes_of(index: &Index) -> Vec<u8> {
    let mut bytes = Vec::new();
    index.write(&layer(), &mut bytes).expect("written");
    bytes
}

/// Returns the index as it is loaded from a file.
fn reloaded(index: &Index) -> (Saved, Index) {
    let saved = Saved::new(&bytes_of(index));
    let index = saved.load().expect("undamaged");
    (saved, index)
}

fn paths<'a>(items: impl IntoIterator<Item = Item<'a>>) -> Vec<String> {
    items.into_iter().map(|item| String::from_utf8(item.path().to_vec()).expect("ASCII")).collect()
}

/// Returns the rows of `dirs` directories with `entries` entries each.
fn folders(dirs: usize, entries: usize) -> Vec<Row> {
    let entry = |dir, entry| row(&format!("root/dir{dir:04}/entry{entry:04}"));
    (0..dirs).flat_map(|dir| (0..entries).map(move |number| entry(dir, number))).collect()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn lookups_agree_with_a_map(paths in prop::collection::btree_set("[ab-]{1,2}(/[ab-]{1,2}){0,3}", 0..30)) {
        check_index(&paths.into_iter().collect::<Vec<_>>());
    }

    /// Every block is as likely to be damaged as the head and the table together.
    #[test]
    fn damage_is_never_used(at in any::<prop::sample::Index>(), what in 0..=20_usize, bit in 0_u8..8) {
        let index = build(folders(20, 500));
        let mut bytes = bytes_of(&index);
        let parts = index.table.blocks().len();
        let (from, length) = match what.checked_sub(1) {
            Some(block) => {
                let info = &index.table.blocks()[block % parts];
                (usize::try_from(index.table.offset(info)).expect("small"), info.length)
            }
            None => (0, Table::length(&bytes).expect("undamaged")),
        };
        bytes[from + at.index(length)] ^= 1 << bit;
        prop_assert!(Saved::new(&bytes).load().is_none_or(|found| found.items().is_err()));
    }

    #[test]
    fn a_small_damaged_index_is_not_loaded(at in any::<prop::sample::Index>(), bit in 0_u8..8) {
        let mut bytes = bytes_of(&index_of(&["a/b", "a/c", "d"]));
        let at = at.index(bytes.len());
        bytes[at] ^= 1 << bit;
        prop_assert!(Saved::new(&bytes).load().is_none());
    }

    #[test]
    fn an_index_of_another_length_is_not_loaded(length in any::<prop::sample::Index>(), more in 1..200_usize) {
        let bytes = bytes_of(&build(folders(10, 500)));
        prop_assert!(Saved::new(&bytes[..length.index(bytes.len())]).load().is_none());
        prop_assert!(Saved::new(&[&bytes[..], &vec![0; more]].concat()).load().is_none());
    }

    /// The checksum of the forged block is correct.
    #[test]
    fn a_forged_block_is_refused_or_harmless(
        at in any::<prop::sample::Index>(),
        bytes in prop::collection::vec(any::<u8>(), 1..9),
    ) {
        let index = build(folders(3, 100));
        let mut block = index.block(0).expect("in memory").bytes().to_vec();
        let at = at.index(block.len() - bytes.len());
        block[at..at + bytes.len()].copy_from_slice(&bytes);
        let mut table = Table::new(Origin::Made);
        table.push(b"", index.table.rows, &block);
        if let Some(index) = Saved::new(&[table.encode(&layer()), block].concat()).load() {
            for item in index.items().expect("in memory") {
                item.entry();
                item.stored();
                item.layer_entry().expect("in memory");
                item.parent().expect("in memory");
                prop_assert!(item.children().expect("in memory").len() <= index.table.rows);
                index.nearest(item.path()).expect("in memory").hides_lower();
            }
        }
    }
}

/// Checks an index of `paths`, without the ones above another: an entry with something below it must be a directory.
fn check_index(paths: &[String]) {
    let is_above = |above: &String| paths.iter().any(|path| path.starts_with(&format!("{above}/")));
    let mut leaves: Vec<&str> = paths.iter().filter(|path| !is_above(path)).map(String::as_str).collect();
    leaves.sort_by(|left, right| compare(left.as_bytes(), right.as_bytes()));
    let (_saved, index) = reloaded(&index_of(&leaves));
    let all: Vec<Item<'_>> = index.items().expect("whole").collect();
    check_answers(&index, &all);
    assert_eq!(all.iter().filter(|item| !item.is_implied()).count(), leaves.len());
    assert!(all.iter().all(|item| item.is_implied() == item.is_dir()));
}

/// Compares lookups of all entries, and of a missing name below each, with a plain list of the entries.
fn check_answers(index: &Index, all: &[Item<'_>]) {
    let mut children: BTreeMap<&[u8], Vec<&[u8]>> = BTreeMap::new();
    for item in all {
        if let Some((parent, name)) = split(item.path()) {
            children.entry(parent).or_default().push(name);
            assert_eq!(item.parent().expect("whole").path(), parent);
        }
    }
    for item in all {
        assert_eq!(index.get(item.path()).expect("whole").map(|found| found.row()), Some(item.row()));
        let found = item.children().expect("whole");
        let expected = children.get(item.path()).map_or(&[][..], Vec::as_slice);
        assert_eq!(found.iter().map(Item::name).collect::<Vec<_>>(), expected);
        let below = [item.path(), b"\x7f/x"].join(&b"/"[..]);
        let below = below.strip_prefix(b"/").unwrap_or(&below);
        let Nearest::Ancestor(above) = index.nearest(below).expect("whole") else {
            panic!("nothing is there")
        };
        assert_eq!(above.path(), item.path());
    }
}

#[test]
fn lookups_work_across_blocks() {
    // The root, a directory of many blocks, one of few, and one that ends with the last row of a block.
    let mut rows = folders(3, 1500);
    rows.push(row("root/last"));
    rows.extend((0..900).map(|number| row(&format!("s/{number:03}/f"))));
    let (_saved, index) = reloaded(&build(rows));
    assert!(index.blocks.len() > 10, "{} blocks", index.blocks.len());
    let all: Vec<Item<'_>> = index.items().expect("whole").collect();
    assert_eq!(all.len(), 1 + 1 + 3 + 3 * 1500 + 1 + 1 + 900 + 900);
    assert!(all.iter().enumerate().all(|(number, item)| item.row() == number));
    check_answers(&index, &all);
    // Each entry on its own as well, in an index that has read nothing else.
    for item in all.iter().step_by(97) {
        let (_saved, fresh) = reloaded(&index);
        assert_eq!(fresh.get(item.path()).expect("whole").map(|found| found.row()), Some(item.row()));
        let found = fresh.item(item.row()).expect("whole").children().expect("whole");
        assert_eq!(paths(found), paths(item.children().expect("whole")));
    }
}

#[test]
fn a_hard_link_finds_its_first_name_in_another_block() {
    let named = |path: &str| Row {
        entry: Entry { kind: Kind::File { size_bytes: 3 }, ..row(path).entry },
        group: 7,
        ..row(path)
    };
    let mut rows = folders(4, 500);
    rows.insert(0, named("a"));
    rows.push(named("z"));
    let (_saved, index) = reloaded(&build(rows));
    let item = index.get(b"z").expect("whole").expect("it is there");
    assert_eq!((item.first_name_row(), item.is_hard_link()), (Some(1), true));
    assert_eq!(item.layer_entry().expect("whole").kind, Kind::Hardlink { target: "a".into() });
    let first = item.first_name().expect("whole").expect("another");
    assert_eq!((first.path(), first.is_hard_link()), (&b"a"[..], false));
}

#[test]
fn a_row_can_be_longer_than_a_block() {
    let mut large = row("large");
    large.entry.xattrs.insert(b"user.large".to_vec(), vec![7; 3 * FULL_BYTES]);
    let mut rows = [folders(1, 600), vec![large.clone(), row("s"), row("t")]].concat();
    rows.sort_by(|left, right| compare(&left.path, &right.path));
    let (_saved, index) = reloaded(&build(rows));
    let found = index.get(b"large").expect("whole").expect("it is there");
    assert_eq!(found.entry(), large.entry);
    assert!(index.get(b"t").expect("whole").is_some());
}

#[test]
fn a_lookup_reads_little_of_a_large_index() {
    let (saved, index) = reloaded(&build(folders(1000, 100)));
    assert_eq!((index.table.rows, index.read_bytes()), (101_002, 0));
    let whole = fs::metadata(&saved.path).expect("a file").len();
    assert!(whole > 10 << 20, "{whole}");
    assert!(index.get(b"root/dir0500/entry0050").expect("whole").is_some());
    assert!(index.nearest(b"root/dir0500/none").expect("whole").exact().is_none());
    assert!(index.nearest(b"elsewhere/x").expect("whole").exact().is_none());
    index.root().expect("whole");
    let read = index.read_bytes();
    let table = Table::length(&fs::read(&saved.path).expect("a file")).expect("an index");
    assert!(table + read < 256 << 10, "{table} and {read}");
    index.get(b"root/dir0500/entry0050").expect("whole").expect("it is there").parent().expect("whole");
    assert_eq!(index.read_bytes(), read, "what was read stays");
}

#[test]
fn a_small_index_comes_with_the_first_read() {
    let count = FULL_BYTES / (ROW_BYTES + "root/dir0000/entry0000".len()) - 3;
    let (_saved, index) = reloaded(&build(folders(1, count)));
    assert!(index.file.is_none() && index.blocks.len() == 1);
    assert_eq!(index.items().expect("whole").count(), count + 3);
}

/// Returns an index whose last blocks are zeros, with the number of times that it has been rebuilt as `rebuilt_from`.
fn torn(whole: &Index, rebuilt_from: Vec<Row>) -> (Saved, Index, Arc<AtomicUsize>) {
    let mut bytes = bytes_of(whole);
    let half = bytes.len() / 2;
    bytes[half..].fill(0);
    let saved = Saved::new(&bytes);
    let count = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&count);
    let index = saved.load().expect("the table is undamaged").with_rebuild(move || {
        counted.fetch_add(1, Ordering::Relaxed);
        Ok(Index::build(rebuilt_from.clone(), Origin::Imported).expect("within limits"))
    });
    (saved, index, count)
}

#[test]
fn damage_that_is_found_late_is_repaired() {
    let rows = folders(20, 500);
    let whole = build(rows.clone());
    let (_saved, index, count) = torn(&whole, rows);
    let early = index.get(b"root/dir0001/entry0001").expect("whole").expect("it is there");
    assert_eq!((index.origin(), count.load(Ordering::Relaxed)), (Origin::Made, 0));
    let late = index.get(b"root/dir0019/entry0400").expect("rebuilt").expect("it is there");
    assert_eq!((index.origin(), count.load(Ordering::Relaxed)), (Origin::Imported, 1));
    assert_eq!(early.parent().expect("whole").row() + 2, early.row());
    assert_eq!(late.parent().expect("whole").name(), b"dir0019");
    assert_eq!(paths(index.items().expect("rebuilt")), paths(whole.items().expect("in memory")));
    assert_eq!(count.load(Ordering::Relaxed), 1, "once is enough");
}

#[test]
fn a_rebuilt_index_with_other_rows_is_refused() {
    let (_saved, index, _) = torn(&build(folders(20, 500)), folders(20, 501));
    let error = index.items().err().expect("refused");
    assert!(error.to_string().contains("build again"), "{error}");
}

#[test]
fn an_empty_index_has_a_root() {
    let (_saved, index) = reloaded(&index_of(&[]));
    let root = index.root().expect("whole");
    assert!(root.is_implied() && root.is_dir());
    assert_eq!(root.children().expect("whole").len(), 0);
    assert_eq!(root.parent().expect("whole").row(), 0);
    assert!(index.get(b"a").expect("whole").is_none());
}

#[test]
fn an_opaque_directory_hides_everything_below_it() {
    let rows = vec![row("a"), opaque("b"), row("b/c/d"), row("e"), Row::whiteout(b"f".to_vec())];
    let index = build(rows);
    let hides = |path: &str| index.nearest(path.as_bytes()).expect("in memory").hides_lower();
    for (path, expected) in
        [("", false), ("b", true), ("b/c", true), ("b/c/x", true), ("b/x", true), ("x", false), ("f/x", true)]
    {
        assert_eq!(hides(path), expected, "{path}");
    }
}

#[test]
fn other_files_are_not_loaded() {
    let first_version = [&b"dsbuild index\0\0\x01"[..], &[0; 200]].concat();
    for bytes in [&b""[..], b"dsbuild index\0\0\x02", &[0; 200], &[0xff; 200], &first_version] {
        assert!(Saved::new(bytes).load().is_none());
    }
    // A table that claims to be longer than the file.
    let mut bytes = bytes_of(&index_of(&["a"]));
    bytes[56..64].fill(0xff);
    assert!(Saved::new(&bytes).load().is_none());
    let dir = tempfile::tempdir().unwrap();
    let empty = crate::testing::new_file(dir.path(), "empty", b"");
    assert!(Index::load(empty, &layer()).is_none());
}

#[test]
fn the_index_of_another_layer_is_not_used() {
    let saved = Saved::new(&bytes_of(&index_of(&["a", "b/c"])));
    assert!(saved.load().is_some());
    let other = DiffId(oci::Digest::of(b"another layer"));
    assert!(Index::load(File::open(&saved.path).unwrap(), &other).is_none());
}
