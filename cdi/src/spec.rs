//! Spec files: JSON or YAML in which a vendor describes devices and the changes that they require.
//!
//! An unknown field is an error, because ignoring it could be wrong. Fields without a comment are those of SPEC.md.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use serde::Deserialize;
use serde::de::IgnoredAny;

use crate::name::{check_kind, check_name};

/// The content of a spec file.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct CdiSpec {
    pub cdi_version: String,
    /// Vendor and class of the devices: `nvidia.com/gpu`.
    pub kind: String,
    #[serde(default)]
    pub annotations: BTreeMap<String, String>,
    pub devices: Vec<DeviceSpec>,
    /// Changes that every device of the file requires.
    #[serde(default)]
    pub container_edits: ContainerEdits,
}

/// A device that the file describes.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct DeviceSpec {
    pub name: String,
    #[serde(default)]
    pub annotations: BTreeMap<String, String>,
    #[serde(default)]
    pub container_edits: ContainerEdits,
}

/// Changes to a container that devices require.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub(crate) struct ContainerEdits {
    /// Variables of the form `NAME=VALUE`.
    pub env: Vec<String>,
    pub device_nodes: Vec<DeviceNode>,
    pub net_devices: Vec<IgnoredAny>,
    pub mounts: Vec<SpecMount>,
    pub hooks: Vec<Hook>,
    pub intel_rdt: Option<IgnoredAny>,
    /// Ids of supplementary groups for the process.
    pub additional_gids: Vec<u32>,
}

/// A device node to create in the container.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct DeviceNode {
    /// Path in the container.
    pub path: PathBuf,
    /// Path on this machine; the same as in the container if absent.
    pub host_path: Option<PathBuf>,
    /// Type of the node: `b` for block, `c` or `u` for character, `p` for a pipe; the host's type if absent.
    #[serde(rename = "type")]
    pub kind: Option<String>,
    pub major: Option<u32>,
    pub minor: Option<u32>,
    pub file_mode: Option<u32>,
    /// Letters of `rwm` (read, write, mknod); all if absent.
    pub permissions: Option<String>,
    pub uid: Option<u32>,
    pub gid: Option<u32>,
}

/// A file or directory of this machine to mount in the container.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct SpecMount {
    pub host_path: PathBuf,
    pub container_path: PathBuf,
    /// Type of the file system: `bind`, or a type that is not supported; `bind` if absent.
    #[serde(rename = "type")]
    pub kind: Option<String>,
    /// Options of mount(8): `ro`, `nosuid`.
    #[serde(default)]
    pub options: Vec<String>,
}

/// A program that a runtime would run while it creates the container.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct Hook {
    #[expect(dead_code, reason = "no hook is run, so that the time does not matter")]
    pub hook_name: String,
    pub path: PathBuf,
    /// Arguments, of which the first is the name of the program.
    #[serde(default)]
    pub args: Vec<String>,
    #[expect(dead_code, reason = "no hook is run")]
    #[serde(default)]
    pub env: Vec<String>,
    #[expect(dead_code, reason = "no hook is run")]
    pub timeout: Option<i64>,
}

impl CdiSpec {
    /// Parses the text of a file. The error names the line if it is about one.
    pub fn parse(text: &str) -> Result<Self, String> {
        // JSON is a subset of YAML. Many specs write modes in octal as C does: 0660.
        let options = serde_saphyr::options! { legacy_octal_numbers: true, with_snippet: false };
        let spec: Self = serde_saphyr::from_str_with_options(text, options)
            .map_err(|error| error.without_snippet().to_string())?;
        spec.check()?;
        Ok(spec)
    }

    fn check(&self) -> Result<(), String> {
        if !is_known_version(&self.cdi_version) {
            return Err(format!("cdiVersion {:?} is not supported (0.3 to 1.x are)", self.cdi_version));
        }
        check_kind(&self.kind).map_err(|reason| format!("kind {:?}: {reason}", self.kind))?;
        if self.devices.is_empty() {
            return Err("it has no devices".to_owned());
        }
        self.container_edits.check()?;
        let mut names = BTreeSet::new();
        for device in &self.devices {
            let at = |reason: &str| format!("device {:?}: {reason}", device.name);
            check_name(&device.name).map_err(at)?;
            if !names.insert(&device.name) {
                return Err(at("two devices have this name"));
            }
            device.container_edits.check().map_err(|reason| at(&reason))?;
        }
        Ok(())
    }
}

