//! Layers that try to reach outside, to be read in two ways, or to cost too much.
//!
//! Each case is one of the attacks that unpackers of images have fallen for; the comments name the kind.

use crate::support::{TestEnv, flat};
use crate::tar::{Tar, raw, record};

/// The tar is refused, and nothing stays in the store.
#[track_caller]
fn refused(tar: Vec<u8>, reason: &str) {
    let env = TestEnv::new();
    let error = env.layers.import(&mut &tar[..], None).expect_err("the tar must be refused").to_string();
    assert!(error.contains(reason), "{error:?} does not tell {reason:?}");
    let blobs = env.store.root().join("blobs/sha256");
    assert_eq!(std::fs::read_dir(blobs).expect("blobs").count(), 0, "a refused layer left a blob");
}

/// The tar is taken, and shows this.
#[track_caller]
fn shows(tar: Vec<u8>, expected: &[(&str, &str)]) {
    let env = TestEnv::new();
    let layer = env.layers.import(&mut &tar[..], None).expect("the tar must be taken");
    let flat = flat(&*env.layers.view(&[layer]).expect("a view"));
    let flat: Vec<(&str, &str)> = flat.iter().map(|(path, shown)| (&path[..], &shown[..])).collect();
    assert_eq!(flat, expected);
}

/// On top of a base with `d/victim`, `victim` and `etc/passwd`, the tar leaves this.
#[track_caller]
fn leaves(tar: Vec<u8>, expected: &[&str]) {
    let env = TestEnv::new();
    let base =
        Tar::default().dir("d").file("d/victim", "v").dir("etc").file("etc/passwd", "p").file("victim", "v");
    let base = env.layers.import(&mut &base.end()[..], None).expect("a base");
    let layer = env.layers.import(&mut &tar[..], None).expect("the tar must be taken");
    let flat = flat(&*env.layers.view(&[base, layer]).expect("a view"));
    assert_eq!(flat.keys().collect::<Vec<_>>(), expected);
}

#[test]
fn names_that_climb() {
    for name in ["../../../../H/pwn", "a/../../../H/pwn", "./../H/pwn", "..", "a/../.."] {
        refused(Tar::default().file(name, "x").end(), "leads out of the root");
        refused(Tar::default().dir(name).end(), "leads out of the root");
        refused(Tar::default().symlink(name, "x").end(), "leads out of the root");
        refused(Tar::default().file("f", "x").hardlink("h", name).end(), "leads out of the root");
        refused(
            Tar::default().pax('x', &[("path", name.as_bytes())]).file("f", "").end(),
            "leads out of the root",
        );
    }
}

#[test]
fn absolute_names_are_inside() {
    shows(Tar::default().file("/H/pwn", "x").end(), &[("H", "dir 755"), ("H/pwn", "file 644 x")]);
    shows(Tar::default().file("//H//./pwn", "x").end(), &[("H", "dir 755"), ("H/pwn", "file 644 x")]);
}

#[test]
fn links_on_the_way_lead_inside() {
    // The layer's own links are followed as its unpacked tree would have them, from its root.
    let through = |entry: Tar| entry.end();
    let linked = Tar::default().symlink("d", "/H");
    shows(
        through(linked.clone().file("d/pwn", "x")),
        &[("H", "dir 755"), ("H/pwn", "file 644 x"), ("d", "link /H")],
    );
    shows(
        through(Tar::default().symlink("d", "../../../H").dir("d/sub")),
        &[("H", "dir 755"), ("H/sub", "dir 755"), ("d", "link ../../../H")],
    );
    shows(
        through(linked.clone().add(raw('6', "d/fifo"))),
        &[("H", "dir 755"), ("H/fifo", "Fifo"), ("d", "link /H")],
    );
    refused(through(Tar::default().symlink("a", "b").symlink("b", "a").file("a/f", "")), "too many symlinks");
    refused(through(Tar::default().file("f", "").file("f/below", "")), "not a directory");
}

