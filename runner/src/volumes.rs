//! The volumes of a store: making, finding, listing and removing them.
//!
//! ```text
//! <store>/volumes/<name>/             the data, mounted into containers
//! <store>/volumes/.about/<name>.json  labels and options; volumes of older versions have none
//! ```
//!
//! Concurrency: a volume is removed only if no container has it. A container that starts at that moment makes it anew.

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::path::PathBuf;
use std::time::UNIX_EPOCH;

use cache::Store;
use serde::{Deserialize, Serialize};

use crate::RunnerError;
use crate::container::{Container, new_id};
use crate::error::io_error;

/// Directory of the documents about volumes. No volume has such a name.
const ABOUT: &str = ".about";

/// Longest name of a volume, in bytes.
const MAX_NAME_BYTES: usize = 200;

/// A volume to make.
#[derive(Debug, Clone, Default)]
pub struct NewVolume {
    /// Name of the volume; `None` for an anonymous one.
    pub name: Option<String>,
    /// Labels of the volume, by key.
    pub labels: BTreeMap<String, String>,
    /// Options of the driver `local`: `type`, `device` and `o`, as for mount(8).
    pub options: BTreeMap<String, String>,
}

/// A volume of a store.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct StoredVolume {
    /// Name, also of the directory.
    pub name: String,
    /// Labels of the volume, by key.
    pub labels: BTreeMap<String, String>,
    /// Options of the driver, by key.
    pub options: BTreeMap<String, String>,
    /// Whether its name was made up, so that it goes with its container.
    pub is_anonymous: bool,
    /// Time of creation, in milliseconds since 1970.
    pub created_ms: u64,
}

impl StoredVolume {
    /// Reports whether the data is in the store, and not elsewhere on this machine.
    pub fn is_in_store(&self) -> bool {
        !self.options.contains_key("device")
    }

    /// Returns the directory that is mounted.
    pub fn source(&self, store: &Store) -> PathBuf {
        match self.options.get("device").filter(|_| self.tmpfs_options().is_none()) {
            Some(device) => PathBuf::from(device),
            None => path(store, &self.name),
        }
    }

    /// Returns the options of a volume in memory; `None` for another one.
    pub fn tmpfs_options(&self) -> Option<Vec<(String, String)>> {
        if self.options.get("type").map(String::as_str) != Some("tmpfs") {
            return None;
        }
        let options = self.options.get("o").map_or("", String::as_str).split(',');
        let pair = |text: &str| text.split_once('=').map(|(name, value)| (name.to_owned(), value.to_owned()));
        Some(options.filter_map(pair).collect())
    }
}

/// Makes a volume, unless it exists, and returns its name.
pub fn create(store: &Store, new: &NewVolume) -> Result<String, RunnerError> {
    let name = match &new.name {
        Some(name) => name.clone(),
        None => new_id()?,
    };
    check_name(&name)?;
    check_options(&new.options)?;
    let dir = path(store, &name);
    if dir.is_dir() {
        return Ok(name);
    }
    let about = volumes_dir(store).join(ABOUT);
    fs::create_dir_all(&about).map_err(io_error("create", &about))?;
    let created_ms = crate::clock::now_ms();
    let volume = StoredVolume {
        name: name.clone(),
        labels: new.labels.clone(),
        options: new.options.clone(),
        is_anonymous: new.name.is_none(),
        created_ms,
    };
    let file = about.join(format!("{name}.json"));
    let text = serde_json::to_vec(&volume).expect("plain data");
    fs::write(&file, text).map_err(io_error("write", &file))?;
    match fs::create_dir(&dir) {
        // Another process has made it a moment ago.
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
        made => made.map_err(io_error("create", &dir))?,
    }
    Ok(name)
}

/// Finds a volume by its whole name.
pub fn find(store: &Store, name: &str) -> Result<StoredVolume, RunnerError> {
    if !list(store)?.iter().any(|known| known == name) {
        return Err(RunnerError::NoVolume { name: name.to_owned() });
    }
    let file = volumes_dir(store).join(ABOUT).join(format!("{name}.json"));
    let about: Option<StoredVolume> =
        fs::read(&file).ok().and_then(|bytes| serde_json::from_slice(&bytes).ok());
    let made = || {
        let time = fs::metadata(path(store, name)).ok()?.modified().ok()?.duration_since(UNIX_EPOCH).ok()?;
        u64::try_from(time.as_millis()).ok()
    };
    Ok(about.filter(|about| about.name == name).unwrap_or_else(|| StoredVolume {
        name: name.to_owned(),
        created_ms: made().unwrap_or(0),
        ..StoredVolume::default()
    }))
}

/// Lists the names of all volumes, sorted.
pub fn list(store: &Store) -> Result<Vec<String>, RunnerError> {
    let dir = volumes_dir(store);
    let entries = match fs::read_dir(&dir) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        entries => entries.map_err(io_error("read", &dir))?,
    };
    let is_dir = |entry: &fs::DirEntry| entry.file_type().is_ok_and(|kind| kind.is_dir());
    let names = entries.filter_map(Result::ok).filter(is_dir);
    let names = names.map(|entry| entry.file_name().to_string_lossy().into_owned());
    let mut names: Vec<String> = names.filter(|name| name != ABOUT).collect();
    names.sort();
    Ok(names)
}

