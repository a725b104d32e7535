//! Layers that are mounted in place, and layers that must be unpacked.

use std::fs;
use std::os::fd::AsFd;
use std::path::{Path, PathBuf};

use oci::DiffId;

use super::{Env, all, base, mounted, stub};
use crate::layers::Layers;
use crate::layers::in_place::MountMethod;
use crate::testing::can_mount_erofs;
use trees::entry::Entry;
use trees::safe_path::fd_path;
use trees::xattr::Flavor;

/// Returns a store of its own with a layer in it; `None` where layers cannot be mounted.
fn env() -> Option<(Env, DiffId)> {
    let env = Env::new().filter(|_| Flavor::current() == Flavor::Trusted)?;
    can_mount_erofs()?;
    let layer = env.layer(&base());
    Some((env, layer))
}

fn file_of(env: &Env, layer: &DiffId, name: &str) -> PathBuf {
    env.layers.store().layer_dir(layer).unwrap().join(name)
}

#[test]
fn privileged_a_layer_is_unpacked_only_if_it_cannot_be_mounted() {
    let methods =
        [None, Some(MountMethod::Detached), Some(MountMethod::Attached), Some(MountMethod::Unsupported)];
    for method in methods {
        let Some((env, layer)) = env() else { return };
        let store = env.layers.store().clone();
        let layers = match method {
            Some(method) => Layers::mounted_by(store, method),
            None => Layers::new(store),
        };
        assert_eq!(mounted(&layers, &[layer]), all(&*layers.view(&[layer]).unwrap()));
        let is_unpacked = method == Some(MountMethod::Unsupported);
        assert_eq!(file_of(&env, &layer, "tree").exists(), is_unpacked, "{method:?}");
        assert_eq!(file_of(&env, &layer, "erofs").exists(), !is_unpacked, "{method:?}");
    }
}

