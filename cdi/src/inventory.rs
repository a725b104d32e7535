//! The specs of some folders, and the devices in them.
//!
//! A later folder goes before an earlier one, so that `/var/run/cdi`, which is made anew at each start of the machine,
//! goes before `/etc/cdi`. A device that two files of one folder describe is none: nobody can say which is meant.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::name::Which;
use crate::spec::Spec;
use crate::{CdiError, Request};

/// The name of a group of devices, which a request may ask for.
const CLASS: &str = "org.mobyproject.buildkit.device.class";
/// Builds may have the device without being allowed to.
const AUTO_ALLOW: &str = "org.mobyproject.buildkit.device.autoallow";

/// A spec of NVIDIA's with eight cards has 100 KB.
const LARGEST_SPEC_BYTES: u64 = 8 << 20;

/// The devices that are described.
#[derive(Debug, Default)]
pub struct Inventory {
    devices: BTreeMap<String, Device>,
    problems: Vec<String>,
}

/// A device that a file describes.
#[derive(Debug, Clone)]
pub struct Device {
    name: String,
    pub(crate) file: Arc<SpecFile>,
    /// Its place among the devices of the file.
    pub(crate) index: usize,
}

/// A spec and where it is.
#[derive(Debug)]
pub(crate) struct SpecFile {
    pub path: PathBuf,
    pub spec: Spec,
}

impl Inventory {
    /// Reads the `.json` and `.yaml` files of `folders`; those that are not there have no files.
    pub fn read(folders: &[PathBuf]) -> Self {
        let mut inventory = Self::default();
        folders.iter().for_each(|folder| inventory.add(folder));
        inventory
    }

    fn add(&mut self, folder: &Path) {
        let mut devices: BTreeMap<String, Device> = BTreeMap::new();
        let mut twice = BTreeSet::new();
        for path in spec_paths(folder) {
            let spec = read(&path).map_err(|error| error.to_string()).and_then(|text| Spec::parse(&text));
            match spec {
                Ok(spec) => devices_of(SpecFile { path, spec }).for_each(|device| {
                    let name = device.name.clone();
                    if let Some(other) = devices.insert(name.clone(), device) {
                        twice.insert((name, other.file.path.clone()));
                    }
                }),
                Err(reason) => self.problems.push(format!("{}: {reason}", path.display())),
            }
        }
        for (name, path) in twice {
            let other = devices.remove(&name).map(|device| device.file.path.display().to_string());
            let other = other.unwrap_or_else(|| folder.display().to_string());
            self.problems.push(format!("{name}: both {} and {other} describe it", path.display()));
            self.devices.remove(&name);
        }
        self.devices.extend(devices);
    }

    /// The devices that `request` asks for, by name; none if there are none.
    pub fn find(&self, request: &Request) -> Vec<&Device> {
        let prefix = format!("{}=", request.kind);
        let mut kind = self.devices.values().filter(|device| device.name.starts_with(&prefix));
        match &request.which {
            Which::First => kind.next().into_iter().collect(),
            Which::All => kind.collect(),
            Which::Named(name) => match self.devices.get(&format!("{prefix}{name}")) {
                Some(device) => vec![device],
                None => kind.filter(|device| device.annotation(CLASS) == Some(name)).collect(),
            },
        }
    }

    /// The error that there is none of `request`.
    pub fn missing(&self, request: &Request) -> CdiError {
        CdiError::Missing { name: request.to_string(), problems: self.problems.clone() }
    }

    /// Files and devices that were left out, and why.
    pub fn problems(&self) -> &[String] {
        &self.problems
    }
}

impl Device {
    /// `vendor/class=name`.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Whether its spec says that builds may have it without being allowed to.
    pub fn is_auto_allowed(&self) -> bool {
        self.annotation(AUTO_ALLOW)
            .is_some_and(|value| matches!(value, "1" | "t" | "T" | "true" | "True" | "TRUE"))
    }

    /// Its own goes before that of its file.
    fn annotation(&self, name: &str) -> Option<&str> {
        let spec = &self.file.spec;
        let own = spec.devices[self.index].annotations.get(name);
        own.or_else(|| spec.annotations.get(name)).map(String::as_str)
    }
}

