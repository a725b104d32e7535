//! The merged tree as a directory and as a tar, and times.

use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt, symlink as make_symlink};
use std::path::Path;

use rootfs::entry::{Entry, Kind};
use rootfs::layers::{Clamp, Times};
use rootfs::tree::Tree;

use crate::support::{TestEnv, at, file, put_dir, put_entry, put_file, symlink};

fn sample(env: &TestEnv) -> Vec<oci::DiffId> {
    let mut base = env.diff(&[]);
    put_entry(&mut base, "bin", at(Entry::directory(0o755), 1_700_000_000), "");
    put_entry(&mut base, "bin/sh", at(Entry { mode: 0o4755, ..file(2) }, 1_600_000_000), "#!");
    put_file(&mut base, "bin/gone", "x");
    let base = env.layers.commit(base).expect("a base");
    let mut diff = env.diff(&[base]);
    diff.remove(Path::new("bin/gone")).expect("a removal");
    put_entry(&mut diff, "out", symlink("/nowhere"), "");
    put_entry(&mut diff, "fifo", Entry { kind: Kind::Fifo, ..file(0) }, "");
    put_dir(&mut diff, "etc");
    put_file(&mut diff, "etc/hosts", "localhost");
    diff.link(Path::new("etc/same"), Path::new("etc/hosts")).expect("a link");
    vec![base, env.layers.commit(diff).expect("a layer")]
}

fn mode(path: &Path) -> u32 {
    fs::symlink_metadata(path).expect("it is there").permissions().mode() & 0o7777
}

#[test]
fn a_directory_gets_all_of_it() {
    let env = TestEnv::new();
    let dest = env.dir.path().join("deep/dest");
    env.layers.write_dir(&sample(&env), Times::Real, &dest).expect("an export");
    assert_eq!(fs::read_to_string(dest.join("etc/same")).expect("a file"), "localhost");
    let inode = |path: &str| fs::metadata(dest.join(path)).expect("a file").ino();
    assert_eq!(inode("etc/same"), inode("etc/hosts"));
    assert_eq!((mode(&dest.join("bin")), mode(&dest.join("bin/sh"))), (0o755, 0o4755));
    assert_eq!(fs::read_link(dest.join("out")).expect("a link"), Path::new("/nowhere"));
    assert!(!dest.join("bin/gone").exists());
    let mtime = |path: &str| fs::metadata(dest.join(path)).expect("it is there").mtime();
    assert_eq!((mtime("bin"), mtime("bin/sh")), (1_700_000_000, 1_600_000_000));
    env.layers.write_dir(&sample(&env), Times::Clamped(Clamp(1_650_000_000)), &dest).expect("once more");
    assert_eq!((mtime("bin"), mtime("bin/sh")), (1_650_000_000, 1_600_000_000));
}

#[test]
fn links_in_the_destination_are_not_followed() {
    let env = TestEnv::new();
    let (dest, outside) = (env.dir.path().join("dest"), env.dir.path().join("outside"));
    fs::create_dir_all(dest.join("bin/sh/was/a/directory")).expect("directories");
    fs::create_dir_all(&outside).expect("a directory");
    fs::write(outside.join("hosts"), "untouched").expect("a file");
    fs::write(dest.join("kept"), "x").expect("a file");
    fs::write(dest.join("fifo"), "x").expect("a file");
    make_symlink(&outside, dest.join("etc")).expect("a link");
    make_symlink(outside.join("hosts"), dest.join("out")).expect("a link");
    env.layers.write_dir(&sample(&env), Times::Store, &dest).expect("an export");
    assert_eq!(fs::read_to_string(outside.join("hosts")).expect("a file"), "untouched");
    assert_eq!(fs::read_dir(&outside).expect("a directory").count(), 1);
    assert!(fs::symlink_metadata(dest.join("etc")).expect("it is there").is_dir());
    assert_eq!(fs::read_to_string(dest.join("bin/sh")).expect("a file"), "#!");
    assert!(dest.join("kept").exists(), "what the image does not have stays");
}

#[test]
fn a_link_of_the_image_is_not_followed() {
    let env = TestEnv::new();
    let outside = env.dir.path().join("outside");
    fs::create_dir_all(&outside).expect("a directory");
    let mut lower = env.diff(&[]);
    put_entry(&mut lower, "out", symlink(outside.to_str().expect("UTF-8")), "");
    let lower = env.layers.commit(lower).expect("a layer");
    let upper = crate::tar::Tar::default().file("out/x", "pwn").end();
    let upper = env.layers.import(&mut &upper[..], None).expect("a layer");
    let dest = env.dir.path().join("dest");
    env.layers.write_dir(&[lower], Times::Store, &dest).expect("an export");
    env.layers.write_dir(&[lower, upper], Times::Store, &dest).expect("an export");
    assert_eq!(fs::read_dir(&outside).expect("a directory").count(), 0);
    assert_eq!(fs::read_to_string(dest.join("out/x")).expect("a file"), "pwn");
}