impl ContainerEdits {
    fn check(&self) -> Result<(), String> {
        if let Some(entry) = self.env.iter().find(|entry| entry.find('=').unwrap_or(0) == 0) {
            return Err(format!("the variable {entry:?} is not NAME=VALUE"));
        }
        let nodes = self.device_nodes.iter().flat_map(|node| [Some(&node.path), node.host_path.as_ref()]);
        let mounts =
            self.mounts.iter().flat_map(|mount| [Some(&mount.container_path), Some(&mount.host_path)]);
        let is_relative = |path: &&PathBuf| !Path::is_absolute(path);
        match nodes.chain(mounts).flatten().find(is_relative) {
            Some(path) => Err(format!("the path {path:?} is not absolute")),
            None => Ok(()),
        }
    }
}

/// Reports whether a version is 0.3 to 1.x. A version 2 could give the fields another meaning.
fn is_known_version(text: &str) -> bool {
    let mut numbers = text.strip_prefix('v').unwrap_or(text).split('.').map(str::parse::<u32>);
    match (numbers.next(), numbers.next()) {
        (Some(Ok(0)), Some(Ok(minor))) => minor >= 3,
        (Some(Ok(1)), Some(Ok(_))) => true,
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const YAML: &str = "---
cdiVersion: 0.5.0
kind: vendor.com/device
annotations:
  org.mobyproject.buildkit.device.autoallow: true
containerEdits:
  env: [ALL=1]
devices:
- name: \"0\"
  containerEdits:
    deviceNodes:
    - path: /dev/x
      hostPath: /dev/null
      fileMode: 0660
";

    #[test]
    fn yaml_and_json_are_parsed_alike() {
        let json = r#"{"cdiVersion": "0.5.0", "kind": "vendor.com/device",
            "annotations": {"org.mobyproject.buildkit.device.autoallow": "true"},
            "containerEdits": {"env": ["ALL=1"]},
            "devices": [{"name": "0", "containerEdits": {
                "deviceNodes": [{"path": "/dev/x", "hostPath": "/dev/null", "fileMode": 432}]}}]}"#;
        let [yaml, json] =
            [YAML, json].map(|text| format!("{:?}", CdiSpec::parse(text).expect("a valid spec")));
        assert_eq!(yaml, json);
    }

    #[track_caller]
    fn check_error(from: &str, to: &str, expected: &str) {
        assert!(YAML.contains(from), "{from}");
        let error = CdiSpec::parse(&YAML.replace(from, to)).expect_err("an invalid spec");
        assert!(error.contains(expected), "{error}");
    }

    #[test]
    fn an_unsupported_version_is_refused() {
        check_error("0.5.0", "0.2.0", "cdiVersion \"0.2.0\" is not supported");
        check_error("0.5.0", "2.0.0", "cdiVersion \"2.0.0\" is not supported");
    }

    #[test]
    fn an_invalid_name_is_refused() {
        check_error("vendor.com/device", "device", "kind \"device\": it is not VENDOR/CLASS");
        check_error("\"0\"", "\"a b\"", "device \"a b\": a name");
    }

    #[test]
    fn a_relative_path_is_refused() {
        check_error("path: /dev/x", "path: dev/x", "device \"0\": the path \"dev/x\" is not absolute");
    }

    #[test]
    fn a_variable_without_a_value_is_refused() {
        check_error("ALL=1", "ALL", "the variable \"ALL\" is not NAME=VALUE");
    }

    #[test]
    fn an_unknown_field_is_refused() {
        check_error("fileMode", "filemode", "unknown field `filemode`");
    }

    #[test]
    fn a_syntax_error_has_its_line() {
        check_error("devices:", "devices: [", "at line 9, column 1");
        check_error("0660", "x", "at line 14, column 17");
    }
}
