//! Headers that are malformed, contradict each other, or have values that mean something else.

use super::{refused, shows};
use crate::support::TestEnv;
use crate::tar::{Tar, raw};

#[test]
fn overlay_attributes_are_left_out() {
    let records: [(&str, &[u8]); 4] = [
        ("SCHILY.xattr.trusted.overlay.redirect", b"/../.."),
        ("SCHILY.xattr.trusted.overlay.opaque", b"y"),
        ("SCHILY.xattr.user.overlay.metacopy", b""),
        ("SCHILY.xattr.user.kept", b"yes"),
    ];
    let tar = Tar::default().pax('x', &records).dir("d").end();
    let env = TestEnv::new();
    let layer = env.layers.import(&mut &tar[..], None).expect("a layer");
    let view = env.layers.view(&[layer]).expect("a view");
    let entry = view.lookup("d".as_ref()).expect("a lookup").expect("a directory");
    assert_eq!(entry.xattrs.keys().collect::<Vec<_>>(), [b"user.kept"]);
}

#[test]
fn device_numbers_out_of_range_are_refused() {
    refused(Tar::default().add(raw('3', "etc/passwd").device(0, 0)).end(), "device 0:0");
    refused(Tar::default().add(raw('3', "x").device(4096, 0)).end(), "out of range");
    refused(Tar::default().add(raw('4', "x").device(1, 1 << 20)).end(), "out of range");
    refused(Tar::default().add(raw('4', "x").device(1 << 32 | 8, 0)).end(), "out of range");
}

#[test]
fn the_greatest_device_numbers_are_kept() {
    shows(
        Tar::default()
            .add(raw('3', "mem").device(1, 1))
            .add(raw('4', "sda").device(4095, (1 << 20) - 1))
            .end(),
        &[
            ("mem", "CharDevice { major: 1, minor: 1 }"),
            ("sda", "BlockDevice { major: 4095, minor: 1048575 }"),
        ],
    );
}

#[test]
fn owners_out_of_range_are_refused() {
    let all_ones = [0x80, 0, 0, 0, 0xff, 0xff, 0xff, 0xff];
    refused(Tar::default().add(raw('0', "x").uid(all_ones)).end(), "out of range");
    refused(Tar::default().add(raw('0', "x").uid([0xff; 8])).end(), "out of range");
    refused(Tar::default().pax('x', &[("uid", b"4294967295")]).file("x", "").end(), "out of range");
    refused(Tar::default().pax('x', &[("gid", b"99999999999")]).file("x", "").end(), "out of range");
    shows(Tar::default().pax('x', &[("uid", b"4294967294")]).file("x", "").end(), &[("x", "file 644 ")]);
}

#[test]
fn a_name_given_twice_is_refused() {
    let pax = |tar: Tar| tar.pax('x', &[("path", b"from-pax")]);
    refused(pax(Tar::default()).long('L', "from-gnu").file("f", "").end(), "both in GNU's form");
    refused(pax(Tar::default().long('L', "from-gnu")).file("f", "").end(), "both in GNU's form");
    refused(Tar::default().long('L', "a").long('L', "b").file("f", "").end(), "two extended headers");
    refused(pax(pax(Tar::default())).file("f", "").end(), "two extended headers");
}

#[test]
fn an_extension_header_without_an_entry_is_refused() {
    refused(Tar::default().pax('x', &[("path", b"name")]).end(), "without an entry after it");
}

#[test]
fn pax_records_and_a_long_name_for_other_fields_are_combined() {
    let tar = Tar::default().pax('x', &[("size", b"3")]).long('L', "long").add(raw('0', "f").data("abc"));
    shows(tar.end(), &[("long", "file 644 abc")]);
}

#[test]
fn malformed_pax_records_are_refused() {
    let with = |body: &str| Tar::default().add(raw('x', "p").data(body)).file("f", "").end();
    shows(with("6 a=b\n"), &[("f", "file 644 ")]);
    for body in ["x", "5 a=b", "0 a=b\n", "-6 a=b\n", "6 ab\n\n", "5 =b\n", "99 a=b\n", "6 a=b\n\0"] {
        refused(with(body), "malformed PAX");
    }
    refused(Tar::default().pax('x', &[("path", b"a\0b")]).file("f", "").end(), "malformed PAX");
}

#[test]
fn a_global_header_that_changes_entries_is_refused() {
    shows(
        Tar::default().pax('g', &[("comment", b"0123456789abcdef")]).file("f", "").end(),
        &[("f", "file 644 ")],
    );
    for keyword in ["path", "linkpath", "size", "uid", "GNU.sparse.major", "SCHILY.xattr.user.x"] {
        refused(Tar::default().pax('g', &[(keyword, b"1")]).file("f", "").end(), "global header");
    }
}

#[test]
fn broken_tars_are_refused() {
    refused(vec![1; 512], "not a tar header");
    refused(Tar::default().file("f", "").0[..100].to_vec(), "ends inside a header");
    refused(Tar::default().add(raw('0', "f").size("00000001000")).0, "ends inside a file");
    refused([vec![0; 512], Tar::default().file("f", "").end()].concat(), "one zero block");
    refused(Tar::default().add(raw('V', "volume")).end(), "not supported");
    refused(Tar::default().add(raw('0', "")).end(), "the root can only be");
    refused(Tar::default().symlink("l", "").end(), "symlink to nothing");
    let mut sum = Tar::default().file("f", "").end();
    sum[0] = b'g';
    refused(sum, "not a tar header");
}
