//! Layers as other programs make them: all of them are accepted.

use std::path::Path;
use std::process::Command;

use trees::tree::Tree;

use crate::support::{TestEnv, flat};
use crate::tar::{Tar, raw};

#[track_caller]
fn imported(env: &TestEnv, tar: &[u8]) -> oci::DiffId {
    env.layers.import(&mut &tar[..], None).unwrap_or_else(|error| panic!("refused: {error}"))
}

#[track_caller]
fn check(tar: Vec<u8>, expected: &[(&str, &str)]) {
    let env = TestEnv::new();
    let layer = imported(&env, &tar);
    let flat = flat(&*env.layers.view(&[layer]).expect("a view"));
    let flat: Vec<(&str, &str)> = flat.iter().map(|(path, shown)| (&path[..], &shown[..])).collect();
    assert_eq!(flat, expected);
    assert_eq!(env.tar(&layer), tar, "kept as it is");
}

#[test]
fn a_symlink_can_have_any_target() {
    let far = "../../../../../../../../../../etc/pki/java/cacerts";
    check(Tar::default().symlink("a", far).end(), &[("a", &format!("link {far}"))]);
    check(Tar::default().symlink("a", "/proc/self/mounts").end(), &[("a", "link /proc/self/mounts")]);
}

#[test]
fn a_symlink_and_its_target_can_be_in_any_order() {
    let tar = Tar::default().symlink("bin/sh", "dash").file("bin/dash", "#!");
    let shown = [("bin", "dir 755"), ("bin/dash", "file 644 #!"), ("bin/sh", "link dash")];
    check(tar.end(), &shown);
    check(Tar::default().file("bin/dash", "#!").symlink("bin/sh", "dash").end(), &shown);
}

#[test]
fn an_absolute_symlink_in_a_path_is_followed_inside_the_layer() {
    let tar = Tar::default()
        .dir("run")
        .symlink("var/run", "/run")
        .file("var/run/pid", "1")
        .hardlink("pid", "var/run/pid");
    check(
        tar.end(),
        &[
            ("pid", "file 644 1"),
            ("run", "dir 755"),
            ("run/pid", "file 644 1"),
            ("var", "dir 755"),
            ("var/run", "link /run"),
        ],
    );
}

#[test]
fn a_directory_can_become_a_symlink_in_an_upper_layer() {
    let env = TestEnv::new();
    let base = imported(&env, &Tar::default().dir("bin").file("bin/old", "").end());
    let merged = Tar::default().symlink("bin", "usr/bin").dir("usr/bin").file("usr/bin/old", "");
    let merged = imported(&env, &merged.end());
    let flat_of = |layers: &[oci::DiffId]| flat(&*env.layers.view(layers).expect("a view"));
    assert_eq!(
        flat_of(&[base, merged]).into_keys().collect::<Vec<_>>(),
        ["bin", "usr", "usr/bin", "usr/bin/old"]
    );
    let added = imported(&env, &Tar::default().file("usr/bin/foo", "").end());
    assert_eq!(flat_of(&[base, merged, added])["bin"], "link usr/bin");
}

#[test]
fn unusual_names_and_owners_are_kept() {
    let longest = "n".repeat(255);
    let tar = Tar::default()
        .pax('x', &[("path", longest.as_bytes()), ("uid", b"65534")])
        .file("f", "")
        .long('L', &format!("{}/x", "d".repeat(150)))
        .file("f", "")
        .file(" leading", "")
        .file("-dash", "")
        .file("new\nline", "")
        .file("a:b,c\"", "")
        .file("trailing ", "");
    let env = TestEnv::new();
    let layer = imported(&env, &tar.end());
    let view = env.layers.view(&[layer]).expect("a view");
    assert_eq!(flat(&*view).len(), 8);
    let entry = view.lookup(Path::new(&longest)).expect("a lookup").expect("a file");
    assert_eq!(entry.uid, 65534);
}

#[test]
fn names_that_are_not_utf_8_are_kept() {
    use std::os::unix::ffi::OsStrExt;
    let env = TestEnv::new();
    let tar = Tar::default().file(b"\xff\xfe", "1").pax('x', &[("path", b"\xfd")]).file("f", "2").end();
    let layer = imported(&env, &tar);
    let view = env.layers.view(&[layer]).expect("a view");
    let names = view.children(Path::new("")).expect("children");
    let names: Vec<&[u8]> = names.iter().map(|child| child.name.as_bytes()).collect();
    assert_eq!(names, [&b"\xfd"[..], b"\xff\xfe"]);
}

#[test]
fn headers_of_old_formats_are_read() {
    let v7 = |entry: crate::tar::Raw| entry.magic(b"").patch(329, [0; 16]);
    let mut dir = v7(raw('0', "d/"));
    dir.typeflag = 0;
    let tar =
        Tar::default().add(dir).add(v7(raw('0', "d/f").data("x"))).add(raw('7', "contiguous").data("y"));
    check(tar.end(), &[("contiguous", "file 644 y"), ("d", "dir 644"), ("d/f", "file 644 x")]);
    let prefixed = raw('0', "name").patch(345, "some/prefix");
    check(
        Tar::default().add(prefixed).end(),
        &[("some", "dir 755"), ("some/prefix", "dir 755"), ("some/prefix/name", "file 644 ")],
    );
    // GNU keeps times in the field where POSIX has the prefix.
    let gnu = raw('0', "name").magic(b"ustar  \0").patch(345, "14000000000");
    check(Tar::default().add(gnu).end(), &[("name", "file 644 ")]);
}

