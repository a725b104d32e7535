//! The spec files of some directories, and the devices in them.
//!
//! A device in a later directory overrides one of the same name in an earlier directory: `/var/run/cdi`, which is
//! filled at each start of the machine, overrides `/etc/cdi`. A device that two files of one directory describe is left
//! out, because neither file has precedence.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::name::Selector;
use crate::spec::CdiSpec;
use crate::{CdiError, Request};

/// Annotation with the class of a device. A request can name a class instead of a device.
const CLASS: &str = "org.mobyproject.buildkit.device.class";
/// Annotation of devices that builds can use without `--allow device`.
const AUTO_ALLOW: &str = "org.mobyproject.buildkit.device.autoallow";

/// Size limit of a spec file. NVIDIA's spec for eight GPUs has 100 KB.
const MAX_SPEC_BYTES: u64 = 8 << 20;

/// All devices that the spec files of this machine describe.
#[derive(Debug, Default)]
pub struct Inventory {
    /// Devices by their full name.
    devices: BTreeMap<String, Device>,
    problems: Vec<String>,
}

/// A device that a spec file describes.
#[derive(Debug, Clone)]
pub struct Device {
    /// Vendor, class and name: `vendor.com/class=name`.
    name: String,
    pub(crate) file: Arc<SpecFile>,
    /// Index of the device in the file.
    pub(crate) index: usize,
}

/// A spec with the path of its file.
#[derive(Debug)]
pub(crate) struct SpecFile {
    pub path: PathBuf,
    pub spec: CdiSpec,
}

impl Inventory {
    /// Reads the `.json` and `.yaml` files of `dirs`. A directory that does not exist counts as empty.
    pub fn read(dirs: &[PathBuf]) -> Self {
        let mut inventory = Self::default();
        dirs.iter().for_each(|dir| inventory.add(dir));
        inventory
    }

    fn add(&mut self, dir: &Path) {
        let mut devices: BTreeMap<String, Device> = BTreeMap::new();
        // Names that two files describe, with the path of the first one.
        let mut duplicates = BTreeSet::new();
        for path in spec_paths(dir) {
            let spec = read(&path).map_err(|error| error.to_string()).and_then(|text| CdiSpec::parse(&text));
            match spec {
                Ok(spec) => devices_of(SpecFile { path, spec }).for_each(|device| {
                    let name = device.name.clone();
                    if let Some(first) = devices.insert(name.clone(), device) {
                        duplicates.insert((name, first.file.path.clone()));
                    }
                }),
                Err(reason) => self.problems.push(format!("{}: {reason}", path.display())),
            }
        }
        for (name, path) in duplicates {
            let other = devices.remove(&name).map(|device| device.file.path.display().to_string());
            let other = other.unwrap_or_else(|| dir.display().to_string());
            self.problems.push(format!("{name}: both {} and {other} describe it", path.display()));
            self.devices.remove(&name);
        }
        self.devices.extend(devices);
    }

    /// Returns the devices that `request` selects, sorted by name; empty if no such device exists.
    pub fn find(&self, request: &Request) -> Vec<&Device> {
        let prefix = format!("{}=", request.kind);
        let mut kind = self.devices.values().filter(|device| device.name.starts_with(&prefix));
        match &request.selector {
            Selector::First => kind.next().into_iter().collect(),
            Selector::All => kind.collect(),
            Selector::Named(name) => match self.devices.get(&format!("{prefix}{name}")) {
                Some(device) => vec![device],
                None => kind.filter(|device| device.annotation(CLASS) == Some(name)).collect(),
            },
        }
    }

    /// Returns the error for a request that selects no device.
    pub fn missing(&self, request: &Request) -> CdiError {
        CdiError::Missing { name: request.to_string(), problems: self.problems.clone() }
    }

    /// Returns the files and devices that were left out, each with the reason.
    pub fn problems(&self) -> &[String] {
        &self.problems
    }
}

impl Device {
    /// Returns the full name: `vendor.com/class=name`.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Reports whether the spec allows all builds to use the device.
    pub fn is_auto_allowed(&self) -> bool {
        self.annotation(AUTO_ALLOW)
            .is_some_and(|value| matches!(value, "1" | "t" | "T" | "true" | "True" | "TRUE"))
    }

