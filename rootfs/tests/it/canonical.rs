//! Tars that the store makes: always the same bytes, and readable by other programs.

use std::path::Path;

use rootfs::layers::{Clamp, Times};
use trees::entry::{Entry, Kind};

use crate::support::{TestEnv, at, file, flat, put_dir, put_entry, put_file, symlink};

/// Makes a layer with each kind of entry, on top of a base with entries to hide.
fn sample(env: &TestEnv) -> oci::DiffId {
    let mut base = env.diff(&[]);
    put_dir(&mut base, "etc");
    put_dir(&mut base, "var");
    put_dir(&mut base, "var/cache");
    put_file(&mut base, "etc/old", "x");
    put_file(&mut base, "var/cache/a", "x");
    let base = env.layers.commit(base).expect("a base");
    let mut diff = env.diff(&[base]);
    put_entry(&mut diff, "etc/hello", at(file(6), 1_700_000_000), "hello\n");
    put_entry(&mut diff, "etc/early", at(file(3), 1000), "old");
    diff.link(Path::new("etc/hello-2"), Path::new("etc/hello")).expect("a link");
    diff.remove(Path::new("etc/old")).expect("a removal");
    put_entry(&mut diff, "bin", symlink("usr/bin"), "");
    diff.remove(Path::new("var/cache")).expect("a removal");
    put_dir(&mut diff, "var/cache");
    put_file(&mut diff, "var/cache/b", "new");
    put_entry(&mut diff, "fifo", Entry { kind: Kind::Fifo, ..file(0) }, "");
    put_entry(&mut diff, "null", Entry { kind: Kind::CharDevice { major: 1, minor: 3 }, ..file(0) }, "");
    put_dir(&mut diff, "long");
    put_entry(&mut diff, &format!("long/{}", "n".repeat(120)), file(0), "");
    let mut with_xattr = file(0);
    with_xattr.xattrs.insert(b"user.b".to_vec(), b"2".to_vec());
    with_xattr.xattrs.insert(b"user.a".to_vec(), b"\0\n".to_vec());
    (with_xattr.uid, with_xattr.gid) = (4_000_000, 5);
    put_entry(&mut diff, "größe", with_xattr, "");
    env.layers.commit(diff).expect("a layer")
}

#[test]
fn the_format_does_not_drift() {
    let env = TestEnv::new();
    let layer = sample(&env);
    assert_eq!(layer.to_string(), "sha256:09322a7a6f939117818608440cee59ef785279158ab236392dd1ff8a3f77c9a2");
    assert_eq!(env.tar(&layer).len(), 12_288);
    assert_eq!(layer, sample(&TestEnv::new()), "the same on another store");
}

const LISTING: &str = "\
lrwxrwxrwx  0/0               0 1970-01-01 00:00:00 bin -> usr/bin
drwxr-xr-x  0/0               0 1970-01-01 00:00:00 etc/
-rw-r--r--  0/0               3 1970-01-01 00:16:40 etc/early
-rw-r--r--  0/0               6 1980-01-02 00:00:00 etc/hello
hrw-r--r--  0/0               0 1980-01-02 00:00:00 etc/hello-2 link to etc/hello
----------  0/0               0 1970-01-01 00:00:00 etc/.wh.old
prw-r--r--  0/0               0 1970-01-01 00:00:00 fifo
-rw-r--r--* 4000000/5         0 1970-01-01 00:00:00 größe
  x: 2 user.a
  x: 1 user.b
drwxr-xr-x  0/0               0 1970-01-01 00:00:00 long/
-rw-r--r--  0/0               0 1970-01-01 00:00:00 long/NNN
crw-r--r--  0/0             1,3 1970-01-01 00:00:00 null
drwxr-xr-x  0/0               0 1970-01-01 00:00:00 var/
drwxr-xr-x  0/0               0 1970-01-01 00:00:00 var/cache/
----------  0/0               0 1970-01-01 00:00:00 var/cache/.wh..wh..opq
-rw-r--r--  0/0               3 1970-01-01 00:00:00 var/cache/b
";

#[test]
fn gnu_tar_lists_every_entry() {
    let env = TestEnv::new();
    let tar = env.store.blob_path(&sample(&env).0);
    let listed = std::process::Command::new("tar")
        .env_clear()
        .envs([("PATH", "/usr/bin:/bin"), ("TZ", "UTC"), ("LC_ALL", "C.UTF-8")])
        .args(["--numeric-owner", "--full-time", "--xattrs", "--xattrs-include=*", "-tvvf"])
        .arg(tar)
        .output();
    let Ok(listed) = listed else {
        println!("SKIP no tar program");
        return;
    };
    let listing = String::from_utf8_lossy(&listed.stdout).replace(&"n".repeat(120), "NNN");
    assert_eq!(listing, LISTING, "{}", String::from_utf8_lossy(&listed.stderr));
}

#[test]
fn the_view_shows_the_entries_with_their_real_times() {
    let env = TestEnv::new();
    let layer = sample(&env);
    for layers in [&env.layers, &env.reopened()] {
        let view = layers.view(&[layer]).expect("a view");
        let flat = flat(&*view);
        assert_eq!(flat["etc/hello-2"], "file 644 hello\n");
        assert_eq!(flat["bin"], "link usr/bin");
        assert!(!flat.contains_key("etc/old"));
        let group = |path: &str| view.link_group(Path::new(path)).expect("a file");
        assert_eq!(group("etc/hello"), group("etc/hello-2"));
        assert!(group("etc/hello").is_some() && group("etc/early").is_none());
        let hello = view.lookup(Path::new("etc/hello")).expect("a lookup").expect("a file");
        assert_eq!(hello, at(file(6), 1_700_000_000), "the real time");
    }
}

#[test]
fn a_layer_with_other_times_is_written_once() {
    let env = TestEnv::new();
    let layer = sample(&env);
    let rewrite = |times| env.layers.rewrite(&layer, times).expect("a rewritten layer");
    assert_eq!(rewrite(Times::Store), layer);
    assert_eq!(rewrite(Times::Clamped(Clamp::STORE)), layer);
    let real = rewrite(Times::Real);
    assert_ne!(real, layer);
    assert_eq!(rewrite(Times::Clamped(Clamp(1_700_000_000))), real);
    assert_eq!(env.reopened().rewrite(&layer, Times::Real).expect("recorded"), real);
    assert_eq!(env.layers.rewrite(&real, Times::Store).expect("itself"), real);
}

/// A pulled layer is not rewritten. If the store makes the very same layer, it knows the real times from then on.
#[test]
fn a_layer_that_is_made_after_it_was_pulled_has_its_real_times() {
    let (maker, env) = (TestEnv::new(), TestEnv::new());
    let layer = sample(&maker);
    let real = maker.layers.rewrite(&layer, Times::Real).expect("a rewritten layer");
    let mut tar = maker.store.open_blob(&layer.0).expect("its tar");
    assert_eq!(env.layers.import(&mut tar, Some(layer)).expect("a layer"), layer);
    assert_eq!(env.layers.rewrite(&layer, Times::Real).expect("itself"), layer);
    assert_eq!(sample(&env), layer);
    assert_eq!(env.layers.rewrite(&layer, Times::Real).expect("a rewritten layer"), real);
}
