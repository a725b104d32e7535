//! The folder of a container: create, list, find, remove.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::{self, Write};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use cache::Store;
use oci::{Descriptor, DiffId};
use serde::{Deserialize, Serialize};

use crate::RunnerError;
use crate::error::io_error;

/// What was asked for; never changes.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct ContainerConfig {
    /// 64 hex digits.
    pub id: String,
    /// Given, or made.
    pub name: String,
    /// The image as asked for.
    pub image: String,
    /// Its manifest.
    pub manifest: Descriptor,
    /// Its layers, from the base up: never collected while the container is there.
    pub layers: Vec<DiffId>,
    /// Program and arguments.
    pub args: Vec<String>,
    /// `NAME=value`.
    pub env: Vec<String>,
    /// Absolute.
    pub cwd: String,
    /// `user[:group]`, empty for root.
    pub user: String,
    /// Host name.
    pub hostname: String,
    /// Folders and files of this machine.
    pub volumes: Vec<Volume>,
    /// Published ports.
    pub publish: Vec<Publish>,
    /// How it reaches the network.
    pub network: NetworkMode,
    /// The signal that asks it to stop, as the image says; empty for SIGTERM.
    pub stop_signal: String,
    /// It has a terminal.
    pub terminal: bool,
    /// It goes when it has ended.
    pub remove: bool,
    /// When it was made, milliseconds since 1970.
    pub created_ms: u64,
    /// The image's labels.
    pub labels: BTreeMap<String, String>,
}

/// A folder or file of this machine, shown in a container.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Volume {
    /// Absolute path here.
    pub source: PathBuf,
    /// Absolute path there.
    pub target: String,
    /// No writes.
    pub read_only: bool,
}

/// A port of this machine that leads to one of the container.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Publish {
    /// Where this machine listens.
    pub host: SocketAddr,
    /// The container's port.
    pub container_port: u16,
    /// UDP.
    pub udp: bool,
}

/// How a container reaches the network.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum NetworkMode {
    /// A namespace of its own.
    Private,
    /// The same; this machine's where that cannot be had.
    Preferred,
    /// This machine's.
    Host,
    /// None.
    None,
}

/// What became of it.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct ContainerState {
    /// Its first process on this machine.
    pub pid: Option<u32>,
    /// When that process started, in clock ticks since boot: tells it from another with the same pid.
    pub pid_started_ticks: Option<u64>,
    /// Milliseconds since 1970.
    pub started_ms: Option<u64>,
    /// Milliseconds since 1970.
    pub ended_ms: Option<u64>,
    /// Its exit code, 128 and the signal's number where a signal ended it.
    pub exit_code: Option<i32>,
    /// Why it did not start.
    pub error: Option<String>,
}

/// A container of a store.
#[derive(Debug, Clone)]
pub struct Container {
    dir: PathBuf,
    /// What was asked for.
    pub config: ContainerConfig,
}

/// Held by the process that watches over a container.
#[derive(Debug)]
pub struct Watch {
    _lock: File,
}

impl Container {
    /// Makes the folder of a container; its name must be free.
    pub fn create(store: &Store, config: ContainerConfig) -> Result<Self, RunnerError> {
        if !valid_name(&config.name) {
            return Err(RunnerError::BadName { name: config.name });
        }
        let root = containers(store)?;
        let lock_path = root.join(".lock");
        let lock = File::create(&lock_path).map_err(io_error("create", &lock_path))?;
        lock.lock().map_err(io_error("lock", &lock_path))?;
        if let Some(other) = Self::list(store)?.into_iter().find(|other| other.config.name == config.name) {
            return Err(RunnerError::NameTaken { name: config.name, id: short(&other.config.id).to_owned() });
        }
        let dir = root.join(&config.id);
        fs::create_dir(&dir).map_err(io_error("create", &dir))?;
        let container = Self { dir, config };
        container.write("config.json", &container.config)?;
        Ok(container)
    }

    /// Every container, the newest first. A folder that is being made or removed is left out.
    pub fn list(store: &Store) -> Result<Vec<Self>, RunnerError> {
        let root = containers(store)?;
        let entries = fs::read_dir(&root).map_err(io_error("read", &root))?;
        let mut all: Vec<Self> = entries
            .filter_map(Result::ok)
            .filter_map(|entry| {
                let dir = entry.path();
                let config = serde_json::from_slice(&fs::read(dir.join("config.json")).ok()?).ok()?;
                Some(Self { dir, config })
            })
            .collect();
        all.sort_by(|a, b| (b.config.created_ms, &b.config.id).cmp(&(a.config.created_ms, &a.config.id)));
        Ok(all)
    }