#[test]
fn empty_tars_and_tars_without_an_end_are_accepted() {
    check(Vec::new(), &[]);
    check(vec![0; 1024], &[]);
    check(vec![0; 10240], &[]);
    check(vec![0; 512], &[]);
    check(Tar::default().file("f", "x").0, &[("f", "file 644 x")]);
    check(Tar::default().dir("./").file("./f", "x").end(), &[("f", "file 644 x")]);
}

#[test]
fn the_topmost_layer_that_describes_the_root_counts() {
    let env = TestEnv::new();
    let mut root = raw('5', "./");
    root.uid = b"0001750".to_vec();
    let base = imported(&env, &Tar::default().add(root).end());
    let top = imported(&env, &Tar::default().file("f", "").end());
    let owner_and_mode = |layers: &[oci::DiffId]| {
        env.layers
            .view(layers)
            .expect("a view")
            .lookup(Path::new(""))
            .expect("a lookup")
            .map(|root| (root.uid, root.mode))
    };
    assert_eq!(owner_and_mode(&[base, top]), Some((1000, 0o755)));
    assert_eq!(owner_and_mode(&[top]), Some((0, 0o755)));
}

#[test]
fn times_with_fractions_and_before_1970_are_kept() {
    let env = TestEnv::new();
    let mut early = raw('0', "early");
    early.mtime = vec![0xff; 12];
    let mut tar = Tar::default().add(early);
    for (name, time) in [("exact", "1700000000.123456789"), ("before", "-1.5"), ("long", "5.0000000009")] {
        tar = tar.pax('x', &[("mtime", time.as_bytes())]).file(name, "");
    }
    let layer = imported(&env, &tar.end());
    let view = env.layers.view(&[layer]).expect("a view");
    let time = |name: &str| {
        let entry = view.lookup(Path::new(name)).expect("a lookup").expect("a file");
        (entry.mtime.seconds, entry.mtime.nanoseconds)
    };
    assert_eq!(time("early"), (-1, 0));
    assert_eq!(time("exact"), (1_700_000_000, 123_456_789));
    assert_eq!(time("before"), (-2, 500_000_000));
    assert_eq!(time("long"), (5, 0));
}

#[test]
fn gnu_tars_of_all_formats_are_read() {
    let env = TestEnv::new();
    let source = env.dir.path().join("source");
    let name = "n".repeat(120);
    std::fs::create_dir_all(source.join("dir/sub")).expect("a directory");
    std::fs::write(source.join("dir/file"), "content").expect("a file");
    std::fs::write(source.join("dir").join(&name), "long").expect("a file");
    std::fs::hard_link(source.join("dir/file"), source.join("dir/sub/hard")).expect("a link");
    std::os::unix::fs::symlink(format!("{name}/{name}"), source.join("soft")).expect("a link");
    make_sparse(&source.join("sparse"));
    let variants: [&[&str]; 6] = [
        &["--format=gnu"],
        &["--format=posix"],
        &["--format=gnu", "--sparse"],
        &["--format=posix", "--sparse", "--sparse-version=0.0"],
        &["--format=posix", "--sparse", "--sparse-version=0.1"],
        &["--format=posix", "--sparse", "--sparse-version=1.0"],
    ];
    for options in variants {
        let packed = Command::new("tar").args(options).arg("-C").arg(&source).args(["-c", "."]).output();
        let Ok(packed) = packed else {
            println!("SKIP no tar program");
            return;
        };
        let layer = imported(&env, &packed.stdout);
        let view = env.layers.view(&[layer]).expect("a view");
        assert_same(&*view, &source, &name, options);
    }
}

fn make_sparse(path: &Path) {
    use std::os::unix::fs::FileExt;
    let file = std::fs::File::create(path).expect("a file");
    file.set_len(3 << 20).expect("a hole");
    for at in [0, 1 << 20, (2 << 20) + 5] {
        file.write_all_at(b"data", at).expect("data");
    }
}

fn assert_same(view: &dyn Tree, source: &Path, name: &str, options: &[&str]) {
    for path in ["dir/file", "dir/sub/hard", &format!("dir/{name}"), "sparse"] {
        let expected = std::fs::read(source.join(path)).expect("the source");
        let mut found = Vec::new();
        std::io::Read::read_to_end(&mut view.open(Path::new(path)).expect("a file"), &mut found)
            .expect("its bytes");
        assert!(found == expected, "{path} with {options:?}");
        assert_eq!(view.content(Path::new(path)).expect("a digest"), cache::ContentDigest::of(&expected));
    }
    let group = |path: &str| view.link_group(Path::new(path)).expect("a file");
    assert!(group("dir/file").is_some());
    assert_eq!(group("dir/file"), group("dir/sub/hard"));
    let soft = view.lookup(Path::new("soft")).expect("a lookup").expect("a link");
    assert_eq!(soft.kind, trees::entry::Kind::Symlink { target: format!("{name}/{name}").into() });
}