#[test]
fn links_of_lower_layers_are_not_followed() {
    let env = TestEnv::new();
    let base = env
        .layers
        .import(&mut &Tar::default().symlink("d", "/etc").dir("etc").end()[..], None)
        .expect("a base");
    let top = env.layers.import(&mut &Tar::default().file("d/x", "x").end()[..], None).expect("a layer");
    let flat = flat(&*env.layers.view(&[base, top]).expect("a view"));
    assert_eq!(flat.keys().collect::<Vec<_>>(), ["d", "d/x", "etc"], "a directory replaces the link");
}

#[test]
fn a_directory_over_a_link_replaces_it() {
    let tar = Tar::default().symlink("foo", "/H/dir").dir("foo").file("foo/x", "");
    shows(tar.end(), &[("foo", "dir 755"), ("foo/x", "file 644 ")]);
    let tar = Tar::default().symlink("foo", "/H/dir").dir("foo/.");
    shows(tar.end(), &[("foo", "dir 755")]);
}

#[test]
fn hard_links_stay_inside() {
    let missing = "which the layer does not have";
    refused(Tar::default().hardlink("x", "/H/secret").end(), missing);
    refused(Tar::default().hardlink("x", "secret").end(), missing);
    refused(Tar::default().symlink("l", "/H").hardlink("x", "l/secret").end(), missing);
    refused(Tar::default().hardlink("door/x", "v").symlink("door", "/H").end(), missing);
    refused(Tar::default().hardlink("x", "x").end(), "which it replaces");
    refused(Tar::default().file("x", "").hardlink("x", "x").end(), "which it replaces");
    refused(Tar::default().dir("x").file("x/y", "").hardlink("x", "x/y").end(), "which it replaces");
    refused(Tar::default().dir("x").hardlink("y", "x").end(), "a directory");
    refused(Tar::default().dir("x").hardlink("y", "/").end(), "the root");
}

#[test]
fn a_hard_link_to_a_link_is_never_written_through() {
    let tar = Tar::default().symlink("l", "/H/f").hardlink("m", "l").file("m", "x");
    shows(tar.end(), &[("l", "link /H/f"), ("m", "file 644 x")]);
    let tar = Tar::default().symlink("l", "/H/f").hardlink("m", "l");
    shows(tar.end(), &[("l", "link /H/f"), ("m", "link /H/f")]);
}

#[test]
fn a_file_keeps_its_content_under_its_other_name() {
    let tar = Tar::default().file("a", "one").hardlink("b", "a").file("a", "two").hardlink("c", "b");
    shows(tar.end(), &[("a", "file 644 two"), ("b", "file 644 one"), ("c", "file 644 one")]);
}

#[test]
fn whiteouts_through_links_stay_inside() {
    let victims = ["d", "d/victim", "etc", "etc/passwd", "victim"];
    leaves(
        Tar::default().symlink("l", "/etc").file("l/.wh.passwd", "").end(),
        &["d", "d/victim", "etc", "l", "victim"],
    );
    leaves(
        Tar::default().symlink("l", "/etc").file("l/.wh..wh..opq", "").end(),
        &["d", "d/victim", "etc", "l", "victim"],
    );
    leaves(
        Tar::default().symlink("l", "/d/..").file("l/.wh.nothing", "").end(),
        &["d", "d/victim", "etc", "etc/passwd", "l", "victim"],
    );
    leaves(Tar::default().end(), &victims);
}

#[test]
fn whiteouts_of_no_name() {
    for name in [".wh.", ".wh..", ".wh...", "d/.wh.", "d/.wh..", "d/.wh..."] {
        refused(Tar::default().file(name, "").end(), "a whiteout without a name");
        for typeflag in ['2', '5', '6'] {
            refused(Tar::default().add(raw(typeflag, name).link("x")).end(), "not a regular file");
        }
        refused(Tar::default().file("f", "").hardlink(name, "f").end(), "not a regular file");
    }
    refused(Tar::default().file(".wh.a/b", "").end(), "below a whiteout");
    refused(Tar::default().dir(".wh.d").end(), "not a regular file");
    refused(Tar::default().symlink("d/.wh..wh..opq", "x").end(), "not a regular file");
}

