//! ADD of archives.

use std::io::Write;

use super::Applied;
use super::testing::{MemoryTree, copied, copy, try_copies};
use super::*;
use std::path::Path;

use graph::CopyAction;
use trees::entry::{Entry, Kind};
use trees::tree::Tree;

/// A member: `path/`, `path=content`, `link->target`, `hard=>first`, `pipe|`; mode and owner behind it.
fn tar_of(members: &[&str]) -> Vec<u8> {
    let mut builder = tar::Builder::new(Vec::new());
    for member in members {
        let mut words = member.split(' ');
        let (mut header, name, content) = header_of(words.next().expect("a name"));
        for word in words {
            match word.split_once(':') {
                Some((uid, gid)) => {
                    header.set_uid(uid.parse().expect("a number"));
                    header.set_gid(gid.parse().expect("a number"));
                }
                None => header.set_mode(u32::from_str_radix(word, 8).expect("a mode")),
            }
        }
        // Names as they are, climbing ones too.
        header.as_old_mut().name[..name.len()].copy_from_slice(name.as_bytes());
        header.set_cksum();
        builder.append(&header, content.as_bytes()).expect("written");
    }
    builder.into_inner().expect("written")
}

fn header_of(member: &str) -> (tar::Header, &str, &str) {
    let mut header = tar::Header::new_ustar();
    header.set_mode(0o644);
    header.set_mtime(1_100_000_000);
    let mut link = |kind, separator| {
        let (name, target) = member.split_once(separator)?;
        header.set_entry_type(kind);
        header.set_link_name_literal(target).expect("short");
        Some(name)
    };
    if let Some(name) = link(tar::EntryType::Symlink, "->").or_else(|| link(tar::EntryType::Link, "=>")) {
        return (header, name, "");
    }
    if let Some((name, content)) = member.split_once('=') {
        header.set_size(content.len() as u64);
        return (header, name, content);
    }
    if let Some(name) = member.strip_suffix('|') {
        header.set_entry_type(tar::EntryType::Fifo);
        return (header, name, "");
    }
    header.set_entry_type(tar::EntryType::Directory);
    header.set_mode(0o755);
    (header, member, "")
}

fn add(destination: &str) -> CopyAction {
    CopyAction { unpack: true, keep_owner: false, ..copy("pack", destination) }
}

fn source(archive: &[u8]) -> MemoryTree {
    let mut tree = MemoryTree::new(&[]);
    let kind = Kind::File { size_bytes: archive.len() as u64 };
    tree.put("pack", Entry { kind, ..Entry::directory(0o644) }, archive);
    tree
}

#[track_caller]
fn check(members: &[&str], base: &[&str], expected: &[&str]) {
    let lines = copied(vec![add("/out/")], &source(&tar_of(members)), &MemoryTree::new(base));
    let expected: Vec<&str> = ["out/ 0755"].iter().chain(expected).copied().collect();
    let shown: Vec<&String> = lines.iter().filter(|line| line.starts_with("out/")).collect();
    assert_eq!(shown, expected, "{members:?} on {base:?}");
}

#[test]
fn members() {
    check(
        &["one=1", "sub/ 0711 5:6", "sub/two=2 4755 7:8"],
        &[],
        &["out/one=1 0644", "out/sub/ 0711 5:6", "out/sub/two=2 4755 7:8"],
    );
    check(&["a/b/c=1 0600 5:6"], &[], &["out/a/ 0755", "out/a/b/ 0755", "out/a/b/c=1 0600 5:6"]);
    check(&["./ 0700", "./one=1"], &[], &["out/one=1 0644"]);
    check(&["pipe| 0640", "zero="], &[], &["out/pipe| 0640", "out/zero= 0644"]);
    check(&["one=first", "one=second"], &[], &["out/one=second 0644"]);
    check(
        &["l->d/one", "abs->/etc/passwd", "up->../../../../x 0777 3:4"],
        &[],
        &["out/abs->/etc/passwd", "out/l->d/one", "out/up->../../../../x 3:4"],
    );
    check(&["d/one=1", "hard=>d/one"], &[], &["out/d/ 0755", "out/d/one=1 0644 #3", "out/hard=1 0644 #3"]);
    check(
        &["/abs=1", "../../climbed=2", "a/../../b=3"],
        &[],
        &["out/abs=1 0644", "out/b=3 0644", "out/climbed=2 0644"],
    );
}