fn devices_of(file: SpecFile) -> impl Iterator<Item = Device> {
    let file = Arc::new(file);
    (0..file.spec.devices.len()).map(move |index| {
        let name = format!("{}={}", file.spec.kind, file.spec.devices[index].name);
        Device { name, file: Arc::clone(&file), index }
    })
}

/// In order of their names.
fn spec_paths(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    let is_spec =
        |path: &PathBuf| path.extension().is_some_and(|ending| ending == "json" || ending == "yaml");
    let mut paths: Vec<PathBuf> = entries.map(|entry| entry.path()).filter(is_spec).collect();
    paths.sort_unstable();
    paths
}

fn read(path: &Path) -> io::Result<String> {
    let found = fs::metadata(path)?;
    if !found.is_file() || found.len() > LARGEST_SPEC_BYTES {
        return Err(io::Error::other("it is no file of a spec's size"));
    }
    fs::read_to_string(path)
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Folders(tempfile::TempDir);

    impl Folders {
        fn new() -> Self {
            Self(tempfile::tempdir().expect("a folder"))
        }

        /// A file that describes these devices of `vendor.com/device`, each `name` or `name@class`.
        fn spec(&self, path: &str, annotation: &str, devices: &[&str]) {
            let device = |text: &&str| {
                let (name, class) = text.split_once('@').unwrap_or((text, "none"));
                format!("- name: {name}\n  annotations: {{{CLASS}: {class}}}\n")
            };
            let devices: String = devices.iter().map(device).collect();
            let text = format!(
                "cdiVersion: 0.6.0\nkind: vendor.com/device\nannotations: {{{annotation}}}\ndevices:\n{devices}"
            );
            self.file(path, &text);
        }

        fn file(&self, path: &str, text: &str) {
            let path = self.0.path().join(path);
            fs::create_dir_all(path.parent().expect("a parent")).expect("a folder");
            fs::write(path, text).expect("a file");
        }

        fn read(&self) -> Inventory {
            Inventory::read(&["missing", "etc", "run"].map(|name| self.0.path().join(name)))
        }
    }

    #[track_caller]
    fn check(inventory: &Inventory, request: &str, expected: &[&str]) {
        let found = inventory.find(&request.parse().expect("a request"));
        let names: Vec<&str> = found.iter().map(|device| device.name()).collect();
        assert_eq!(names, expected, "{request}");
    }

    #[test]
    fn names_are_looked_up_as_buildkit_does() {
        let folders = Folders::new();
        folders.spec("etc/a.yaml", "", &["foo@one", "bar@one", "baz@two", "two"]);
        let inventory = folders.read();
        let full =
            |names: &[&str]| names.iter().map(|name| format!("vendor.com/device={name}")).collect::<Vec<_>>();
        let check = |request: &str, expected: &[&str]| {
            let expected = full(expected);
            check(&inventory, request, &expected.iter().map(String::as_str).collect::<Vec<_>>());
        };
        check("vendor.com/device=foo", &["foo"]);
        check("vendor.com/device", &["bar"]);
        check("vendor.com/device=*", &["bar", "baz", "foo", "two"]);
        check("vendor.com/device=one", &["bar", "foo"]);
        check("vendor.com/device=two", &["two"]);
        check("vendor.com/device=no", &[]);
        check("vendor.com/dev=*", &[]);
    }

    #[test]
    fn later_folders_win_and_twice_in_one_is_none() {
        let folders = Folders::new();
        folders.spec("etc/a.yaml", "", &["x", "y"]);
        folders.spec("run/b.yaml", &format!("{AUTO_ALLOW}: true"), &["x", "z"]);
        folders.spec("run/c.json", "", &["z"]);
        folders.file("run/d.json", "{");
        folders.file("run/e.txt", "{");
        let inventory = folders.read();
        check(&inventory, "vendor.com/device=*", &["vendor.com/device=x", "vendor.com/device=y"]);
        let request = |text: &str| text.parse::<Request>().expect("a request");
        let allowed = |text| inventory.find(&request(text))[0].is_auto_allowed();
        assert!(allowed("vendor.com/device=x") && !allowed("vendor.com/device=y"));
        let told = inventory.missing(&request("vendor.com/device=z")).to_string();
        assert!(
            told.starts_with("required device \"vendor.com/device=z\" is not registered; left out: "),
            "{told}"
        );
        assert!(told.contains("d.json: unclosed bracket") && told.contains("b.yaml and "), "{told}");
    }
}