    /// Returns an annotation of the device, or else of its file.
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

/// Returns the paths of the spec files in `dir`, sorted by name.
fn spec_paths(dir: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(dir).into_iter().flatten().flatten();
    let is_spec =
        |path: &PathBuf| path.extension().is_some_and(|ending| ending == "json" || ending == "yaml");
    let mut paths: Vec<PathBuf> = entries.map(|entry| entry.path()).filter(is_spec).collect();
    paths.sort_unstable();
    paths
}

fn read(path: &Path) -> io::Result<String> {
    let found = fs::metadata(path)?;
    if !found.is_file() || found.len() > MAX_SPEC_BYTES {
        return Err(io::Error::other("it is not a regular file of at most 8 MiB"));
    }
    fs::read_to_string(path)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Directories with spec files: `etc`, and `run`, which overrides it.
    struct SpecDirs(tempfile::TempDir);

    impl SpecDirs {
        fn new() -> Self {
            Self(tempfile::tempdir().expect("a temporary directory can be made"))
        }

        /// Writes a spec file with devices of `vendor.com/device`, each given as `name` or `name@class`.
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
            fs::create_dir_all(path.parent().expect("a parent")).expect("a directory can be made");
            fs::write(path, text).expect("a file can be written");
        }

        fn read(&self) -> Inventory {
            Inventory::read(&["missing", "etc", "run"].map(|name| self.0.path().join(name)))
        }
    }

    #[track_caller]
    fn check(inventory: &Inventory, request: &str, expected: &[&str]) {
        let found = inventory.find(&request.parse().expect("a valid request"));
        let names: Vec<&str> = found.iter().map(|device| device.name()).collect();
        assert_eq!(names, expected, "{request}");
    }

    /// Reads a file with four devices, two of them of the class `one`, and compares the names that a request selects.
    #[track_caller]
    fn check_selected(request: &str, expected: &[&str]) {
        let dirs = SpecDirs::new();
        dirs.spec("etc/a.yaml", "", &["foo@one", "bar@one", "baz@two", "two"]);
        let expected: Vec<String> = expected.iter().map(|name| format!("vendor.com/device={name}")).collect();
        check(&dirs.read(), request, &expected.iter().map(String::as_str).collect::<Vec<_>>());
    }

    #[test]
    fn a_name_selects_one_device() {
        check_selected("vendor.com/device=foo", &["foo"]);
    }

    #[test]
    fn a_request_without_a_name_selects_the_first_device() {
        check_selected("vendor.com/device", &["bar"]);
    }

    #[test]
    fn a_star_selects_all_devices() {
        check_selected("vendor.com/device=*", &["bar", "baz", "foo", "two"]);
    }

    #[test]
    fn a_class_selects_its_devices() {
        check_selected("vendor.com/device=one", &["bar", "foo"]);
    }

    #[test]
    fn a_name_goes_before_a_class() {
        check_selected("vendor.com/device=two", &["two"]);
    }

    #[test]
    fn an_unknown_name_or_kind_selects_nothing() {
        check_selected("vendor.com/device=no", &[]);
        check_selected("vendor.com/dev=*", &[]);
    }

    #[test]
    fn a_later_directory_overrides_an_earlier_one() {
        let dirs = SpecDirs::new();
        dirs.spec("etc/a.yaml", "", &["x", "y"]);
        dirs.spec("run/b.yaml", &format!("{AUTO_ALLOW}: true"), &["x"]);
        let inventory = dirs.read();
        check(&inventory, "vendor.com/device=*", &["vendor.com/device=x", "vendor.com/device=y"]);
        let allowed = |name: &str| inventory.devices[name].is_auto_allowed();
        assert!(allowed("vendor.com/device=x") && !allowed("vendor.com/device=y"));
    }

    #[test]
    fn a_device_that_two_files_of_a_directory_describe_is_left_out() {
        let dirs = SpecDirs::new();
        dirs.spec("etc/a.yaml", "", &["z"]);
        dirs.spec("run/b.yaml", "", &["x", "z"]);
        dirs.spec("run/c.json", "", &["z"]);
        let inventory = dirs.read();
        check(&inventory, "vendor.com/device=*", &["vendor.com/device=x"]);
        let [problem] = inventory.problems() else { panic!("{:?}", inventory.problems()) };
        assert!(
            problem.starts_with("vendor.com/device=z: both ") && problem.contains("b.yaml and "),
            "{problem}"
        );
    }

    #[test]
    fn the_error_about_a_missing_device_lists_unreadable_files() {
        let dirs = SpecDirs::new();
        dirs.file("run/d.json", "{");
        dirs.file("run/e.txt", "{");
        let error = dirs.read().missing(&"vendor.com/device=z".parse().expect("a valid request")).to_string();
        let expected = "required device \"vendor.com/device=z\" is not registered; left out: ";
        assert!(error.starts_with(expected) && error.contains("d.json: unclosed bracket"), "{error}");
        assert!(!error.contains("e.txt"), "{error}");
    }
}