/// Returns the directory with the data of a volume, whether or not it exists.
pub fn path(store: &Store, name: &str) -> PathBuf {
    volumes_dir(store).join(name)
}

/// Removes a volume with everything in it; returns whether it existed.
pub fn remove(store: &Store, name: &str) -> Result<bool, RunnerError> {
    // A name is one part of a path: nothing else is a volume.
    if !list(store)?.iter().any(|known| known == name) {
        return Ok(false);
    }
    let dir = path(store, name);
    fs::remove_dir_all(&dir).map_err(io_error("remove", &dir))?;
    let file = volumes_dir(store).join(ABOUT).join(format!("{name}.json"));
    match fs::remove_file(&file) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(io_error("remove", &file)(error)),
        _ => Ok(true),
    }
}

/// Removes the anonymous volumes of a container that is gone, except volumes that another container has.
pub fn remove_of(store: &Store, gone: &Container) -> Result<(), RunnerError> {
    let mut volumes = gone.config.volumes.iter().filter(|one| one.is_anonymous).peekable();
    if volumes.peek().is_none() {
        return Ok(());
    }
    let others = Container::list(store)?;
    for name in volumes.filter_map(|one| one.source.file_name()?.to_str()) {
        let is_used = |other: &Container| other.config.id != gone.config.id && other.config.uses_volume(name);
        if !others.iter().any(is_used) {
            remove(store, name)?;
        }
    }
    Ok(())
}

/// Refuses a name that docker refuses: `[a-zA-Z0-9][a-zA-Z0-9_.-]*`.
fn check_name(name: &str) -> Result<(), RunnerError> {
    let mut bytes = name.bytes();
    let is_valid = bytes.next().is_some_and(|byte| byte.is_ascii_alphanumeric())
        && bytes.all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'.' | b'-'))
        && name.len() <= MAX_NAME_BYTES;
    if is_valid {
        return Ok(());
    }
    Err(RunnerError::BadVolume {
        text: name.to_owned(),
        reason: "a name consists of letters, digits, '_', '.' and '-', and begins with a letter or a digit"
            .to_owned(),
    })
}

/// Refuses options of mounts that a container cannot have: only directories of this machine, and memory.
fn check_options(options: &BTreeMap<String, String>) -> Result<(), RunnerError> {
    let bad = |key: &str, reason: &str| {
        let text = format!("{key}={}", options.get(key).map_or("", String::as_str));
        Err(RunnerError::BadVolume { text, reason: reason.to_owned() })
    };
    if let Some(key) = options.keys().find(|key| !["type", "device", "o"].contains(&key.as_str())) {
        return bad(key, "the options are type, device and o");
    }
    let kind = options.get("type").map_or("none", String::as_str);
    let flags = options.get("o").map_or("", String::as_str);
    match (kind, options.get("device")) {
        ("tmpfs", _) => Ok(()),
        ("none" | "bind" | "", None) if flags.is_empty() => Ok(()),
        ("none" | "bind" | "", None) => bad("o", "it needs a device"),
        ("none" | "bind" | "", Some(device)) if !device.starts_with('/') => {
            bad("device", "it must be an absolute path")
        }
        ("none" | "bind" | "", Some(_)) if flags.split(',').any(|flag| flag == "bind" || flag == "rbind") => {
            Ok(())
        }
        ("none" | "bind" | "", Some(_)) => bad("o", "a device of type none is mounted with o=bind"),
        _ => bad("type", "a container can have only type=none with o=bind, and type=tmpfs"),
    }
}

fn volumes_dir(store: &Store) -> PathBuf {
    store.root().join("volumes")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_one_part_of_a_path() {
        for name in ["data", "a_b.c-1", "0"] {
            assert!(check_name(name).is_ok(), "{name}");
        }
        for name in ["", ".about", "../x", "a/b", "-x", "a b", &"x".repeat(300)] {
            assert!(check_name(name).is_err(), "{name}");
        }
    }

    #[test]
    fn options_that_a_container_cannot_have_are_refused() {
        let check = |text: &str, is_valid: bool| {
            let pairs = text.split(' ').filter_map(|pair| pair.split_once('='));
            let options = pairs.map(|(name, value)| (name.to_owned(), value.to_owned())).collect();
            assert_eq!(check_options(&options).is_ok(), is_valid, "{text}");
        };
        check("", true);
        check("type=none device=/srv o=bind", true);
        check("type=tmpfs device=tmpfs o=size=100m,uid=1000", true);
        check("type=none device=srv o=bind", false);
        check("type=none device=/srv", false);
        check("o=bind", false);
        check("type=nfs device=:/x o=addr=192.0.2.1", false);
        check("size=1g", false);
    }

    #[test]
    fn a_volume_in_memory_has_options_of_tmpfs() {
        let options = |pairs: &[(&str, &str)]| {
            pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
        };
        let volume =
            |pairs: &[(&str, &str)]| StoredVolume { options: options(pairs), ..StoredVolume::default() };
        let tmpfs = volume(&[("type", "tmpfs"), ("device", "tmpfs"), ("o", "size=1m,ro,uid=5")]);
        let expected =
            [("size", "1m"), ("uid", "5")].map(|(name, value)| (name.to_owned(), value.to_owned()));
        assert_eq!(tmpfs.tmpfs_options(), Some(expected.to_vec()));
        assert_eq!(volume(&[("type", "none"), ("device", "/srv")]).tmpfs_options(), None);
    }
}
