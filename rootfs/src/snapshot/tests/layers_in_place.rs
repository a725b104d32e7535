//! Layers that are mounted in place, and those that cannot be.

use std::fs;
use std::os::fd::AsFd;
use std::path::{Path, PathBuf};

use oci::DiffId;

use super::{Env, all, base, mounted};
use crate::entry::Entry;
use crate::layers::Layers;
use crate::layers::in_place::Way;
use crate::safe_path::fd_path;
use crate::xattr::Flavor;

/// A store of its own, and a layer in it; `None` where layers are not mounted.
fn env() -> Option<(Env, DiffId)> {
    let env = Env::new().filter(|_| Flavor::current() == Flavor::Trusted)?;
    crate::erofs::tests::can_mount()?;
    let layer = env.layer(&base());
    Some((env, layer))
}

fn file_of(env: &Env, layer: &DiffId, name: &str) -> PathBuf {
    env.layers.store().layer_dir(layer).unwrap().join(name)
}

#[test]
fn privileged_no_file_is_made_of_a_layer() {
    for way in [None, Some(Way::Detached), Some(Way::Attached), Some(Way::None)] {
        let Some((env, layer)) = env() else { return };
        let store = env.layers.store().clone();
        let layers = match way {
            Some(way) => Layers::mounting(store, way),
            None => Layers::new(store),
        };
        assert_eq!(mounted(&layers, &[layer]), all(&*layers.view(&[layer]).unwrap()));
        let is_unpacked = way == Some(Way::None);
        assert_eq!(file_of(&env, &layer, "tree").exists(), is_unpacked, "{way:?}");
        assert_eq!(file_of(&env, &layer, "erofs").exists(), !is_unpacked, "{way:?}");
    }
}

#[test]
fn privileged_a_mount_outlives_who_made_it() {
    let Some((env, layer)) = env() else { return };
    for way in [Way::Detached, Way::Attached] {
        let layers = Layers::mounting(env.layers.store().clone(), way);
        let snapshot = layers.prepare(&[layer]).unwrap();
        let mount = snapshot.mount().unwrap();
        drop((snapshot, layers));
        let mounts = fs::read_to_string("/proc/thread-self/mountinfo").unwrap();
        assert!(!mounts.contains(env.root.path().to_str().unwrap()), "{way:?}: {mounts}");
        // As if it were collected.
        fs::rename(file_of(&env, &layer, ""), env.root.path().join("gone")).unwrap();
        assert_eq!(fs::read_to_string(fd_path(mount.as_fd()).join("opt/tool")).unwrap(), "tool");
        fs::rename(env.root.path().join("gone"), file_of(&env, &layer, "")).unwrap();
    }
}

#[test]
fn privileged_a_damaged_image_is_made_again() {
    let Some((env, layer)) = env() else { return };
    let shown = mounted(&env.layers, &[layer]);
    let path = file_of(&env, &layer, "erofs");
    let good = fs::read(&path).unwrap();
    let mut torn = good.clone();
    torn[good.len() / 2..].fill(0);
    for bad in [&torn[..], &good[..good.len() / 2], b""] {
        fs::write(&path, bad).unwrap();
        assert_eq!(mounted(&Layers::new(env.layers.store().clone()), &[layer]), shown);
        assert_eq!(fs::read(&path).unwrap(), good);
    }
}

#[test]
fn privileged_what_cannot_be_mounted_is_unpacked() {
    let Some((env, layer)) = env() else { return };
    // Read, write and execute for owner, group and others, as a list of version 2.
    let acl =
        b"\x02\0\0\0\x01\0\x07\0\xff\xff\xff\xff\x04\0\x07\0\xff\xff\xff\xff\x20\0\x07\0\xff\xff\xff\xff";
    let mut entry = Entry::directory(0o777);
    entry.xattrs.insert(b"system.posix_acl_default".to_vec(), acl.to_vec());
    let odd = env.layer(&base().put("acl", entry, b""));
    let layers = [layer, odd];
    assert_eq!(mounted(&env.layers, &layers), all(&*env.layers.view(&layers).unwrap()));
    let is_unpacked = |layer: &DiffId| file_of(&env, layer, "tree").exists();
    assert_eq!((is_unpacked(&layer), is_unpacked(&odd)), (false, true));
}

/// A step on a layer leaves its tree beside it; the layer below stays as it is.
#[test]
fn privileged_a_step_leaves_a_tree() {
    let Some((env, layer)) = env() else { return };
    let layers = env.run(&[layer], &[super::stub("none", true)], |root: &Path| {
        fs::rename(root.join("opt/tool"), root.join("opt/renamed")).unwrap();
    });
    assert!(file_of(&env, &layers[1], "tree").exists() && !file_of(&env, &layer, "tree").exists());
    assert_eq!(mounted(&env.layers, &layers), all(&*env.layers.view(&layers).unwrap()));
}

/// A layer whose image is so large that it is not read before each use.
fn large_layer(env: &Env) -> DiffId {
    let files = (0..1500).fold(base(), |tree, number| tree.file(&format!("many/{number}"), b"x"));
    env.layer(&files)
}

fn is_mounted(env: &Env, layer: &DiffId) -> bool {
    let anew = Layers::new(env.layers.store().clone());
    mounted(&anew, &[*layer]) == all(&*anew.view(&[*layer]).unwrap()) && !file_of(env, layer, "tree").exists()
}

/// A large layer that was mounted: its image and the stamp, and what they say.
struct Stamped {
    layer: DiffId,
    path: PathBuf,
    good: Vec<u8>,
    stamp: PathBuf,
    said: String,
}

fn stamped(env: &Env) -> Stamped {
    let layer = large_layer(env);
    assert!(is_mounted(env, &layer));
    let (path, stamp) = (file_of(env, &layer, "erofs"), file_of(env, &layer, "erofs.stamp"));
    let (good, said) = (fs::read(&path).unwrap(), fs::read_to_string(&stamp).unwrap());
    Stamped { layer, path, good, stamp, said }
}

#[test]
fn privileged_a_large_image_is_believed_by_its_stamp() {
    let Some((env, _)) = env() else { return };
    let Stamped { layer, path, good, stamp, said } = stamped(&env);
    // Who reads it all stamps it.
    let unchanged = fs::metadata(&stamp).unwrap().modified().unwrap();
    assert!(is_mounted(&env, &layer));
    assert_eq!(fs::metadata(&stamp).unwrap().modified().unwrap(), unchanged);
    let mut torn = good.clone();
    torn[good.len() / 2..].fill(0);
    for bad in [&torn[..], &good[..good.len() / 2], b""] {
        fs::write(&path, bad).unwrap();
        assert!(is_mounted(&env, &layer));
        assert_eq!(fs::read(&path).unwrap(), good);
        assert_ne!(fs::read_to_string(&stamp).unwrap(), said);
    }
}

#[test]
fn privileged_a_stamp_of_another_boot_is_not_believed() {
    let Some((env, _)) = env() else { return };
    let Stamped { layer, path, good, stamp, said } = stamped(&env);
    let boot = fs::read_to_string("/proc/sys/kernel/random/boot_id").unwrap();
    for text in [said.replace(boot.trim(), "another"), String::new(), "{}".to_owned()] {
        fs::write(&stamp, &text).unwrap();
        assert!(is_mounted(&env, &layer));
        assert_eq!(fs::read_to_string(&stamp).unwrap(), said, "the image is whole, and is kept");
        assert_eq!(fs::read(&path).unwrap(), good);
    }
}
