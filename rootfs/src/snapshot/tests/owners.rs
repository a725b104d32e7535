//! Owners that a user namespace lacks: these tests run once more in a namespace of 65,536 IDs (`user_namespaces`).

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use oci::DiffId;

use super::{Env, base, stub};
use trees::entry::{Entry, Kind};

const BIG: u32 = 2_000_000;

/// Returns a store with the layer of `base`, and files and a directory of a user outside of every map.
fn env() -> Option<(Env, Vec<DiffId>)> {
    let env = Env::new()?;
    let big = |kind: Kind, mode| Entry { kind, uid: BIG, gid: BIG + 1, ..Entry::directory(mode) };
    let file = |mode| big(Kind::File { size_bytes: 2 }, mode);
    let tree = base()
        .put("d", big(Kind::Directory { opaque: false }, 0o755), b"")
        .put("d/f", file(0o644), b"hi")
        .put("d/g", file(0o4755), b"ho")
        .put("d/link", big(Kind::Symlink { target: "f".into() }, 0o777), b"");
    let layer = env.layer(&tree);
    Some((env, vec![layer]))
}

#[track_caller]
fn check_owner(env: &Env, layers: &[DiffId], path: &str, expected: (u32, u32)) {
    let entry = env.layers.view(layers).unwrap().lookup(Path::new(path)).unwrap().unwrap();
    assert_eq!((entry.uid, entry.gid), expected, "{path}");
}

fn chmod(path: &Path, mode: u32) {
    fs::set_permissions(path, PermissionsExt::from_mode(mode)).unwrap();
}

#[test]
fn privileged_a_file_that_is_only_copied_up_keeps_an_owner_outside_of_the_map() {
    let Some((env, layers)) = env() else { return };
    let mut layers = env.run(&layers, &[stub("none", true)], |root| {
        chmod(&root.join("d/f"), 0o755);
        fs::rename(root.join("d/link"), root.join("d/renamed")).unwrap();
        let file = fs::OpenOptions::new().append(true).open(root.join("d/g"));
        std::io::Write::write_all(&mut file.unwrap(), b"!").unwrap();
    });
    for path in ["d", "d/f", "d/g", "d/renamed"] {
        check_owner(&env, &layers[1..], path, (BIG, BIG + 1));
    }
    // The tree of that layer lacks the owner in turn.
    layers = env.run(&layers, &[stub("none", true)], |root| chmod(&root.join("d/f"), 0o700));
    check_owner(&env, &layers[2..], "d/f", (BIG, BIG + 1));
}

#[test]
fn privileged_a_new_file_belongs_to_the_process_that_makes_it() {
    let Some((env, layers)) = env() else { return };
    let layers = env.run(&layers, &[stub("none", true)], |root| {
        fs::write(root.join("d/new"), "x").unwrap();
        fs::remove_file(root.join("d/f")).unwrap();
        fs::write(root.join("d/f"), "another").unwrap();
        fs::rename(root.join("opt/tool"), root.join("opt/renamed")).unwrap();
    });
    for path in ["d/new", "d/f", "opt/renamed"] {
        check_owner(&env, &layers, path, (0, 0));
    }
}

#[test]
fn privileged_the_owner_follows_a_file_that_is_moved_and_written() {
    let Some((env, layers)) = env() else { return };
    let layers = env.run(&layers, &[stub("none", true)], |root| {
        fs::rename(root.join("d/f"), root.join("elsewhere")).unwrap();
        fs::write(root.join("elsewhere"), "longer than before").unwrap();
        std::os::unix::fs::chown(root.join("d/g"), Some(7), Some(8)).unwrap();
    });
    check_owner(&env, &layers, "elsewhere", (BIG, BIG + 1));
    check_owner(&env, &layers, "d/g", (7, 8));
    let moved = env.layers.view(&layers).unwrap().lookup(Path::new("elsewhere")).unwrap().unwrap();
    assert!(moved.xattrs.is_empty(), "{moved:?}");
}

#[track_caller]
fn check_mode(env: &Env, layers: &[DiffId], path: &str, expected: u32) {
    let entry = env.layers.view(layers).unwrap().lookup(Path::new(path)).unwrap().unwrap();
    assert_eq!(entry.mode, expected, "{path}: {:o} instead of {expected:o}", entry.mode);
}

#[test]
fn privileged_set_id_bits_come_back_with_an_owner_outside_of_the_map() {
    let Some((env, layers)) = env() else { return };
    let mut layers = env.run(&layers, &[stub("none", true)], |root| {
        fs::rename(root.join("d/g"), root.join("d/moved")).unwrap();
    });
    check_mode(&env, &layers, "d/moved", 0o4755);
    layers = env.run(&layers, &[stub("none", true)], |root| {
        std::os::unix::fs::chown(root.join("d/moved"), Some(7), Some(7)).unwrap();
        fs::remove_file(root.join("d/f")).unwrap();
    });
    check_mode(&env, &layers, "d/moved", 0o755);
}

/// Does what `mv` and `cp -a` do where a rename is impossible.
fn copy(root: &Path, from: &str, to: &str) {
    let mut cp = std::process::Command::new("cp");
    let status = cp.args(["-a", "--no-preserve=xattr", from, to]).current_dir(root).status();
    assert!(status.unwrap().success(), "{from}");
}

#[test]
fn privileged_a_directory_that_is_moved_by_copying_keeps_its_owners() {
    let Some((env, layers)) = env() else { return };
    let layers = env.run(&layers, &[stub("none", true)], |root| {
        copy(root, "d", "e");
        fs::remove_dir_all(root.join("d")).unwrap();
        fs::hard_link(root.join("e/g"), root.join("opt/same")).unwrap();
        copy(root, "e/f", "f");
        fs::write(root.join("opt/new"), "hi").unwrap();
    });
    for path in ["e", "e/f", "e/g", "e/link", "opt/same", "f"] {
        check_owner(&env, &layers, path, (BIG, BIG + 1));
    }
    check_owner(&env, &layers, "opt/new", (0, 0));
    check_mode(&env, &layers, "e/g", 0o4755);
    // The tree of that layer has the marks, and not only the layer the owners.
    let layers = env.run(&layers, &[stub("none", true)], |root| chmod(&root.join("e/f"), 0o700));
    check_owner(&env, &layers, "e/f", (BIG, BIG + 1));
}

#[test]
fn privileged_a_copy_that_keeps_no_time_belongs_to_the_process() {
    let Some((env, layers)) = env() else { return };
    let layers = env.run(&layers, &[stub("none", true)], |root| {
        fs::copy(root.join("d/f"), root.join("d/copied")).unwrap();
        copy(root, "opt/tool", "opt/copied");
    });
    check_owner(&env, &layers, "d/copied", (0, 0));
    check_owner(&env, &layers, "opt/copied", (0, 0));
}
