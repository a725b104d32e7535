//! Trees on disk: adopted from snapshots, and trusted by their stamps.

use std::fs::{self, File};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use oci::DiffId;

use super::{Env, base, mounted, stub};
use crate::layers::Layers;
use crate::layers::in_place::MountMethod;
use crate::times::Times;
use trees::tree::Tree;

#[test]
fn privileged_the_upper_directory_becomes_the_tree() {
    let Some(env) = Env::new() else { return };
    let mut inode = 0;
    let layers = env.run(&[env.layer(&base())], &[stub("none", true)], |root| {
        fs::write(root.join("tmp/made"), "x").unwrap();
        inode = fs::metadata(root.join("tmp/made")).unwrap().ino();
    });
    let tree = env.layers.tree(&layers[1]).unwrap();
    assert!(tree.starts_with(env.root.path()));
    assert_eq!(fs::metadata(tree.join("tmp/made")).unwrap().ino(), inode);
}

/// The tar of the layer has no time after 1980.
#[test]
fn privileged_the_tree_and_the_view_keep_real_times() {
    let Some(env) = Env::new() else { return };
    let layers = env.run(&[env.layer(&base())], &[stub("none", true)], |root| {
        fs::write(root.join("tmp/made"), "x").unwrap();
    });
    let in_tree = fs::metadata(env.layers.tree(&layers[1]).unwrap().join("tmp/made")).unwrap();
    let in_view = env.layers.view(&layers).unwrap().lookup(Path::new("tmp/made")).unwrap().unwrap();
    assert!(in_view.mtime.seconds > 1_700_000_000);
    assert_eq!(in_view.mtime.seconds, in_tree.mtime());
}

#[test]
fn privileged_a_finished_layer_shows_the_times_of_its_tar() {
    let Some(env) = Env::new() else { return };
    let layers = env.run(&[env.layer(&base())], &[stub("none", true)], |root| {
        fs::write(root.join("tmp/made"), "x").unwrap();
        fs::hard_link(root.join("tmp/made"), root.join("tmp/link")).unwrap();
        fs::create_dir(root.join("tmp/d")).unwrap();
        fs::write(root.join("tmp/old"), "x").unwrap();
        let in_1975 = SystemTime::UNIX_EPOCH + Duration::from_secs(157_766_400);
        File::options().write(true).open(root.join("tmp/old")).unwrap().set_modified(in_1975).unwrap();
    });
    let times = |layers_of: &Layers| {
        let seen = mounted(layers_of, &layers);
        ["tmp/made", "tmp/link", "tmp/d", "tmp/old"].map(|name| seen[Path::new(name)].mtime.seconds)
    };
    let real = times(&env.layers);
    assert!(real[0] > 1_700_000_000 && real[2] > 1_700_000_000 && real[3] == 157_766_400, "{real:?}");
    env.layers.finish(&layers, Times::Store).unwrap();
    let of_tar = [315_619_200, 315_619_200, 315_619_200, 157_766_400];
    assert_eq!(times(&env.layers), of_tar);
    for method in [MountMethod::Unsupported, MountMethod::Attached, MountMethod::Detached] {
        assert_eq!(times(&Layers::mounted_by(env.layers.store().clone(), method)), of_tar, "{method:?}");
    }
    // A later export with another source date still knows the real times.
    let made = |view: Arc<dyn Tree>| view.lookup(Path::new("tmp/made")).unwrap().unwrap().mtime.seconds;
    assert!(made(env.layers.view(&layers).unwrap()) > 1_700_000_000);
    // A COPY from the image takes those of the tar; layers that the build has put on top of the image keep theirs.
    assert_eq!(made(env.layers.view_on_image(&layers, 2).unwrap()), 315_619_200);
    assert!(made(env.layers.view_on_image(&layers, 1).unwrap()) > 1_700_000_000);
}

/// Layer that has been unpacked.
struct Unpacked {
    env: Env,
    layer: DiffId,
    tree: PathBuf,
    stamp: PathBuf,
}

impl Unpacked {
    fn new() -> Option<Self> {
        let env = Env::new()?;
        let layer = env.layer(&base());
        let tree = env.layers.tree(&layer).unwrap();
        let stamp = tree.with_file_name("tree.stamp");
        Some(Self { env, layer, tree, stamp })
    }

    fn stamp_text(&self) -> String {
        fs::read_to_string(&self.stamp).unwrap()
    }