#[test]
fn a_tar_keeps_the_times_of_base_layers() {
    let env = TestEnv::new();
    let pulled = crate::tar::Tar::default().pax('x', &[("mtime", b"1700000000")]).file("pulled", "x").end();
    let pulled = env.layers.import(&mut &pulled[..], None).expect("a layer");
    let mut diff = env.diff(&[pulled]);
    put_entry(&mut diff, "made", at(file(1), 1_700_000_000), "x");
    let made = env.layers.commit(diff).expect("a layer");
    for (times, expected) in [
        (Times::Store, [315_532_800, 1_700_000_000]),
        (Times::Clamped(Clamp(1_600_000_000)), [1_600_000_000, 1_700_000_000]),
        (Times::Real, [1_700_000_000, 1_700_000_000]),
    ] {
        let mut tar = Vec::new();
        env.layers.write_tar(&[pulled, made], times, &mut tar).expect("a tar");
        let mut archive = tar::Archive::new(&tar[..]);
        let mtimes = archive
            .entries()
            .expect("a tar")
            .map(|entry| entry.expect("an entry").header().mtime().expect("a time"));
        assert_eq!(mtimes.collect::<Vec<_>>(), expected, "{times:?}");
    }
    assert_eq!(env.layers.rewrite(&pulled, Times::Clamped(Clamp(0))).expect("itself"), pulled);
}

/// Byte code with the time of its source.
fn byte_code(mtime: u32) -> Vec<u8> {
    [b"\xa7\x0d\r\n\0\0\0\0", &mtime.to_le_bytes()[..], b"\x05\0\0\0", b"code"].concat()
}

fn put_bytes(diff: &mut rootfs::diff::Diff, path: &str, entry: Entry, content: &[u8]) {
    diff.put(Path::new(path), entry, Some(rootfs::diff::Content::Bytes(content.into()))).expect("a file");
}

#[test]
fn byte_code_fits_its_source() {
    const REAL: u32 = 1_700_000_000;
    let env = TestEnv::new();
    let mut diff = env.diff(&[]);
    put_dir(&mut diff, "__pycache__");
    let code = byte_code(REAL);
    let code_file = || at(file(code.len()), i64::from(REAL) + 1);
    for name in ["__pycache__/a.cpython-311.pyc", "a.pyc", "other.pyc", "alone.pyc"] {
        put_bytes(&mut diff, name, code_file(), &code);
    }
    put_entry(&mut diff, "a.py", at(file(5), i64::from(REAL)), "print");
    put_entry(&mut diff, "other.py", at(file(5), i64::from(REAL) - 7), "print");
    let layer = env.layers.commit(diff).expect("a layer");
    let in_tar = |layer: &oci::DiffId, name: &str| {
        let tar = env.tar(layer);
        let mut archive = tar::Archive::new(&tar[..]);
        let mut found = archive.entries().expect("a tar").map(|entry| entry.expect("an entry"));
        let mut entry =
            found.find(|entry| entry.path().expect("a path") == Path::new(name)).expect("the file");
        let mut content = Vec::new();
        std::io::Read::read_to_end(&mut entry, &mut content).expect("its content");
        content
    };
    let patched = |layer: &oci::DiffId, mtime: u32| {
        for name in ["__pycache__/a.cpython-311.pyc", "a.pyc"] {
            assert_eq!(in_tar(layer, name), byte_code(mtime), "{name}");
        }
        for name in ["other.pyc", "alone.pyc"] {
            assert_eq!(in_tar(layer, name), byte_code(REAL), "{name} has no such source");
        }
    };
    patched(&layer, 315_532_800);
    let rewrite = |times| env.layers.rewrite(&layer, times).expect("a layer");
    patched(&rewrite(Times::Clamped(Clamp(1_500_000_000))), 1_500_000_000);
    patched(&rewrite(Times::Real), REAL);
    let view = env.layers.view(&[layer]).expect("a view");
    assert_eq!(
        view.content(Path::new("a.pyc")).expect("a digest"),
        cache::Key::of(&code),
        "trees have the real one"
    );
    let mut read = Vec::new();
    std::io::Read::read_to_end(&mut view.open(Path::new("a.pyc")).expect("a file"), &mut read)
        .expect("its content");
    assert_eq!(read, code);
}

