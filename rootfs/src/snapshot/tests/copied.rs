//! The copying driver: it leaves the same layers as overlays do.

use std::fs;
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::fs::{MetadataExt, PermissionsExt, symlink};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use cache::Store;
use oci::DiffId;
use proptest::prelude::*;

use super::random_changes::{FileChange, changes};
use super::{EMPTY, Env, all, base, check_top, open, stub};
use crate::layers::Layers;
use crate::overlay::{Attached, Overlay};
use crate::snapshot::{Stub, bind};
use trees::dir_tree::DirTree;
use trees::entry::{Entry, Kind, Timestamp};
use trees::safe_path::fd_path;
use trees::xattr::Flavor;

impl Env {
    /// Returns a new store whose snapshots are copies.
    fn copied() -> Option<Self> {
        Env::new().map(|_| Self::with_copies())
    }

    fn with_copies() -> Self {
        let env = Self::with_new_store();
        let layers = Layers::copied(Arc::clone(env.layers.store()));
        Self { layers, ..env }
    }
}

/// Layers of a store on an overlay, as in a container; the overlay is unmounted when dropped.
struct OnOverlay {
    layers: Layers,
    _attached: Attached,
    env: Env,
}

impl OnOverlay {
    fn new() -> Option<Self> {
        let env = Env::new()?;
        let [upper, work, at] = ["upper", "work", "at"].map(|name| env.root.path().join(name));
        [&upper, &work, &at].iter().for_each(|dir| fs::create_dir(dir).unwrap());
        let outer = Overlay {
            lowers: &[],
            upper: Some((&upper, &work)),
            volatile: false,
            scratch: env.root.path(),
            flavor: Flavor::current(),
        };
        let attached = Attached::new(&outer.mount().unwrap(), &at).unwrap();
        let layers = Layers::new(Arc::new(Store::open(&at.join("store")).unwrap()));
        Some(Self { layers, _attached: attached, env })
    }
}

#[test]
fn privileged_a_store_on_an_overlay_leaves_the_same_layers() {
    let Some(inner) = OnOverlay::new() else { return };
    let outer = Env::with_new_store();
    let change = |root: &Path| fs::write(root.join("etc/passwd"), "root:x").unwrap();
    let expected = outer.run(&[outer.layer(&base())], &[], change);
    let inner_env =
        Env { layers: inner.layers.clone(), root: tempfile::tempdir_in(inner.env.root.path()).unwrap() };
    let found = inner_env.run(&[inner_env.layer(&base())], &[], change);
    assert_eq!(found, expected);
    let note = inner.layers.take_copying_note().unwrap();
    assert!(note.starts_with("the store is on overlayfs, "), "{note}");
    assert_eq!(inner.layers.take_copying_note(), None, "it is reported once");
}

#[test]
fn privileged_a_disk_for_overlays_has_no_copies() {
    let Some(env) = Env::new() else { return };
    env.run(&[env.layer(&base())], &[], |_| ());
    assert_eq!(env.layers.take_copying_note(), None);
}

/// Runs `work` on the base with both drivers, and compares the layers.
#[track_caller]
fn check_same(stubs: &[Stub], work: impl Fn(&Path)) -> Option<(Env, Vec<DiffId>)> {
    let (copied, overlaid) = (Env::copied()?, Env::with_new_store());
    let layers = copied.run(&[copied.layer(&base())], stubs, &work);
    let expected = overlaid.run(&[overlaid.layer(&base())], stubs, &work);
    let describe = |env: &Env, ids: &[DiffId]| format!("{:#?}", env.top(ids));
    assert_eq!(describe(&copied, &layers), describe(&overlaid, &expected));
    assert_eq!(layers, expected);
    Some((copied, layers))
}

#[test]
fn privileged_a_copy_without_changes_is_an_empty_layer() {
    let Some((env, layers)) = check_same(&[], |root| {
        assert_eq!(fs::read_to_string(root.join("opt/tool")).unwrap(), "tool");
    }) else {
        return;
    };
    check_top(&env, &layers, EMPTY);
}

#[test]
fn privileged_changes_to_copies_are_those_to_overlays() {
    check_same(&[], |root| {
        fs::remove_dir_all(root.join("opt")).unwrap();
        fs::create_dir(root.join("opt")).unwrap();
        fs::write(root.join("opt/tool"), "other").unwrap();
        fs::remove_file(root.join("lib")).unwrap();
        symlink("/nowhere", root.join("tmp/link")).unwrap();
        fs::hard_link(root.join("etc/passwd"), root.join("etc/also")).unwrap();
    });
    check_same(&[], |root| {
        // A change of the mode to what it is.
        fs::set_permissions(root.join("opt/tool"), PermissionsExt::from_mode(0o644)).unwrap();
        fs::remove_file(root.join("opt/sub/deep")).unwrap();
        fs::create_dir(root.join("opt/sub/deep")).unwrap();
    });
}