#[test]
fn on_what_is_there() {
    check(
        &["d/ 0711 5:6", "d/same=new"],
        &["out/d/same=old", "out/d/kept=k"],
        &["out/d/ 0711 5:6", "out/d/kept=k 0644", "out/d/same=new 0644"],
    );
    check(&["i/", "i/one=1"], &["out/i=file"], &["out/i/ 0755", "out/i/one=1 0644"]);
    check(&["i/", "i/one=1"], &["out/", "real/", "out/i->/real"], &["out/i/ 0755", "out/i/one=1 0644"]);
    check(&["i=1"], &["out/i/inside"], &["out/i=1 0644"]);
    check(&["i=1"], &["out/i->/target", "target"], &["out/i=1 0644"]);
    check(&["i=1", "i/", "i/x=2", "i->t", "i=3"], &["out/i/old"], &["out/i=3 0644"]);
    check(
        &["hard=>old"],
        &["out/old=content 0600"],
        &["out/hard=content 0600 #3", "out/old=content 0600 #3"],
    );
    check(&["hard=>l"], &["out/l->t"], &["out/hard->t", "out/l->t"]);
}

#[test]
fn links_lead_below_the_destination() {
    let base = &["real/", "out/real/", "out/door->/real"];
    check(&["door/one=1"], base, &["out/door->/real", "out/real/ 0755", "out/real/one=1 0644"]);
    check(
        &["etc/", "door->/etc", "door/one=1"],
        &[],
        &["out/door->/etc", "out/etc/ 0755", "out/etc/one=1 0644"],
    );
    check(&["d->../../..", "d/one=1"], &[], &["out/d->../../..", "out/one=1 0644"]);
    check(&["l->/etc/passwd", "l=1"], &["etc/passwd=root"], &["out/l=1 0644"]);
    check(&["l->/gone", "l/one=1"], &[], &["out/gone/ 0755", "out/gone/one=1 0644", "out/l->/gone"]);
    let lines = copied(
        vec![add("/")],
        &source(&tar_of(&["door/one=1"])),
        &MemoryTree::new(&["real/", "door->/real"]),
    );
    assert_eq!(lines, ["door->/real", "real/ 0755", "real/one=1 0644"]);
    let lines = copied(
        vec![add("/alias")],
        &source(&tar_of(&["one=1"])),
        &MemoryTree::new(&["real/", "alias->/real"]),
    );
    assert_eq!(lines, ["alias->/real", "real/ 0755", "real/one=1 0644"]);
}

#[test]
fn owners_and_modes_of_the_flags() {
    let action =
        CopyAction { owner: Some("70:71".into()), mode: Some(graph::Mode::Octal(0o600)), ..add("/n/e") };
    let lines = copied(
        vec![action],
        &source(&tar_of(&["d/ 0711 9:9", "d/x=1", "e/y=2", "l->d 0777 9:9"])),
        &MemoryTree::new(&[]),
    );
    let expected = [
        "n/ 0755 70:71",
        "n/e/ 0755 70:71",
        "n/e/d/ 0711 70:71",
        "n/e/d/x=1 0644 70:71",
        "n/e/e/ 0755",
        "n/e/e/y=2 0644 70:71",
        "n/e/l->d 70:71",
    ];
    assert_eq!(lines, expected);
}

fn compressed(tar: &[u8]) -> Vec<(&'static str, Vec<u8>)> {
    let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    gzip.write_all(tar).expect("compressed");
    let mut bzip2 = bzip2::write::BzEncoder::new(Vec::new(), bzip2::Compression::fast());
    bzip2.write_all(tar).expect("compressed");
    vec![
        ("none", tar.to_vec()),
        ("gzip", gzip.finish().expect("compressed")),
        ("bzip2", bzip2.finish().expect("compressed")),
        ("zstd", zstd::encode_all(tar, 1).expect("compressed")),
    ]
}

