//! Owners that a user namespace lacks: these tests run once more in a namespace of 65,536 IDs (`user_namespaces`).

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use oci::DiffId;

use super::{Env, base, stub};
use crate::entry::{Entry, Kind};

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