#[test]
fn what_aufs_left_is_ignored() {
    let victims = ["d", "d/victim", "etc", "etc/passwd", "victim"];
    let tar = Tar::default().dir(".wh..wh.plnk").file(".wh..wh.plnk/12.34", "x").file(".wh..wh.aufs", "");
    leaves(tar.end(), &victims);
}

#[test]
fn whiteouts_hide_lower_layers_only() {
    let here = Tar::default().file("victim", "new").file(".wh.victim", "");
    leaves(here.end(), &["d", "d/victim", "etc", "etc/passwd", "victim"]);
    let here = Tar::default().file(".wh.d", "").file("d/new", "");
    leaves(here.end(), &["d", "d/new", "etc", "etc/passwd", "victim"]);
    let here = Tar::default().file("d/new", "").file("d/.wh..wh..opq", "");
    leaves(here.end(), &["d", "d/new", "etc", "etc/passwd", "victim"]);
    let gone = Tar::default().dir("d").file("d/.wh.victim", "").file("d", "a file").dir("d");
    leaves(gone.end(), &["d", "d/victim", "etc", "etc/passwd", "victim"]);
    leaves(Tar::default().file(".wh..wh..opq", "").file("only", "").end(), &["only"]);
}

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
    let entry = view.lookup("d".as_ref()).expect("a look-up").expect("a directory");
    assert_eq!(entry.xattrs.keys().collect::<Vec<_>>(), [b"user.kept"]);
}