/// The lock of apt is such a file, and `chown -R` to the same owner leaves many.
#[test]
fn privileged_a_file_opened_for_writing_is_no_change() {
    let open = |path: &Path| drop(fs::File::options().write(true).open(path).unwrap());
    let Some((env, layers)) = check_same(&[], |root| {
        open(&root.join("opt/tool"));
        fs::set_permissions(root.join("etc/passwd"), PermissionsExt::from_mode(0o644)).unwrap();
    }) else {
        return;
    };
    check_top(&env, &layers, EMPTY);
    check_same(&[], |root| {
        open(&root.join("opt/tool"));
        open(&root.join("opt/sub/deep"));
        fs::write(root.join("opt/sub/new"), "").unwrap();
        fs::hard_link(root.join("opt/tool"), root.join("opt/linked")).unwrap();
    });
}

/// The equal file of the layer below is hidden there.
#[test]
fn privileged_a_file_opened_for_writing_stays_in_an_opaque_directory() {
    let Some((env, layers)) = check_same(&[], |root| {
        fs::rename(root.join("opt/tool"), root.join("spare")).unwrap();
        fs::remove_dir_all(root.join("opt")).unwrap();
        fs::create_dir(root.join("opt")).unwrap();
        fs::rename(root.join("spare"), root.join("opt/tool")).unwrap();
    }) else {
        return;
    };
    check_top(&env, &layers, ["opt", "opt/tool"]);
}

/// With one time for both files, one size and one mode, only the inode shows that they changed places.
#[test]
fn privileged_files_that_change_places_are_changes() {
    let Some((env, layers)) = check_same(&[], |root| {
        fs::rename(root.join("opt/tool"), root.join("opt/spare")).unwrap();
        fs::rename(root.join("opt/sub/deep"), root.join("opt/tool")).unwrap();
        fs::rename(root.join("opt/spare"), root.join("opt/sub/deep")).unwrap();
    }) else {
        return;
    };
    check_top(&env, &layers, ["opt", "opt/sub", "opt/sub/deep", "opt/tool"]);
}

/// Overlayfs does not rename such a directory, and programs copy it instead.
#[test]
fn privileged_a_renamed_directory_is_in_the_layer_as_a_whole() {
    let Some(env) = Env::copied() else { return };
    let layers = env.run(&[env.layer(&base())], &[], |root| {
        fs::remove_dir(root.join("tmp")).unwrap();
        fs::rename(root.join("opt"), root.join("tmp")).unwrap();
    });
    check_top(&env, &layers, ["opt", "tmp", "tmp/sub", "tmp/sub/deep", "tmp/tool"]);
    assert_eq!(env.top(&layers)["tmp"], Kind::Directory { opaque: true });
}

#[test]
fn privileged_mount_points_leave_no_trace_in_copies() {
    let stubs = [stub("etc/hosts", false), stub("/proc", true), stub("opt/sub/at", true)];
    let make = |root: &Path| {
        fs::write(root.join("etc/hosts"), "").unwrap();
        fs::create_dir(root.join("proc")).unwrap();
        fs::create_dir(root.join("opt/sub/at")).unwrap();
    };
    let Some((env, layers)) = check_same(&stubs, make) else { return };
    check_top(&env, &layers, EMPTY);
    check_same(&stubs, |root| {
        make(root);
        fs::write(root.join("opt/sub/new"), "").unwrap();
        fs::write(root.join("etc/hosts"), "filled").unwrap();
    });
    check_same(&stubs, |root| {
        make(root);
        fs::set_permissions(root.join("opt/sub"), PermissionsExt::from_mode(0o700)).unwrap();
    });
}

#[test]
fn privileged_names_of_one_file_are_separate_in_a_copy() {
    let Some(env) = Env::copied() else { return };
    let layers = env.run(&[], &[], |root| {
        fs::write(root.join("a"), "one").unwrap();
        fs::hard_link(root.join("a"), root.join("b")).unwrap();
    });
    let more = env.run(&layers, &[], |root| {
        assert_eq!(fs::metadata(root.join("a")).unwrap().nlink(), 1);
        fs::write(root.join("a"), "two").unwrap();
    });
    check_top(&env, &more, ["a"]);
}