    /// The container of that name or id, or whose id begins so.
    pub fn find(store: &Store, name: &str) -> Result<Self, RunnerError> {
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

    /// Its folder.
    pub fn dir(&self) -> &Path {
        &self.dir
    }

    /// What became of it so far.
    pub fn state(&self) -> ContainerState {
        fs::read(self.dir.join("state.json"))
            .ok()
            .and_then(|bytes| serde_json::from_slice(&bytes).ok())
            .unwrap_or_default()
    }

    /// Writes what became of it.
    pub fn save_state(&self, state: &ContainerState) -> Result<(), RunnerError> {
        self.write("state.json", state)
    }

    /// Takes it under watch; fails if another process has it.
    pub fn watch(&self) -> Result<Watch, RunnerError> {
        let path = self.dir.join("lock");
        let lock = File::create(&path).map_err(io_error("create", &path))?;
        match lock.try_lock() {
            Ok(()) => Ok(Watch { _lock: lock }),
            Err(_) => Err(RunnerError::Running { id: short(&self.config.id).to_owned() }),
        }
    }

    /// True if some process watches over it.
    pub fn is_running(&self) -> bool {
        match File::open(self.dir.join("lock")) {
            Ok(lock) => lock.try_lock_shared().is_err(),
            Err(_) => false,
        }
    }

    /// Waits until no process watches over it any more.
    pub fn wait(&self) -> Result<(), RunnerError> {
        let path = self.dir.join("lock");
        match File::open(&path) {
            Ok(lock) => lock.lock_shared().map_err(io_error("lock", &path)),
            // It was removed as it ended.
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
            Err(error) => Err(io_error("open", &path)(error)),
        }
    }

    /// Removes its folder; it must have ended.
    pub fn remove(&self) -> Result<(), RunnerError> {
        if self.is_running() {
            return Err(RunnerError::Running { id: short(&self.config.id).to_owned() });
        }
        self.remove_dir()
    }

    /// Removes its folder; called by the process that watches over it, at its end.
    pub fn remove_dir(&self) -> Result<(), RunnerError> {
        match fs::remove_dir_all(&self.dir) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => {
                Err(io_error("remove", &self.dir)(error))
            }
            _ => Ok(()),
        }
    }

    /// Writes a document: whole or not at all.
    fn write(&self, name: &str, document: &impl Serialize) -> Result<(), RunnerError> {
        let (path, tmp) = (self.dir.join(name), self.dir.join(format!(".{name}.tmp")));
        let bytes = serde_json::to_vec_pretty(document).expect("a document is plain data");
        let write = || -> io::Result<()> {
            let mut file = File::create(&tmp)?;
            file.write_all(&bytes)?;
            file.sync_all()?;
            fs::rename(&tmp, &path)
        };
        write().map_err(io_error("write", &path))
    }
}

/// The 12 digits that people see.
pub fn short(id: &str) -> &str {
    id.get(..12).unwrap_or(id)
}

/// A new id: 64 random hex digits.
pub fn new_id() -> String {
    let mut bytes = [0; 32];
    getrandom::fill(&mut bytes).expect("the kernel gives random bytes");
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn containers(store: &Store) -> Result<PathBuf, RunnerError> {
    let root = store.root().join("containers");
    fs::create_dir_all(&root).map_err(io_error("create", &root))?;
    Ok(root)
}

/// `[a-zA-Z0-9][a-zA-Z0-9_.-]*`, as docker has it.
fn valid_name(name: &str) -> bool {
    let mut bytes = name.bytes();
    bytes.next().is_some_and(|b| b.is_ascii_alphanumeric())
        && bytes.all(|b| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'.' | b'-'))
        && name.len() <= 128
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_dockers() {
        let check = |name, expected| assert_eq!(valid_name(name), expected, "{name}");
        check("titanic", true);
        check("a_b.c-1", true);
        check("", false);
        check(".hidden", false);
        check("../../x", false);
        check("a/b", false);
    }

    #[test]
    fn ids_differ() {
        assert_ne!(new_id(), new_id());
        assert_eq!(new_id().len(), 64);
    }
}
