//! Containers of a store: create, list, find, watch, remove.
//!
//! Concurrency: one process at a time creates a container. A container runs if and only if its file `lock` is locked.

mod config;
mod files;
mod isolation;
mod life;
mod limits;
mod mounts;
mod names;
mod reconcile;
mod resources;
mod state;

use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};

use cache::{GcRoot, Store};

pub use config::{ContainerConfig, NetworkMode, Publish};
pub use isolation::{DeviceNode, IsolationConfig, Ulimit};
pub use life::{HealthCheck, LifeConfig, RestartPolicy};
pub use mounts::{TmpfsMount, Volume, VolumeOptions};
pub use reconcile::reconcile;
pub use resources::ResourceConfig;
pub use state::{ContainerState, Health, HealthResult, HealthStatus, Status};

use self::files::Durability;
use crate::error::io_error;
use crate::{RunnerError, stop_signal};

/// Longest name of a container, in bytes.
const MAX_NAME_BYTES: usize = 128;

/// A container of a store, running or not.
#[derive(Debug, Clone)]
pub struct Container {
    dir: PathBuf,
    root: GcRoot,
    /// Document that says what was asked for.
    pub config: ContainerConfig,
}

/// Lock of the monitor, the process that watches over a container. The container counts as running until it is dropped.
#[derive(Debug)]
pub struct MonitorLock {
    _lock: File,
}

impl Container {
    /// Creates a container that does not run yet. Its name must be free, and its stop signal must exist. A container
    /// without a name gets a made-up one.
    pub fn create(store: &Store, mut config: ContainerConfig) -> Result<Self, RunnerError> {
        if !config.name.is_empty() {
            check_name(&config.name)?;
        }
        stop_signal::number(&config.stop_signal)?;
        let _lock = files::lock_containers(store)?;
        reconcile::reconcile_locked(store)?;
        let others = Self::list(store)?;
        if config.name.is_empty() {
            config.name = names::free_name(&others.into_iter().map(|other| other.config.name).collect())?;
        } else {
            check_free(&others, &config.name)?;
        }
        // Before the directory, so that there is never a container without a root.
        store.protect(&files::root_name(&config.id), config.layers.iter().map(|layer| layer.0))?;
        let dir = files::containers_dir(store)?.join(&config.id);
        fs::create_dir(&dir).map_err(io_error("create", &dir))?;
        let container = Self::at(store, dir, config);
        files::save(&container.dir, "config.json", &container.config)?;
        Ok(container)
    }

    /// Lists every container, the newest first. Leaves out directories that are being made or removed.
    pub fn list(store: &Store) -> Result<Vec<Self>, RunnerError> {
        let dirs = files::container_dirs(&files::containers_dir(store)?)?;
        let load = |dir: PathBuf| {
            let config = files::load(&dir.join("config.json"))?;
            Some(Self::at(store, dir, config))
        };
        let mut all: Vec<Self> = dirs.into_iter().filter_map(load).collect();
        all.sort_by(|a, b| (b.config.created_ms, &b.config.id).cmp(&(a.config.created_ms, &a.config.id)));
        Ok(all)
    }

    /// Finds a container by its name, by its id, or by the first digits of its id if no other id begins with them.
    pub fn find(store: &Store, name: &str) -> Result<Self, RunnerError> {
        let name = name.strip_prefix('/').unwrap_or(name);
        let all = Self::list(store)?;
        if let Some(exact) = all.iter().find(|one| one.config.name == name || one.config.id == name) {
            return Ok(exact.clone());
        }
        let mut begun = all.into_iter().filter(|one| !name.is_empty() && one.config.id.starts_with(name));
        match (begun.next(), begun.next()) {
            (Some(one), None) => Ok(one),
            (None, _) => Err(RunnerError::NoContainer { name: name.to_owned() }),
            (Some(_), Some(_)) => Err(RunnerError::Ambiguous { name: name.to_owned() }),
        }
    }

    fn at(store: &Store, dir: PathBuf, config: ContainerConfig) -> Self {
        let root = store.gc_root(&files::root_name(&config.id));
        Self { dir, root, config }
    }

    /// Gives the container another name, which must be free.
    pub fn rename(&mut self, store: &Store, name: &str) -> Result<(), RunnerError> {
        let name = name.strip_prefix('/').unwrap_or(name);
        check_name(name)?;
        let _lock = files::lock_containers(store)?;
        check_free(&Self::list(store)?, name)?;
        self.config.name = name.to_owned();
        files::save(&self.dir, "config.json", &self.config)
    }

    /// Writes what `update` has changed about the container.
    pub fn save_config(&self, store: &Store) -> Result<(), RunnerError> {
        let _lock = files::lock_containers(store)?;
        files::save(&self.dir, "config.json", &self.config)
    }

    /// Returns the container as its documents are now; an error if it was removed.
    pub fn reload(&self) -> Result<Self, RunnerError> {
        match files::load(&self.dir.join("config.json")) {
            Some(config) => Ok(Self { config, ..self.clone() }),
            None => Err(RunnerError::NoContainer { name: self.config.name.clone() }),
        }
    }

    /// Returns the directory of the files that the container has changed; made at the first start.
    pub fn snapshot_dir(&self) -> PathBuf {
        self.dir.join("rootfs")
    }

    /// Returns the size of the files that the container has changed, as far as this process can see them.
    pub fn changed_bytes(&self) -> u64 {
        ["upper", "root"].iter().map(|name| files::tree_bytes(&self.snapshot_dir().join(name))).sum()
    }