#[test]
fn archives_by_content() {
    let base = MemoryTree::new(&[]);
    let xz = ("xz", include_bytes!("one.tar.xz").to_vec());
    for (kind, bytes) in compressed(&tar_of(&["one=1"])).into_iter().chain([xz]) {
        assert_eq!(copied(vec![add("/o/")], &source(&bytes), &base), ["o/ 0755", "o/one=1 0644"], "{kind}");
        let mut as_file = add("/o/");
        as_file.unpack = false;
        assert_eq!(copied(vec![as_file], &source(&bytes), &base).len(), 2, "{kind}");
    }
}

#[test]
fn other_files_are_copied_as_they_are() {
    let base = MemoryTree::new(&[]);
    let mut bad_sum = tar_of(&["one=1"]);
    bad_sum[0] = b'x';
    for bytes in [
        &b""[..],
        b"just text",
        b"\x1f\x8b\x08 not gzip",
        b"BZh9 not bzip2",
        b"\x28\xb5\x2f\xfd",
        &[0; 10240],
        &bad_sum,
    ] {
        let lines = copied(vec![add("/o/")], &source(bytes), &base);
        assert!(lines.len() == 2 && lines[1].starts_with("o/pack="), "{lines:?}");
    }
}

#[track_caller]
fn refused(bytes: &[u8]) -> String {
    match try_copies(vec![add("/o/")], &source(bytes), &MemoryTree::new(&[])) {
        Ok(_) => panic!("unpacked {} bytes", bytes.len()),
        Err(error) => error.to_string(),
    }
}

#[test]
fn broken_archives_are_refused() {
    let noise: String = (0..20_000)
        .map(|number: u64| format!("{:016x}", number.wrapping_mul(0x9e37_79b9_7f4a_7c15)))
        .collect();
    let long = format!("one={noise}");
    for (kind, bytes) in compressed(&tar_of(&[&long])) {
        let error = refused(&bytes[..bytes.len() / 2]);
        assert!(error.starts_with("cannot unpack pack: "), "{kind}: {error}");
    }
    let error = refused(&tar_of(&["hard=>nowhere"]));
    assert!(error.contains("hard") && error.contains("nowhere"), "{error}");
    assert!(refused(&tar_of(&["d/", "hard=>d"])).contains("no file"));
    assert!(refused(&tar_of(&["f=1", "f/x=2"])).contains("/o/f: not a directory"));
}

#[test]
fn rubbish_behind_the_end_does_not_matter() {
    let tar = tar_of(&["one=1"]);
    for (kind, mut bytes) in compressed(&tar) {
        bytes.extend_from_slice(b"rubbish");
        let lines = copied(vec![add("/o/")], &source(&bytes), &MemoryTree::new(&[]));
        assert_eq!(lines, ["o/ 0755", "o/one=1 0644"], "{kind}");
    }
}

#[test]
fn times_and_attributes() {
    let mut builder = tar::Builder::new(Vec::new());
    builder
        .append_pax_extensions([
            ("SCHILY.xattr.security.capability", &b"cap"[..]),
            ("SCHILY.xattr.user.k", b"1"),
            ("mtime", b"1100000000.5"),
        ])
        .expect("written");
    let (mut header, name, content) = header_of("f=1");
    header.set_path(name).expect("short");
    header.set_cksum();
    builder.append(&header, content.as_bytes()).expect("written");
    let archive = builder.into_inner().expect("written");
    let Applied { diff, .. } =
        try_copies(vec![add("/o")], &source(&archive), &MemoryTree::new(&[])).expect("unpacked");
    let entry = diff.lookup(Path::new("o/f")).expect("looked").expect("there");
    assert_eq!(entry.xattrs, [(b"security.capability".to_vec(), b"cap".to_vec())].into());
    assert_eq!(entry.mtime, Timestamp { seconds: 1_100_000_000, nanoseconds: 500_000_000 });
}