#[test]
fn devices() {
    refused(Tar::default().add(raw('3', "etc/passwd").device(0, 0)).end(), "device 0:0");
    refused(Tar::default().add(raw('3', "x").device(4096, 0)).end(), "out of range");
    refused(Tar::default().add(raw('4', "x").device(1, 1 << 20)).end(), "out of range");
    refused(Tar::default().add(raw('4', "x").device(1 << 32 | 8, 0)).end(), "out of range");
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
fn lengths_said_twice() {
    let inner = Tar::default().file("inner", "smuggled").0;
    // The record counts, whatever the header says: Go and GNU tar agree.
    let sized = |header: &str| {
        let length = inner.len().to_string();
        Tar::default()
            .pax('x', &[("size", length.as_bytes())])
            .add(raw('0', "f").size(header).data(&inner))
            .end()
    };
    for header in ["00000000000", "00000001000"] {
        let env = TestEnv::new();
        let layer = env.layers.import(&mut &sized(header)[..], None).expect("a layer");
        let view = env.layers.view(&[layer]).expect("a view");
        assert_eq!(view.children("".as_ref()).expect("children").len(), 1, "{header}");
    }
    let twice: [(&str, &[u8]); 2] = [("size", b"512"), ("size", b"3")];
    shows(Tar::default().pax('x', &twice).file("f", "abc").end(), &[("f", "file 644 abc")]);
    for size in ["-1", "0x10", "99999999999999999999", "1 "] {
        refused(
            Tar::default().pax('x', &[("size", size.as_bytes())]).file("f", "").end(),
            "size is not a number",
        );
    }
    refused(Tar::default().add(raw('0', "f").size([0xff; 12])).end(), "negative");
    refused(Tar::default().add(raw('0', "f").size("0000000000x")).end(), "length is not a number");
    refused(Tar::default().add(raw('5', "d").size("00000001000")).end(), "only a regular file");
    refused(Tar::default().add(raw('2', "l").link("x").size("00000001000")).end(), "only a regular file");
    let base_256 = [&[0x80][..], &[0; 10], &[3]].concat();
    shows(Tar::default().add(raw('0', "f").size(base_256).data("abc")).end(), &[("f", "file 644 abc")]);
    // Nothing follows a hard link, whatever length it has: all agree.
    let tar = Tar::default().file("f", "abc").add(raw('1', "h").link("f").size("00000000003")).file("g", "");
    shows(tar.end(), &[("f", "file 644 abc"), ("g", "file 644 "), ("h", "file 644 abc")]);
}

#[test]
fn names_said_twice() {
    let pax = |tar: Tar| tar.pax('x', &[("path", b"from-pax")]);
    refused(pax(Tar::default()).long('L', "from-gnu").file("f", "").end(), "both in GNU's form");
    refused(pax(Tar::default().long('L', "from-gnu")).file("f", "").end(), "both in GNU's form");
    refused(Tar::default().long('L', "a").long('L', "b").file("f", "").end(), "two extended headers");
    refused(pax(pax(Tar::default())).file("f", "").end(), "two extended headers");
    refused(pax(Tar::default()).end(), "without an entry behind it");
    refused(Tar::default().pax('x', &[("path", b"a\0b")]).file("f", "").end(), "malformed PAX");
    shows(
        Tar::default().pax('x', &[("size", b"3")]).long('L', "long").add(raw('0', "f").data("abc")).end(),
        &[("long", "file 644 abc")],
    );
}

#[test]
fn malformed_records() {
    for body in
        ["x", "5 a=b", "6 a=b\n", "0 a=b\n", "-6 a=b\n", "6 ab\n\n", "5 =b\n", "99 a=b\n", "6 a=b\n\0"]
    {
        let tar = Tar::default().add(raw('x', "p").data(body)).file("f", "").end();
        match body {
            "6 a=b\n" => shows(tar, &[("f", "file 644 ")]),
            _ => refused(tar, "malformed PAX"),
        }
    }
}

#[test]
fn global_headers() {
    shows(
        Tar::default().pax('g', &[("comment", b"0123456789abcdef")]).file("f", "").end(),
        &[("f", "file 644 ")],
    );
    for keyword in ["path", "linkpath", "size", "uid", "GNU.sparse.major", "SCHILY.xattr.user.x"] {
        refused(Tar::default().pax('g', &[(keyword, b"1")]).file("f", "").end(), "global header");
    }
}

#[test]
fn broken_tars() {
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

#[test]
fn the_digest_is_over_all_of_the_input() {
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

#[test]
fn owners_that_mean_something_else() {
    let all_ones = [0x80, 0, 0, 0, 0xff, 0xff, 0xff, 0xff];
    refused(Tar::default().add(raw('0', "x").uid(all_ones)).end(), "out of range");
    refused(Tar::default().add(raw('0', "x").uid([0xff; 8])).end(), "out of range");
    refused(Tar::default().pax('x', &[("uid", b"4294967295")]).file("x", "").end(), "out of range");
    refused(Tar::default().pax('x', &[("gid", b"99999999999")]).file("x", "").end(), "out of range");
    shows(Tar::default().pax('x', &[("uid", b"4294967294")]).file("x", "").end(), &[("x", "file 644 ")]);
}

#[test]
fn the_last_of_a_name_wins() {
    type Add = fn(Tar) -> Tar;
    let kinds: [(Add, &str); 5] = [
        (|tar| tar.file("p", "x"), "file 644 x"),
        (|tar| tar.dir("p"), "dir 755"),
        (|tar| tar.symlink("p", "q"), "link q"),
        (|tar| tar.add(raw('6', "p")), "Fifo"),
        (|tar| tar.file("q", "y").hardlink("p", "q"), "file 644 y"),
    ];
    for (first, _) in kinds {
        for (second, shown) in kinds {
            let env = TestEnv::new();
            let import = |tar: Tar| env.layers.import(&mut &tar.end()[..], None).expect("a layer");
            let one = import(second(first(Tar::default())));
            let (lower, upper) = (import(first(Tar::default())), import(second(Tar::default())));
            for layers in [&[one][..], &[lower, upper]] {
                assert_eq!(flat(&*env.layers.view(layers).expect("a view"))["p"], shown);
            }
        }
    }
}

#[test]
fn what_was_below_goes_with_its_directory() {
    let tar = Tar::default().dir("d").file("d/x", "").dir("d/e").file("d/e/y", "").file("d", "now a file");
    shows(tar.clone().end(), &[("d", "file 644 now a file")]);
    shows(tar.dir("d").file("d/z", "").end(), &[("d", "dir 755"), ("d/z", "file 644 ")]);
}

#[test]
fn costs_have_limits() {
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
fn many_changes_of_one_name_are_no_quadratic_work() {
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
fn sparse_maps_that_lie() {
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
    assert_eq!(record("a", b"b"), b"6 a=b\n");
}
