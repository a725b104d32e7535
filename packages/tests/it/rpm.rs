//! Packages of rpm, in databases that rpm 4.18, SQLite and Berkeley DB 5.3 wrote. The ndb database has the same headers
//! in the layout that rpm documents.

use std::io::Read;

use flate2::read::GzDecoder;

use crate::support::{inventory, lines, reasons};

const SQLITE: &[u8] = include_bytes!("../data/rpmdb.sqlite.gz");
const SMALL_PAGES: &[u8] = include_bytes!("../data/small-pages.sqlite.gz");
const NDB: &[u8] = include_bytes!("../data/Packages.db.gz");
const BDB: &[u8] = include_bytes!("../data/Packages.gz");

const EXPECTED: [&str; 3] =
    ["rpm alpha-tools 2:1.2.3-4 noarch", "rpm gamma 1.2.3-4 noarch", "rpm libbeta 1.2.3-4 noarch"];

fn unpacked(bytes: &[u8]) -> Vec<u8> {
    let mut content = Vec::new();
    GzDecoder::new(bytes).read_to_end(&mut content).expect("gzip");
    content
}

#[test]
fn all_formats_of_the_database_are_read() {
    for (path, database) in [
        ("var/lib/rpm/rpmdb.sqlite", SQLITE),
        ("usr/lib/sysimage/rpm/Packages.db", NDB),
        ("var/lib/rpm/Packages", BDB),
    ] {
        let found =
            inventory(&[(path, &unpacked(database)), ("etc/os-release", b"ID=fedora\nVERSION_ID=43\n")]);
        assert_eq!(lines(&found), EXPECTED, "{path}");
        assert_eq!(reasons(&found), [""; 0], "{path}");
        let alpha = &found.packages[0];
        let expected = "pkg:rpm/fedora/alpha-tools@1.2.3-4?arch=noarch&distro=fedora-43&epoch=2";
        assert_eq!(alpha.purl, expected, "{path}");
        assert_eq!(alpha.license.as_deref(), Some("GPL-2.0-or-later"));
        assert_eq!(alpha.supplier.as_deref(), Some("Example Works"));
        assert_eq!(
            alpha.source.as_ref().map(|source| source.name.as_str()),
            Some("alpha-tools-1.2.3-4.src.rpm")
        );
    }
}

#[test]
fn tables_with_many_levels_of_pages_are_read() {
    let found = inventory(&[("var/lib/rpm/rpmdb.sqlite", &unpacked(SMALL_PAGES))]);
    assert_eq!(found.packages.len(), 500);
    assert_eq!(found.packages[499].name, "lib0499");
    assert_eq!(reasons(&found), [""; 0]);
}

#[test]
fn changes_in_a_write_ahead_log_are_reported() {
    let found = inventory(&[
        ("var/lib/rpm/rpmdb.sqlite", &unpacked(SQLITE)),
        ("var/lib/rpm/rpmdb.sqlite-wal", b"7\x7f\x06\x82"),
    ]);
    assert_eq!(found.packages.len(), 3);
    assert_eq!(
        reasons(&found),
        [
            "cannot list the packages of /var/lib/rpm/rpmdb.sqlite-wal: its changes are not in the database yet, and are left out"
        ]
    );
}

#[test]
fn a_damaged_database_gives_what_is_intact_and_a_problem() {
    let mut database = unpacked(NDB);
    // The magic of the last of the three blobs.
    let last = database.windows(4).rposition(|window| window == b"BlbS").expect("a blob");
    database[last] = b'X';
    let found = inventory(&[("var/lib/rpm/Packages.db", &database)]);
    assert_eq!(found.packages.len(), 2);
    let reason = "cannot list the packages of /var/lib/rpm/Packages.db: some of its packages are damaged";
    assert_eq!(reasons(&found), [reason]);
}
