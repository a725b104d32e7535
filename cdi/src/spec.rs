//! A file in which a vendor says what a device needs, as JSON or YAML.
//!
//! Of fields that are unknown nobody can say whether they may be left out: they fail.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use serde::Deserialize;
use serde::de::IgnoredAny;

use crate::name::{check_kind, check_name};

/// A file.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct Spec {
    pub cdi_version: String,
    /// `vendor/class`.
    pub kind: String,
    #[serde(default)]
    pub annotations: BTreeMap<String, String>,
    pub devices: Vec<DeviceSpec>,
    /// What each of its devices needs.
    #[serde(default)]
    pub container_edits: ContainerEdits,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct DeviceSpec {
    pub name: String,
    #[serde(default)]
    pub annotations: BTreeMap<String, String>,
    #[serde(default)]
    pub container_edits: ContainerEdits,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub(crate) struct ContainerEdits {
    pub env: Vec<String>,
    pub device_nodes: Vec<DeviceNode>,
    pub net_devices: Vec<IgnoredAny>,
    pub mounts: Vec<Mount>,
    pub hooks: Vec<Hook>,
    pub intel_rdt: Option<IgnoredAny>,
    pub additional_gids: Vec<u32>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct DeviceNode {
    /// In the container.
    pub path: PathBuf,
    /// On this machine; the same where absent.
    pub host_path: Option<PathBuf>,
    /// `b`, `c`, `u` (the same), `p`; the host's where absent.
    #[serde(rename = "type")]
    pub kind: Option<String>,
    pub major: Option<u32>,
    pub minor: Option<u32>,
    pub file_mode: Option<u32>,
    /// Some of `rwm`; all where absent.
    pub permissions: Option<String>,
    pub uid: Option<u32>,
    pub gid: Option<u32>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct Mount {
    pub host_path: PathBuf,
    pub container_path: PathBuf,
    #[serde(rename = "type")]
    pub kind: Option<String>,
    #[serde(default)]
    pub options: Vec<String>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct Hook {
    #[expect(dead_code, reason = "none is run, so when does not matter")]
    pub hook_name: String,
    pub path: PathBuf,
    #[serde(default)]
    pub args: Vec<String>,
    #[expect(dead_code, reason = "none is run")]
    #[serde(default)]
    pub env: Vec<String>,
    #[expect(dead_code, reason = "none is run")]
    pub timeout: Option<i64>,
}

impl Spec {
    /// Reads a file's text; the error has the line where there is one.
    pub fn parse(text: &str) -> Result<Self, String> {
        // JSON is YAML. A mode is often written as C has it.
        let options = serde_saphyr::options! { legacy_octal_numbers: true, with_snippet: false };
        let spec: Self = serde_saphyr::from_str_with_options(text, options)
            .map_err(|error| error.without_snippet().to_string())?;
        spec.check()?;
        Ok(spec)
    }

    fn check(&self) -> Result<(), String> {
        if !is_known_version(&self.cdi_version) {
            return Err(format!("cdiVersion {:?} is none of 0.3 to 1.x", self.cdi_version));
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
                return Err(at("there are two of that name"));
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

/// `0.3.0` and later; what a version 2 means is not known yet.
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
    fn yaml_and_json_say_the_same() {
        let json = r#"{"cdiVersion": "0.5.0", "kind": "vendor.com/device",
            "annotations": {"org.mobyproject.buildkit.device.autoallow": "true"},
            "containerEdits": {"env": ["ALL=1"]},
            "devices": [{"name": "0", "containerEdits": {
                "deviceNodes": [{"path": "/dev/x", "hostPath": "/dev/null", "fileMode": 432}]}}]}"#;
        let [yaml, json] = [YAML, json].map(|text| format!("{:?}", Spec::parse(text).expect("a spec")));
        assert_eq!(yaml, json);
    }

    #[track_caller]
    fn check_error(from: &str, to: &str, expected: &str) {
        assert!(YAML.contains(from), "{from}");
        let error = Spec::parse(&YAML.replace(from, to)).expect_err("no spec");
        assert!(error.contains(expected), "{error}");
    }

    #[test]
    fn what_is_no_spec() {
        check_error("0.5.0", "0.2.0", "cdiVersion \"0.2.0\" is none of");
        check_error("0.5.0", "2.0.0", "cdiVersion \"2.0.0\" is none of");
        check_error("vendor.com/device", "device", "kind \"device\": it is not VENDOR/CLASS");
        check_error("\"0\"", "\"a b\"", "device \"a b\": a name");
        check_error("path: /dev/x", "path: dev/x", "device \"0\": the path \"dev/x\" is not absolute");
        check_error("ALL=1", "ALL", "the variable \"ALL\" is not NAME=VALUE");
        check_error("fileMode", "filemode", "unknown field `filemode`");
        check_error("devices:", "devices: [", "at line 9, column 1");
        check_error("0660", "x", "at line 14, column 17");
    }
}
