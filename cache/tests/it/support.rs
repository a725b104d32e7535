//! A store of one test, and a second process to play with.

use std::path::Path;
use std::process::{Child, Command, Stdio};

use cache::Store;
use oci::{Descriptor, DiffId, Digest, ImageConfig, Manifest, Reference, media_type};

/// A root that goes when the test ends.
pub struct TestStore {
    pub store: Store,
    _dir: tempfile::TempDir,
}

impl std::ops::Deref for TestStore {
    type Target = Store;

    fn deref(&self) -> &Store {
        &self.store
    }
}

pub fn new_store() -> TestStore {
    let dir = tempfile::tempdir().unwrap();
    let store = Store::open(&dir.path().join("store")).unwrap();
    TestStore { store, _dir: dir }
}

pub fn reference(text: &str) -> Reference {
    text.parse().unwrap()
}

/// A manifest by name only.
pub fn descriptor(text: &str) -> Descriptor {
    Descriptor::new(media_type::MANIFEST, Digest::of(text.as_bytes()), 2)
}

/// An image of one layer.
pub struct Image {
    pub entry: Descriptor,
    pub config: Digest,
    pub layer: Digest,
}

/// Puts an image whose layer, and so everything else, is told from others by `name`.
pub fn put_image(store: &Store, name: &str) -> Image {
    let put = |media_type: &str, bytes: &[u8]| {
        Descriptor::new(media_type, store.put_blob(bytes).unwrap(), bytes.len().try_into().unwrap())
    };
    let layer = put(media_type::LAYER_TAR, format!("layer of {name}").as_bytes());
    let mut config = ImageConfig::default();
    config.rootfs.diff_ids = vec![DiffId(layer.digest)];
    let config = put(media_type::CONFIG, &serde_json::to_vec(&config).unwrap());
    let manifest = Manifest::new(config.clone(), vec![layer.clone()]);
    let entry = put(media_type::MANIFEST, &serde_json::to_vec(&manifest).unwrap());
    Image { entry, config: config.digest, layer: layer.digest }
}

/// Runs the test `name` of this binary in a process of its own, with `DSBUILD_TEST_ROOT` set to `root`: such a test
/// returns at once where the variable is missing.
pub fn spawn_helper(name: &str, root: &Path) -> Child {
    Command::new(std::env::current_exe().unwrap())
        .args(["--exact", name, "--nocapture", "--test-threads=1"])
        .env("DSBUILD_TEST_ROOT", root)
        .stdout(Stdio::piped())
        .spawn()
        .unwrap()
}

/// As [`spawn_helper`], with a file system of `size` of its own at `root`; `None` where we may not mount one.
pub fn spawn_helper_on_tmpfs(name: &str, root: &Path, size: &str) -> Option<Child> {
    let mount =
        r#"mount -t tmpfs -o "size=$1,mode=700" none "$DSBUILD_TEST_ROOT" || exit 77; shift; exec "$@""#;
    let can = Command::new("unshare")
        .args(["--mount", "sh", "-c", "mount -t tmpfs none /mnt"])
        .stderr(Stdio::null())
        .status();
    if !can.is_ok_and(|status| status.success()) {
        println!("SKIP may not mount a file system");
        return None;
    }
    let helper = Command::new("unshare")
        .args(["--mount", "sh", "-c", mount, "sh", size])
        .arg(std::env::current_exe().unwrap())
        .args(["--exact", name, "--nocapture", "--test-threads=1"])
        .env("DSBUILD_TEST_ROOT", root)
        .spawn();
    Some(helper.unwrap())
}

/// In a helper: the root to work on.
pub fn helper_root() -> Option<std::path::PathBuf> {
    std::env::var_os("DSBUILD_TEST_ROOT").map(Into::into)
}

/// Waits until `condition` holds; fails after ten seconds.
#[track_caller]
pub fn wait_until(what: &str, mut condition: impl FnMut() -> bool) {
    for _ in 0..1000 {
        if condition() {
            return;
        }
        std::thread::sleep(std::time::Duration::from_millis(10));
    }
    panic!("waited in vain: {what}");
}
