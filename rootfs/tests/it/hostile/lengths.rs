//! Lengths that contradict each other, and inputs that cost too much.

use super::{refused, shows};
use crate::support::TestEnv;
use crate::tar::{Tar, raw};

/// Go and GNU tar agree that the record counts, not the header.
#[test]
fn a_length_in_a_record_overrides_the_one_in_the_header() {
    let inner = Tar::default().file("inner", "smuggled").0;
    let length = inner.len().to_string();
    for header in ["00000000000", "00000001000"] {
        let tar = Tar::default()
            .pax('x', &[("size", length.as_bytes())])
            .add(raw('0', "f").size(header).data(&inner))
            .end();
        let env = TestEnv::new();
        let layer = env.layers.import(&mut &tar[..], None).expect("a layer");
        let view = env.layers.view(&[layer]).expect("a view");
        assert_eq!(view.children("".as_ref()).expect("children").len(), 1, "{header}");
    }
}

#[test]
fn the_last_of_two_lengths_in_records_counts() {
    let twice: [(&str, &[u8]); 2] = [("size", b"512"), ("size", b"3")];
    shows(Tar::default().pax('x', &twice).file("f", "abc").end(), &[("f", "file 644 abc")]);
}

#[test]
fn malformed_lengths_are_refused() {
    for size in ["-1", "0x10", "99999999999999999999", "1 "] {
        refused(
            Tar::default().pax('x', &[("size", size.as_bytes())]).file("f", "").end(),
            "size is not a number",
        );
    }
    refused(Tar::default().add(raw('0', "f").size([0xff; 12])).end(), "negative");
    refused(Tar::default().add(raw('0', "f").size("0000000000x")).end(), "length is not a number");
}

#[test]
fn only_a_regular_file_can_have_a_length() {
    refused(Tar::default().add(raw('5', "d").size("00000001000")).end(), "only a regular file");
    refused(Tar::default().add(raw('2', "l").link("x").size("00000001000")).end(), "only a regular file");
}

/// All readers agree that nothing follows a hard link, whatever length it has.
#[test]
fn the_length_of_a_hard_link_is_ignored() {
    let tar = Tar::default().file("f", "abc").add(raw('1', "h").link("f").size("00000000003")).file("g", "");
    shows(tar.end(), &[("f", "file 644 abc"), ("g", "file 644 "), ("h", "file 644 abc")]);
}

#[test]
fn a_length_in_base_256_is_read() {
    let base_256 = [&[0x80][..], &[0; 10], &[3]].concat();
    shows(Tar::default().add(raw('0', "f").size(base_256).data("abc")).end(), &[("f", "file 644 abc")]);
}

#[test]
fn sparse_maps_that_contradict_the_data_are_refused() {
    let map = |records: &[(&str, &[u8])], data: &str| {
        let mut all: Vec<(&str, &[u8])> = vec![("GNU.sparse.size", b"10")];
        all.extend_from_slice(records);
        Tar::default().pax('x', &all).file("f", data).end()
    };
    refused(map(&[("GNU.sparse.map", b"0,3,2,1")], "abcd"), "overlap");
    refused(map(&[("GNU.sparse.map", b"8,3")], "abc"), "overlap or exceed");
    refused(map(&[("GNU.sparse.map", b"0,3")], "ab"), "differ in length");
    refused(map(&[("GNU.sparse.map", b"0,3,4")], "abc"), "malformed");
    refused(map(&[("GNU.sparse.map", b"0,18446744073709551615,1,1")], "abc"), "overlap or exceed");
    refused(map(&[("GNU.sparse.numbytes", b"3"), ("GNU.sparse.offset", b"0")], "abc"), "malformed");
    refused(map(&[("GNU.sparse.major", b"2"), ("GNU.sparse.minor", b"0")], "abc"), "unknown version");
}

#[test]
fn headers_names_and_sparse_files_have_limits() {
    refused(Tar::default().add(raw('x', "p").size("00007777777")).end(), "over the limit");
    refused(Tar::default().add(raw('L', "p").size("00007777777")).end(), "over the limit");
    let long = "d/".repeat(3000);
    refused(Tar::default().pax('x', &[("path", long.as_bytes())]).dir("d").end(), "over the limit of 4096");
    refused(Tar::default().pax('x', &[("path", &[b'n'; 256])]).file("f", "").end(), "over the limit of 255");
    let mut sparse = raw('S', "huge").magic(b"ustar  \0");
    sparse = sparse.patch(483, [&[0x80][..], &[0; 3], &(1_u64 << 60).to_be_bytes()].concat());
    refused(Tar::default().add(sparse).end(), "over the limit of 1 TiB");
}

#[test]
fn many_changes_of_one_name_do_not_take_quadratic_time() {
    let mut tar = Tar::default();
    for _ in 0..5_000 {
        tar = tar.dir("p").file("p", "");
    }
    for number in 0..5_000 {
        tar = tar.file(format!("d/.wh.{number}"), "");
    }
    let start = std::time::Instant::now();
    shows(tar.end(), &[("d", "dir 755"), ("p", "file 644 ")]);
    assert!(start.elapsed().as_secs() < 10, "{:?}", start.elapsed());
}

#[test]
fn the_digest_covers_all_of_the_input() {
    let tar = Tar::default().file("f", "").end();
    let prefix = oci::DiffId(oci::Digest::of(&tar));
    let with_more = [&tar[..], b"junk behind the end"].concat();
    let env = TestEnv::new();
    let error = env.layers.import(&mut &with_more[..], Some(prefix)).expect_err("another digest");
    assert!(error.to_string().contains("corrupt"), "{error}");
    let layer = env.layers.import(&mut &with_more[..], None).expect("a layer");
    assert_eq!(layer.0, oci::Digest::of(&with_more));
    assert_eq!(env.layers.import(&mut &tar[..], Some(prefix)).expect("a layer"), prefix);
}