#[test]
fn a_damaged_index_is_made_anew() {
    let env = TestEnv::new();
    let layers = sample(&env);
    let expected = crate::support::flat(&*env.layers.view(&layers).expect("a view"));
    for layer in &layers {
        let index = env.store.layer_dir(layer).expect("a directory").join("index");
        let mut bytes = fs::read(&index).expect("an index");
        let middle = bytes.len() / 2;
        bytes[middle] ^= 1;
        fs::write(&index, bytes).expect("damage");
    }
    let view = env.reopened().view(&layers).expect("a view");
    assert_eq!(crate::support::flat(&*view), expected);
    for layer in &layers {
        let index = env.store.layer_dir(layer).expect("a directory").join("index");
        for bytes in [&b""[..], b"dsbuild index\0\0\x01", &[0; 200]] {
            fs::write(&index, bytes).expect("damage");
            env.reopened().view(&[*layer]).expect("a view").children(Path::new("")).expect("made anew");
        }
    }
}

/// A layer of several thousand entries, so that its index has several blocks.
fn large(env: &TestEnv, layers: &rootfs::layers::Layers, below: &[oci::DiffId]) -> oci::DiffId {
    let mut diff = env.diff(below);
    put_dir(&mut diff, "many");
    (0..30).for_each(|number| put_dir(&mut diff, &format!("many/{number}")));
    for number in 0..3000 {
        let path = format!("many/{}/{number}", number / 100);
        put_entry(&mut diff, &path, at(file(4), 1_700_000_000 + number), &format!("{number:04}"));
    }
    diff.link(Path::new("zlast"), Path::new("many/0/7")).expect("a link");
    diff.remove(Path::new("etc/hosts")).expect("a removal");
    layers.commit(diff).expect("a layer")
}

/// What was not on disk at a power cut is found when it is needed, and does not fail what needs it.
#[test]
fn a_torn_index_is_mended_when_that_is_found() {
    let env = TestEnv::new();
    let mut layers = sample(&env);
    layers.push(large(&env, &env.layers, &layers));
    let expected = crate::support::flat(&*env.layers.view(&layers).expect("a view"));
    let index = env.store.layer_dir(&layers[2]).expect("a directory").join("index");
    let good = fs::read(&index).expect("an index");
    let mut torn = good.clone();
    torn[good.len() / 2..].fill(0);
    fs::write(&index, &torn).expect("damage");

    let view = env.reopened().view(&layers).expect("a view");
    assert_eq!(crate::support::read(&*view, "many/0/7"), "0007");
    assert_eq!(fs::read(&index).expect("an index"), torn, "nobody has found it yet");
    assert_eq!(crate::support::read(&*view, "zlast"), "0007");
    assert_ne!(fs::read(&index).expect("an index"), torn);
    assert_eq!(crate::support::flat(&*view), expected);
    assert_eq!(crate::support::flat(&*env.reopened().view(&layers).expect("a view")), expected);

    // Who makes the same layer again knows the real times, and looks whether the index is whole.
    fs::write(&index, &torn).expect("damage");
    assert_eq!(large(&env, &env.reopened(), &layers[..2]), layers[2]);
    assert_eq!(fs::read(&index).expect("an index"), good);
}

#[test]
fn sources_that_change_are_noticed() {
    struct Source(&'static [u8]);
    impl Tree for Source {
        fn lookup(&self, _: &Path) -> std::io::Result<Option<Entry>> {
            Ok(None)
        }
        fn children(&self, _: &Path) -> std::io::Result<Vec<rootfs::tree::Child>> {
            Ok(Vec::new())
        }
        fn open(&self, _: &Path) -> std::io::Result<Box<dyn std::io::Read + Send>> {
            Ok(Box::new(self.0))
        }
        fn content(&self, _: &Path) -> std::io::Result<cache::Key> {
            Ok(cache::Key::of(self.0))
        }
    }
    let env = TestEnv::new();
    let commit = |content: &'static [u8], size: usize, digest: Option<&[u8]>| {
        let mut diff = env.diff(&[]);
        let digest = digest.map(cache::Key::of);
        let content = rootfs::diff::Content::Tree {
            tree: std::sync::Arc::new(Source(content)),
            path: "src".into(),
            digest,
        };
        diff.put(Path::new("f"), file(size), Some(content)).expect("a file");
        env.layers.commit(diff)
    };
    commit(b"same", 4, Some(b"same")).expect("unchanged");
    commit(b"same", 4, None).expect("unchanged");
    static LARGE: [u8; 300 << 10] = [7; 300 << 10];
    commit(&LARGE, LARGE.len(), Some(&LARGE)).expect("unchanged");
    for result in [
        commit(b"same", 4, Some(b"other")),
        commit(b"longer", 4, None),
        commit(b"longer", 10, None),
        commit(&LARGE, LARGE.len() - 1, None),
        commit(&LARGE, LARGE.len() + 1, None),
        commit(&LARGE, LARGE.len(), Some(b"other")),
    ] {
        let error = result.expect_err("it changed");
        assert!(matches!(error, rootfs::RootfsError::Changed { .. }), "{error}");
    }
}
