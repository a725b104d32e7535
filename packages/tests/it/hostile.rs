//! Databases that nobody's package manager wrote.

use std::io::Read;
use std::path::Path;

use flate2::read::GzDecoder;
use packages::{find, limits};
use proptest::prelude::*;
use trees::entry::{Entry, Kind};
use trees::memory_tree::MemoryTree;

use crate::support::{inventory, reasons, tree};

const DATABASES: [(&str, &[u8]); 3] = [
    ("var/lib/rpm/rpmdb.sqlite", include_bytes!("../data/rpmdb.sqlite.gz")),
    ("var/lib/rpm/Packages.db", include_bytes!("../data/Packages.db.gz")),
    ("var/lib/rpm/Packages", include_bytes!("../data/Packages.gz")),
];

const TEXTS: [&str; 9] = [
    "etc/os-release",
    "var/lib/dpkg/status",
    "lib/apk/db/installed",
    "a-1.dist-info/METADATA",
    "b-1.egg-info",
    "conda-meta/c.json",
    "library/d/DESCRIPTION",
    "node_modules/e/package.json",
    "var/lib/rpm/rpmdb.sqlite",
];

#[test]
fn a_database_that_is_too_long_is_a_problem_and_the_rest_is_read() {
    let size_bytes = limits::MAX_TEXT_DATABASE_BYTES + 1;
    let huge = Entry { kind: Kind::File { size_bytes }, ..Entry::directory(0o644) };
    let tree = tree(&[("lib/apk/db/installed", b"P:musl\nV:1\n")]).put("var/lib/dpkg/status", huge, b"");
    let found = find(&tree).expect("read");
    assert_eq!(found.packages.len(), 1);
    assert_eq!(
        reasons(&found),
        ["cannot list the packages of /var/lib/dpkg/status: it has 67108865 bytes, more than 67108864"]
    );
}

#[test]
fn only_regular_files_are_opened() {
    let fifo = || Entry { kind: Kind::Fifo, ..Entry::directory(0o644) };
    let tree = TEXTS.iter().fold(MemoryTree::new(), |tree, path| tree.put(path, fifo(), b""));
    let tree = tree.link("var/lib/dpkg/status.d", "status.d").link("usr/lib/apk/db/installed", "installed");
    let found = find(&tree).expect("read");
    assert_eq!((found.packages.len(), found.problems.len()), (0, 0));
}

#[test]
fn long_values_are_cut() {
    let name = "é".repeat(limits::MAX_VALUE_BYTES);
    let found = inventory(&[("var/lib/dpkg/status", format!("Package: {name}\nVersion: 1\n").as_bytes())]);
    assert_eq!(found.packages[0].name.len(), limits::MAX_VALUE_BYTES);
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, ..ProptestConfig::default() })]

    #[test]
    fn any_bytes_are_read_without_a_panic(bytes in prop::collection::vec(any::<u8>(), 0..600)) {
        let files: Vec<(&str, &[u8])> = TEXTS.iter().map(|path| (*path, bytes.as_slice())).collect();
        let found = inventory(&files);
        prop_assert!(found.packages.iter().all(|package| !package.name.is_empty()));
    }

    #[test]
    fn a_damaged_database_of_rpm_is_read_without_a_panic(
        which in 0usize..3,
        changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..40),
        kept in any::<prop::sample::Index>(),
    ) {
        let (path, packed) = DATABASES[which];
        let mut database = Vec::new();
        GzDecoder::new(packed).read_to_end(&mut database).expect("gzip");
        for (at, byte) in changes {
            // Most of the structure is in the first pages.
            let length = database.len();
            database[at.index(length.min(8192))] = byte;
        }
        database.truncate(kept.index(2 * database.len()).max(1));
        let found = inventory(&[(path, &database)]);
        prop_assert!(found.packages.iter().all(|package| package.location == Path::new(path)));
    }
}

/// Returns a database of one page whose slots all lead to one header with `entries` entries, none of which is a name.
fn slots_that_share_a_header(entries: u32) -> Vec<u8> {
    let mut file =
        [b"RpmP".as_slice(), &0u32.to_le_bytes(), &0u32.to_le_bytes(), &1u32.to_le_bytes()].concat();
    file.resize(32, 0);
    while file.len() < 4096 {
        file.extend(
            [b"Slot".as_slice(), &1u32.to_le_bytes(), &256u32.to_le_bytes(), &1u32.to_le_bytes()].concat(),
        );
    }
    let length = 8 + 16 * entries;
    file.extend(
        [b"BlbS".as_slice(), &1u32.to_le_bytes(), &0u32.to_le_bytes(), &length.to_le_bytes()].concat(),
    );
    file.extend([entries.to_be_bytes(), 0u32.to_be_bytes()].concat());
    file.resize(file.len() + 16 * entries as usize, 0);
    file
}

#[test]
fn headers_that_many_rows_share_are_read_once() {
    let found = inventory(&[("var/lib/rpm/Packages.db", &slots_that_share_a_header(1000))]);
    let shared = "cannot list the packages of /var/lib/rpm/Packages.db: some of its packages are damaged";
    let header =
        "cannot list the packages of /var/lib/rpm/Packages.db: the headers of 1 packages are damaged";
    assert_eq!(reasons(&found), [shared, header]);
}
