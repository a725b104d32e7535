//! A store with containers for tests, and helpers: tests of this binary that run in a process of their own.

use std::collections::BTreeMap;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use cache::{Policy, Store, StoreError};
use oci::{Descriptor, DiffId, Digest, media_type};
use runner::RunnerError;
use runner::container::{
    Container, ContainerConfig, IsolationConfig, LifeConfig, NetworkMode, ResourceConfig, new_id,
};

/// A store that is opened for each operation, as an open store keeps collection away.
pub struct TestStore(tempfile::TempDir);

impl TestStore {
    pub fn new() -> Self {
        Self(tempfile::tempdir().expect("a folder for the test"))
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    pub fn open(&self) -> Store {
        Store::open(self.0.path()).expect("a store")
    }

    /// Puts a layer that only containers can protect.
    pub fn layer(&self) -> DiffId {
        DiffId(self.open().put_blob(b"layer").expect("room for a layer"))
    }

    pub fn has(&self, layer: &DiffId) -> bool {
        self.open().stat_blob(&layer.0).expect("a readable store").is_some()
    }

    /// Collects everything that nothing protects.
    pub fn collect(&self) -> Result<(), StoreError> {
        let done = Store::collect(self.0.path(), &Policy { budget_bytes: 0, keep_ms: 0 })?;
        assert!(done.is_some(), "nobody has the store open");
        Ok(())
    }

    /// Creates a container of that name on one layer.
    pub fn container(&self, name: &str, layer: &DiffId) -> Container {
        self.create(config(name, layer)).expect("a container")
    }

    pub fn create(&self, config: ContainerConfig) -> Result<Container, RunnerError> {
        Container::create(&self.open(), config)
    }

    pub fn names(&self) -> Vec<String> {
        let all = Container::list(&self.open()).expect("a list of containers");
        all.into_iter().map(|one| one.config.name).collect()
    }
}

/// The config of a container on one layer.
pub fn config(name: &str, layer: &DiffId) -> ContainerConfig {
    ContainerConfig {
        id: new_id().expect("random bytes"),
        name: name.to_owned(),
        image: "app".to_owned(),
        manifest: Descriptor::new(media_type::MANIFEST, Digest::of(b"manifest"), 8),
        layers: vec![*layer],
        args: vec!["true".to_owned()],
        env: Vec::new(),
        cwd: "/".to_owned(),
        user: String::new(),
        hostname: "host".to_owned(),
        volumes: Vec::new(),
        publish: Vec::new(),
        network: NetworkMode::None,
        shm_size_bytes: None,
        host_ipc: false,
        memory_bytes: None,
        max_pids: None,
        stop_signal: String::new(),
        terminal: false,
        remove: false,
        created_ms: 1,
        labels: BTreeMap::new(),
        life: LifeConfig::default(),
        isolation: IsolationConfig::default(),
        resources: ResourceConfig::default(),
        tmpfs: Vec::new(),
    }
}

/// Runs the helper `name`, which must succeed, with a tmpfs of `size` as its root. A helper is a test of this binary that
/// returns at once where it has no root ([`helper_root`]).
#[track_caller]
pub fn run_helper_on_tmpfs(name: &str, size: &str) {
    let mount =
        r#"mount -t tmpfs -o "size=$1,mode=700" none "$DSBUILD_TEST_ROOT" || exit 77; shift; exec "$@""#;
    let can_mount = Command::new("unshare")
        .args(["--mount", "sh", "-c", "mount -t tmpfs none /mnt"])
        .stderr(Stdio::null())
        .status();
    if !can_mount.is_ok_and(|status| status.success()) {
        println!("SKIP may not mount a file system");
        return;
    }
    let root = tempfile::tempdir().expect("a folder for the test");
    let status = Command::new("unshare")
        .args(["--mount", "sh", "-c", mount, "sh", size])
        .arg(std::env::current_exe().expect("we are a program"))
        .args(["--exact", name, "--nocapture", "--test-threads=1"])
        .env("DSBUILD_TEST_ROOT", root.path())
        .status();
    assert!(status.expect("unshare runs").success());
}

/// In a helper: the root to work on.
pub fn helper_root() -> Option<PathBuf> {
    std::env::var_os("DSBUILD_TEST_ROOT").map(Into::into)
}

/// Writes to `path` until the file system has no block left.
pub fn fill_disk(path: &Path) {
    let mut file = std::fs::File::create(path).expect("a file to fill the disk with");
    while file.write_all(&[1; 4096]).is_ok() {}
}