#[test]
fn privileged_a_step_takes_over_the_copy_of_the_step_below() {
    let Some(env) = Env::copied() else { return };
    let mut inodes = Vec::new();
    let mut layers = vec![env.layer(&base())];
    for n in 0..2 {
        let snapshot = env.layers.prepare(&layers).unwrap();
        let mount = snapshot.mount().unwrap();
        let root = fd_path(mount.as_fd());
        inodes.push(fs::metadata(root.join("opt/tool")).unwrap().ino());
        fs::write(root.join(format!("etc/{n}")), "").unwrap();
        drop(mount);
        let layer = snapshot.commit(&[]).unwrap();
        layers.push(layer);
    }
    assert_eq!(inodes[0], inodes[1]);
}

#[test]
fn privileged_a_bind_of_a_copy_shows_part_of_the_layers() {
    let Some(env) = Env::copied() else { return };
    let base = env.layer(&base());
    for (source, name, expected) in
        [("opt", "tool", "tool"), ("lib", "deep", "deep"), ("", "opt/tool", "tool")]
    {
        let bind = bind(&env.layers, &[base], Path::new(source), false).unwrap();
        let path = fd_path(bind.mount.as_fd()).join(name);
        assert_eq!(fs::read_to_string(path).unwrap(), expected, "{source}");
    }
    let file = bind(&env.layers, &[base], Path::new("etc/passwd"), false).unwrap();
    assert_eq!(fs::read_to_string(fd_path(file.mount.as_fd())).unwrap(), "root:");
}

/// Makes the changes. A rename of a directory is left out: overlayfs refuses it for a directory of a lower layer.
fn make_changes(root: &Path, step: &[FileChange]) {
    let is_dir = |path: &str| fs::symlink_metadata(root.join(path)).is_ok_and(|found| found.is_dir());
    let is_possible = |change: &&FileChange| !matches!(change, FileChange::Rename(from, _) if is_dir(from));
    for change in step {
        if is_possible(&change) {
            // A change that fails fails with both drivers.
            change.make(root).unwrap_or_default();
        }
    }
}

/// Entries by path, without the times, which differ between two runs.
type Seen = Vec<(PathBuf, Entry)>;

/// Makes the changes on top of `layers`. Returns what a process sees before and after them, and the new layer.
fn run(env: &Env, layers: &[DiffId], step: &[FileChange]) -> (Seen, Seen, DiffId) {
    let seen = |mount: &OwnedFd| {
        let timeless = |entry: Entry| Entry { mtime: Timestamp::default(), ..entry };
        all(&DirTree::new(open(mount))).into_iter().map(|(path, entry)| (path, timeless(entry))).collect()
    };
    let snapshot = env.layers.prepare(layers).unwrap();
    let mount = snapshot.mount_volatile().unwrap();
    let before = seen(&mount);
    make_changes(&fd_path(mount.as_fd()), step);
    let after = seen(&mount);
    drop(mount);
    (before, after, snapshot.commit(&[]).unwrap())
}

/// Every other layer comes from elsewhere, so that copies are brought up to date with layers of all kinds.
#[test]
fn privileged_both_drivers_leave_the_same_layers() {
    if Env::new().is_none() {
        return;
    }
    let config =
        ProptestConfig { cases: 24, max_shrink_iters: 400, failure_persistence: None, ..Default::default() };
    proptest!(config, |(steps in proptest::collection::vec(changes(), 1..6))| {
        let (overlaid, copied) = (Env::with_new_store(), Env::with_copies());
        let mut layers = Vec::new();
        for (n, step) in steps.iter().enumerate() {
            let expected = run(&overlaid, &layers, step);
            layers.push(expected.2);
            if n % 2 == 1 {
                let tar = overlaid.layers.store().get_blob(&expected.2.0, u64::MAX).unwrap();
                copied.layers.import(&mut &tar[..], None).unwrap();
                continue;
            }
            let found = run(&copied, &layers[..n], step);
            prop_assert_eq!(&found.0, &expected.0, "before");
            prop_assert_eq!(&found.1, &expected.1, "after");
            let top = |env: &Env, layer: DiffId| format!("{:#?}", env.top(&[layer]));
            prop_assert_eq!(top(&copied, found.2), top(&overlaid, expected.2));
            prop_assert_eq!(found.2, expected.2);
        }
    });
}