    /// Takes the lock of the container's files, which whoever mounts them has.
    pub(crate) fn lock_files(&self) -> Result<File, RunnerError> {
        let path = self.dir.join("rootfs.lock");
        let lock = crate::files::open_lock(&path).map_err(io_error("create", &path))?;
        crate::files::lock(&lock).map_err(io_error("lock", &path))?;
        Ok(lock)
    }

    /// Returns the directory of the container in the store.
    pub fn dir(&self) -> &Path {
        &self.dir
    }

    /// Reads what became of the container so far; the default if it was never started.
    pub fn state(&self) -> ContainerState {
        files::load(&self.dir.join("state.json")).unwrap_or_default()
    }

    /// Writes what became of the container, replacing what was written before.
    ///
    /// On a full disk it is written into the blocks that the last state has, so that the end of a container gets known. A
    /// container without a state fails with the error that names the full disk.
    pub fn save_state(&self, state: &ContainerState) -> Result<(), RunnerError> {
        self.save_state_as(state, Durability::Synced)
    }

    /// Writes a state that is of no use after a power cut.
    pub(crate) fn save_passing_state(&self, state: &ContainerState) -> Result<(), RunnerError> {
        self.save_state_as(state, Durability::Passing)
    }

    fn save_state_as(&self, state: &ContainerState, durability: Durability) -> Result<(), RunnerError> {
        match files::save_as(&self.dir, "state.json", state, durability) {
            Err(full) if is_full(&full) => match files::overwrite(&self.dir, "state.json", state) {
                Err(RunnerError::Io { source, .. }) if source.kind() == std::io::ErrorKind::NotFound => {
                    Err(full)
                }
                overwritten => overwritten,
            },
            result => result,
        }
    }

    /// Takes the lock of the monitor; [`RunnerError::Running`] if another process has it.
    pub fn watch(&self) -> Result<MonitorLock, RunnerError> {
        let path = self.dir.join("lock");
        let lock = crate::files::open_lock(&path).map_err(io_error("create", &path))?;
        match lock.try_lock() {
            Ok(()) => Ok(MonitorLock { _lock: lock }),
            Err(_) => Err(self.running()),
        }
    }

    /// Returns docker's word for what the container does now.
    pub fn status(&self) -> Status {
        // The lock first: a monitor writes the end before it lets go.
        let is_locked = self.is_running();
        Status::of(&self.state(), is_locked, cache::boot_id())
    }

    /// Returns whether a monitor watches over the container.
    pub fn is_running(&self) -> bool {
        files::is_locked(&self.dir)
    }

    /// Waits until no monitor watches over the container.
    pub fn wait(&self) -> Result<(), RunnerError> {
        let path = self.dir.join("lock");
        match crate::files::open(&path) {
            Ok(lock) => crate::files::lock_shared(&lock).map_err(io_error("lock", &path)),
            // The container was removed when it ended.
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
            Err(error) => Err(io_error("open", &path)(error)),
        }
    }

    /// Removes a container that does not run.
    pub fn remove(&self) -> Result<(), RunnerError> {
        if self.is_running() { Err(self.running()) } else { self.remove_dir() }
    }

    /// Removes a container whether or not it runs. For its own monitor, at the end.
    pub fn remove_dir(&self) -> Result<(), RunnerError> {
        files::remove_dir(&self.dir)?;
        self.root.remove()?;
        Ok(())
    }

    fn running(&self) -> RunnerError {
        RunnerError::Running { id: short(&self.config.id).to_owned() }
    }
}

/// Reports whether an error means that the disk is full.
fn is_full(error: &RunnerError) -> bool {
    matches!(error, RunnerError::Io { source, .. } if files::is_full(source))
}

/// Returns the first 12 digits of an id, which are shown to people.
pub fn short(id: &str) -> &str {
    id.get(..12).unwrap_or(id)
}

/// Returns an unused id: 64 random hex digits.
pub fn new_id() -> Result<String, RunnerError> {
    Ok(random::<32>()?.iter().map(|byte| format!("{byte:02x}")).collect())
}

fn random<const N: usize>() -> Result<[u8; N], RunnerError> {
    let mut bytes = [0; N];
    getrandom::fill(&mut bytes).map_err(|error| {
        let source = error.raw_os_error().map(io::Error::from_raw_os_error);
        RunnerError::Random { source: source.unwrap_or_else(|| io::ErrorKind::Other.into()) }
    })?;
    Ok(bytes)
}

fn check_name(name: &str) -> Result<(), RunnerError> {
    if is_valid_name(name) { Ok(()) } else { Err(RunnerError::BadName { name: name.to_owned() }) }
}

fn check_free(others: &[Container], name: &str) -> Result<(), RunnerError> {
    match others.iter().find(|other| other.config.name == name) {
        Some(other) => {
            Err(RunnerError::NameTaken { name: name.to_owned(), id: short(&other.config.id).to_owned() })
        }
        None => Ok(()),
    }
}

/// Returns whether docker would accept the name: `[a-zA-Z0-9][a-zA-Z0-9_.-]*`.
fn is_valid_name(name: &str) -> bool {
    let mut bytes = name.bytes();
    bytes.next().is_some_and(|b| b.is_ascii_alphanumeric())
        && bytes.all(|b| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'.' | b'-'))
        && name.len() <= MAX_NAME_BYTES
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_valid_if_docker_accepts_it() {
        let check = |name: &str, expected| assert_eq!(is_valid_name(name), expected, "{name}");
        check("titanic", true);
        check("a_b.c-1", true);
        check(&"x".repeat(128), true);
        check(&"x".repeat(129), false);
        check("", false);
        check(".hidden", false);
        check("../../x", false);
        check("a/b", false);
    }

    #[test]
    fn every_id_is_new() {
        assert_ne!(new_id().unwrap(), new_id().unwrap());
        assert_eq!(new_id().unwrap().len(), 64);
    }
}