#[test]
fn privileged_an_overlay_outlives_the_layers_that_made_it() {
    let Some((env, layer)) = env() else { return };
    for method in [MountMethod::Detached, MountMethod::Attached] {
        let layers = Layers::mounted_by(env.layers.store().clone(), method);
        let snapshot = layers.prepare(&[layer]).unwrap();
        let mount = snapshot.mount().unwrap();
        drop((snapshot, layers));
        let mounts = fs::read_to_string("/proc/thread-self/mountinfo").unwrap();
        assert!(!mounts.contains(env.root.path().to_str().unwrap()), "{method:?}: {mounts}");
        // As if the layer had been collected.
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
    for bad in damaged(&good) {
        fs::write(&path, bad).unwrap();
        assert_eq!(mounted(&Layers::new(env.layers.store().clone()), &[layer]), shown);
        assert_eq!(fs::read(&path).unwrap(), good);
    }
}

/// Returns an image in states that a power cut can leave behind: half of it zeros, half of it missing, empty.
fn damaged(good: &[u8]) -> [Vec<u8>; 3] {
    let mut torn = good.to_vec();
    torn[good.len() / 2..].fill(0);
    [torn, good[..good.len() / 2].to_vec(), Vec::new()]
}

#[test]
fn privileged_a_layer_that_erofs_cannot_represent_is_unpacked() {
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

#[test]
fn privileged_a_step_leaves_a_tree_and_the_layer_below_stays_mounted() {
    let Some((env, layer)) = env() else { return };
    let layers = env.run(&[layer], &[stub("none", true)], |root: &Path| {
        fs::rename(root.join("opt/tool"), root.join("opt/renamed")).unwrap();
    });
    assert!(file_of(&env, &layers[1], "tree").exists() && !file_of(&env, &layer, "tree").exists());
    assert_eq!(mounted(&env.layers, &layers), all(&*env.layers.view(&layers).unwrap()));
}

/// Checks that another process would mount the layer in place, and see what it contains.
fn is_mounted(env: &Env, layer: &DiffId) -> bool {
    let reopened = Layers::new(env.layers.store().clone());
    mounted(&reopened, &[*layer]) == all(&*reopened.view(&[*layer]).unwrap())
        && !file_of(env, layer, "tree").exists()
}

/// Layer whose image is large enough for a stamp, after it has been mounted.
struct StampedImage {
    env: Env,
    layer: DiffId,
    image: PathBuf,
    image_bytes: Vec<u8>,
    stamp: PathBuf,
    stamp_text: String,
}

impl StampedImage {
    fn new() -> Option<Self> {
        let (env, _) = env()?;
        let tree = (0..1500).fold(base(), |tree, number| tree.file(&format!("many/{number}"), b"x"));
        let layer = env.layer(&tree);
        assert!(is_mounted(&env, &layer));
        let (image, stamp) = (file_of(&env, &layer, "erofs"), file_of(&env, &layer, "erofs.stamp"));
        let (image_bytes, stamp_text) = (fs::read(&image).unwrap(), fs::read_to_string(&stamp).unwrap());
        Some(Self { env, layer, image, image_bytes, stamp, stamp_text })
    }
}

/// A process that reads the whole image writes the stamp.
#[test]
fn privileged_a_large_image_with_a_stamp_is_not_read_again() {
    let Some(StampedImage { env, layer, stamp, .. }) = StampedImage::new() else { return };
    let written = fs::metadata(&stamp).unwrap().modified().unwrap();
    assert!(is_mounted(&env, &layer));
    assert_eq!(fs::metadata(&stamp).unwrap().modified().unwrap(), written);
}

#[test]
fn privileged_a_large_image_that_changed_since_its_stamp_is_made_again() {
    let Some(StampedImage { env, layer, image, image_bytes, stamp, stamp_text }) = StampedImage::new() else {
        return;
    };
    for bad in damaged(&image_bytes) {
        fs::write(&image, bad).unwrap();
        assert!(is_mounted(&env, &layer));
        assert_eq!(fs::read(&image).unwrap(), image_bytes);
        assert_ne!(fs::read_to_string(&stamp).unwrap(), stamp_text);
    }
}

#[test]
fn privileged_an_undamaged_image_is_kept_if_its_stamp_is_of_another_boot() {
    let Some(StampedImage { env, layer, image, image_bytes, stamp, stamp_text }) = StampedImage::new() else {
        return;
    };
    let boot = fs::read_to_string("/proc/sys/kernel/random/boot_id").unwrap();
    for text in [stamp_text.replace(boot.trim(), "another"), String::new(), "{}".to_owned()] {
        fs::write(&stamp, &text).unwrap();
        assert!(is_mounted(&env, &layer));
        assert_eq!(fs::read_to_string(&stamp).unwrap(), stamp_text);
        assert_eq!(fs::read(&image).unwrap(), image_bytes);
    }
}

/// The image, the index and the stamp of the tree of another layer are not used, whatever their names.
#[test]
fn privileged_files_derived_from_another_layer_are_made_again() {
    let Some((env, layer)) = env() else { return };
    let other = env.layer(&base().file("other", b"x"));
    let shown = mounted(&env.layers, &[layer]);
    mounted(&env.layers, &[other]);
    for name in ["erofs", "index"] {
        fs::copy(file_of(&env, &other, name), file_of(&env, &layer, name)).unwrap();
        let reopened = Layers::new(env.layers.store().clone());
        // An index that is made again has lost the real times.
        assert!(mounted(&reopened, &[layer]).keys().eq(shown.keys()), "{name}");
        assert!(all(&*reopened.view(&[layer]).unwrap()).keys().eq(shown.keys()), "{name}");
    }
}

/// A flipped byte of a tar is noticed before the kernel shows it, and the tar is gone, so that the layer is fetched or
/// made again.
#[test]
fn privileged_a_damaged_tar_is_never_mounted() {
    let Some((env, layer)) = env() else { return };
    mounted(&env.layers, &[layer]);
    let path = env.layers.store().blob_path(&layer.0);
    let mut bytes = fs::read(&path).unwrap();
    let at = bytes.windows(4).position(|window| window == b"tool").unwrap();
    let at = bytes[at + 4..].windows(4).position(|window| window == b"tool").map_or(at, |next| at + 4 + next);
    bytes[at] ^= 1;
    fs::set_permissions(&path, std::os::unix::fs::PermissionsExt::from_mode(0o600)).unwrap();
    fs::write(&path, bytes).unwrap();
    let reopened = Layers::new(env.layers.store().clone());
    let error = reopened.prepare(&[layer]).err().expect("it is damaged").to_string();
    assert!(error.contains("is corrupt"), "{error}");
    assert!(!path.exists());
}
