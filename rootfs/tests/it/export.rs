//! The merged tree of layers as a directory and as a tar, with the times that were asked for.

use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt, symlink as make_symlink};
use std::path::Path;
use std::sync::atomic::{AtomicU32, Ordering};

use rootfs::layers::{Clamp, Times};
use trees::entry::{Entry, Kind};

use crate::support::{TestEnv, at, file, put_dir, put_entry, put_file, symlink};

/// Makes two layers with entries of several kinds.
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
fn a_directory_has_everything_with_its_metadata() {
    let env = TestEnv::new();
    let dest = env.dir.path().join("deep/dest");
    env.layers.write_dir(&sample(&env), Times::Real, &dest, &|| Ok(())).expect("an export");
    assert_eq!(fs::read_to_string(dest.join("etc/same")).expect("a file"), "localhost");
    let inode = |path: &str| fs::metadata(dest.join(path)).expect("a file").ino();
    assert_eq!(inode("etc/same"), inode("etc/hosts"));
    assert_eq!((mode(&dest.join("bin")), mode(&dest.join("bin/sh"))), (0o755, 0o4755));
    assert_eq!(fs::read_link(dest.join("out")).expect("a link"), Path::new("/nowhere"));
    assert!(!dest.join("bin/gone").exists());
    let mtime = |path: &str| fs::metadata(dest.join(path)).expect("it is there").mtime();
    assert_eq!((mtime("bin"), mtime("bin/sh")), (1_700_000_000, 1_600_000_000));
    env.layers
        .write_dir(&sample(&env), Times::Clamped(Clamp(1_650_000_000)), &dest, &|| Ok(()))
        .expect("once more");
    assert_eq!((mtime("bin"), mtime("bin/sh")), (1_650_000_000, 1_600_000_000));
}

#[test]
fn symlinks_in_the_destination_are_not_followed() {
    let env = TestEnv::new();
    let (dest, outside) = (env.dir.path().join("dest"), env.dir.path().join("outside"));
    fs::create_dir_all(dest.join("bin/sh/was/a/directory")).expect("directories");
    fs::create_dir_all(&outside).expect("a directory");
    fs::write(outside.join("hosts"), "untouched").expect("a file");
    fs::write(dest.join("kept"), "x").expect("a file");
    fs::write(dest.join("fifo"), "x").expect("a file");
    make_symlink(&outside, dest.join("etc")).expect("a link");
    make_symlink(outside.join("hosts"), dest.join("out")).expect("a link");
    env.layers.write_dir(&sample(&env), Times::Store, &dest, &|| Ok(())).expect("an export");
    assert_eq!(fs::read_to_string(outside.join("hosts")).expect("a file"), "untouched");
    assert_eq!(fs::read_dir(&outside).expect("a directory").count(), 1);
    assert!(fs::symlink_metadata(dest.join("etc")).expect("it is there").is_dir());
    assert_eq!(fs::read_to_string(dest.join("bin/sh")).expect("a file"), "#!");
    assert!(dest.join("kept").exists(), "other files stay");
}

#[test]
fn a_symlink_of_the_image_is_not_followed() {
    let env = TestEnv::new();
    let outside = env.dir.path().join("outside");
    fs::create_dir_all(&outside).expect("a directory");
    let mut lower = env.diff(&[]);
    put_entry(&mut lower, "out", symlink(outside.to_str().expect("UTF-8")), "");
    let lower = env.layers.commit(lower).expect("a layer");
    let upper = crate::tar::Tar::default().file("out/x", "pwn").end();
    let upper = env.layers.import(&mut &upper[..], None).expect("a layer");
    let dest = env.dir.path().join("dest");
    env.layers.write_dir(&[lower], Times::Store, &dest, &|| Ok(())).expect("an export");
    env.layers.write_dir(&[lower, upper], Times::Store, &dest, &|| Ok(())).expect("an export");
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
        (Times::Store, [315_619_200, 1_700_000_000]),
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
}

#[test]
fn an_imported_layer_is_not_rewritten() {
    let env = TestEnv::new();
    let tar = crate::tar::Tar::default().file("pulled", "x").end();
    let pulled = env.layers.import(&mut &tar[..], None).expect("a layer");
    assert_eq!(env.layers.rewrite(&pulled, Times::Clamped(Clamp(0))).expect("itself"), pulled);
}

#[test]
fn a_directory_is_written_only_as_long_as_the_caller_wants_it() {
    let env = TestEnv::new();
    let dest = env.dir.path().join("out");
    let calls = AtomicU32::new(0);
    let stop = || {
        if calls.fetch_add(1, Ordering::Relaxed) >= 3 { Err(std::io::Error::other("enough")) } else { Ok(()) }
    };
    let error = env.layers.write_dir(&sample(&env), Times::Real, &dest, &stop).expect_err("stopped");
    let cause = std::error::Error::source(&error).map(ToString::to_string);
    assert_eq!((cause.as_deref(), calls.into_inner()), (Some("enough"), 4));
}