    /// Makes the stamp one of another boot.
    fn age_by_a_boot(&self) {
        let store = self.env.layers.store();
        let stamp = String::from_utf8(store.read_checked(&self.layer, "tree.stamp").unwrap()).unwrap();
        let older = stamp.replacen("\"boot\":\"", "\"boot\":\"0", 1);
        assert_ne!(older, stamp);
        store.save_checked(&self.layer, "tree.stamp", older.as_bytes()).unwrap();
    }

    fn tool(&self) -> PathBuf {
        self.tree.join("opt/tool")
    }
}

#[test]
fn privileged_a_tree_whose_stamp_is_damaged_or_of_another_boot_is_made_again() {
    let Some(unpacked) = Unpacked::new() else { return };
    let good = unpacked.stamp_text();
    let another_layer = good.replacen(&good[..1], if good.starts_with('0') { "1" } else { "0" }, 1);
    let mut damages: Vec<Box<dyn Fn()>> = vec![Box::new(|| unpacked.age_by_a_boot())];
    for bad in [String::new(), good[..good.len() / 2].to_owned(), another_layer] {
        let stamp = unpacked.stamp.clone();
        damages.push(Box::new(move || fs::write(&stamp, &bad).unwrap()));
    }
    for damage in damages {
        damage();
        fs::write(unpacked.tool(), "").unwrap();
        unpacked.env.layers.tree(&unpacked.layer).unwrap();
        assert_eq!(fs::read_to_string(unpacked.tool()).unwrap(), "tool");
    }
}

#[test]
fn privileged_an_old_tree_is_synced_and_then_outlives_its_boot() {
    let Some(unpacked) = Unpacked::new() else { return };
    let an_hour_ago = SystemTime::now() - Duration::from_secs(3600);
    File::options().write(true).open(&unpacked.stamp).unwrap().set_modified(an_hour_ago).unwrap();
    unpacked.env.layers.prepare(&[unpacked.layer]).unwrap();
    while !unpacked.stamp_text().contains("\"synced\":true") {
        std::thread::sleep(Duration::from_millis(5));
    }
    unpacked.age_by_a_boot();
    fs::write(unpacked.tool(), "kept").unwrap();
    unpacked.env.layers.tree(&unpacked.layer).unwrap();
    assert_eq!(fs::read_to_string(unpacked.tool()).unwrap(), "kept");
}

#[test]
fn privileged_a_tree_that_was_altered_is_found_and_made_again() {
    let Some(env) = Env::new() else { return };
    let layers = env.run(&[env.layer(&base())], &[stub("none", true)], |root| {
        fs::write(root.join("tmp/made"), "x").unwrap();
        fs::remove_file(root.join("opt/tool")).unwrap();
        fs::remove_dir_all(root.join("opt/sub")).unwrap();
        fs::create_dir(root.join("opt/sub")).unwrap();
        std::os::unix::fs::symlink("made", root.join("tmp/link")).unwrap();
    });
    env.layers.tree(&layers[0]).unwrap();
    assert_eq!(env.layers.altered_trees().unwrap(), []);
    let alterations: [fn(&Path); 5] = [
        |tree| fs::write(tree.join("tmp/made"), "y").unwrap(),
        |tree| fs::remove_file(tree.join("tmp/made")).unwrap(),
        |tree| fs::write(tree.join("tmp/more"), "").unwrap(),
        |tree| {
            fs::set_permissions(tree.join("tmp/made"), std::os::unix::fs::PermissionsExt::from_mode(0o4755))
                .unwrap()
        },
        |tree| fs::remove_file(tree.join("tmp/link")).unwrap(),
    ];
    for alter in alterations {
        alter(&env.layers.tree(&layers[1]).unwrap());
        assert_eq!(env.layers.altered_trees().unwrap(), [layers[1]]);
        env.layers.distrust_trees(&layers[1]).unwrap();
        let tree = env.layers.tree(&layers[1]).unwrap();
        assert_eq!(fs::read_to_string(tree.join("tmp/made")).unwrap(), "x");
        assert_eq!(env.layers.altered_trees().unwrap(), []);
    }
}

#[test]
fn a_file_of_a_damaged_layer_names_the_damage() {
    let env = Env::with_new_store();
    let layer = env.layer(&base());
    let path = env.layers.store().blob_path(&layer.0);
    let mut bytes = fs::read(&path).unwrap();
    bytes[0] ^= 1;
    fs::write(&path, bytes).unwrap();
    let view = env.layers.view(&[layer]).unwrap();
    let error = view.open(Path::new("opt/tool")).err().unwrap().to_string();
    assert!(error.contains("is corrupt"), "{error}");
}
