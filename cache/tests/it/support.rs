//! Stores and images for tests, and helpers: tests of this binary that run in a process of their own.

use std::io::Write;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, SystemTime};

use cache::{Collected, Policy, Store};
use oci::{Descriptor, DiffId, Digest, ImageConfig, Manifest, Reference, media_type};

/// An open store that is removed when the test ends.
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

/// The root of a store that is not held open, as an open store keeps collection away.
pub struct Closed(tempfile::TempDir);

impl Closed {
    pub fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    pub fn path(&self) -> &Path {
        self.0.path()
    }

    pub fn open(&self) -> Store {
        Store::open(self.path()).unwrap()
    }

    pub fn collect(&self, policy: &Policy) -> Collected {
        Store::collect(self.path(), policy).unwrap().expect("nobody has it open")
    }
}

/// Makes the last use of a file or directory look so many hours old.
pub fn age(path: &Path, hours: u64) {
    let time = SystemTime::now() - Duration::from_secs(hours * 3600);
    std::fs::File::open(path).unwrap().set_modified(time).unwrap();
}

pub fn reference(text: &str) -> Reference {
    text.parse().unwrap()
}

/// A descriptor of a manifest that no store has.
pub fn descriptor(text: &str) -> Descriptor {
    Descriptor::new(media_type::MANIFEST, Digest::of(text.as_bytes()), 2)
}

/// An image of one layer.
pub struct Image {
    pub entry: Descriptor,
    pub config: Digest,
    pub layer: Digest,
}

/// Puts an image whose blobs differ from those of every other `name`.
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

/// Starts the helper `name` with `DSBUILD_TEST_ROOT` set to `root`. A helper is a test of this binary that returns at
/// once where the variable is missing ([`helper_root`]).
pub fn spawn_helper(name: &str, root: &Path) -> Child {
    Command::new(std::env::current_exe().unwrap())
        .args(["--exact", name, "--nocapture", "--test-threads=1"])
        .env("DSBUILD_TEST_ROOT", root)
        .stdout(Stdio::piped())
        .spawn()
        .unwrap()
}

/// Like [`spawn_helper`], with a tmpfs of `size` at `root`. Returns `None` if this process may not mount one.
fn spawn_helper_on_tmpfs(name: &str, root: &Path, size: &str) -> Option<Child> {
    let mount =
        r#"mount -t tmpfs -o "size=$1,mode=700" none "$DSBUILD_TEST_ROOT" || exit 77; shift; exec "$@""#;
    let can_mount = Command::new("unshare")
        .args(["--mount", "sh", "-c", "mount -t tmpfs none /mnt"])
        .stderr(Stdio::null())
        .status();
    if !can_mount.is_ok_and(|status| status.success()) {
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

/// Runs the helper `name`, which must succeed, on a file system of its own of `size`.
#[track_caller]
pub fn run_helper_on_tmpfs(name: &str, size: &str) {
    let dir = tempfile::tempdir().unwrap();
    if let Some(mut helper) = spawn_helper_on_tmpfs(name, dir.path(), size) {
        assert!(helper.wait().unwrap().success());
    }
}

/// In a helper: the root to work on.
pub fn helper_root() -> Option<std::path::PathBuf> {
    std::env::var_os("DSBUILD_TEST_ROOT").map(Into::into)
}

/// Writes to `path` until the file system has no block left.
pub fn fill_disk(path: &Path) {
    let mut file = std::fs::File::create(path).unwrap();
    while file.write_all(&[1; 4096]).is_ok() {}
}

/// Waits until `condition` holds; fails after ten seconds.
#[track_caller]
pub fn wait_until(description: &str, mut condition: impl FnMut() -> bool) {
    for _ in 0..1000 {
        if condition() {
            return;
        }
        std::thread::sleep(Duration::from_millis(10));
    }
    panic!("waited in vain: {description}");
}
