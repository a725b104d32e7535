//! `RUN --device`: the devices of this machine that a build asks for and may use.
//!
//! A RUN may use the devices that the user allowed (`--allow device`, `--allow device=NAME`), and devices whose own
//! description allows them to all builds. Asking for a device that does not exist needs no permission. Names are part of
//! cache keys; the hardware behind them is not, so a result that needed a GPU is found on machines without one.
//!
//! Source: BuildKit, `solver/llbsolver/vertex.go` (`ValidateEntitlements`).

use std::collections::BTreeSet;

use cdi::{CdiError, Edits, Inventory, Request};

use crate::options::RunOptions;
use graph::{AllowedDevices, DeviceRequest, Exec, Graph, Lines, Op};

/// Devices that a RUN asks for and that the user has not allowed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{names} is requested by the build but not allowed")]
pub struct DevicesNotAllowed {
    /// Names of the devices, separated by commas.
    pub names: String,
    /// Lines of the RUN.
    pub lines: Option<Lines>,
}

/// Returns the devices of this machine. Descriptions are read only if a step of `graph` asks for a device. Fails if a
/// step asks for a device that is not allowed.
pub fn inventory(graph: &Graph, options: &RunOptions) -> Result<Inventory, DevicesNotAllowed> {
    let mut asking = graph.steps.iter().filter_map(|step| match &step.op {
        Op::Exec(exec) if !exec.devices.is_empty() => Some((exec, step.meta.lines)),
        _ => None,
    });
    let Some(first) = asking.next() else { return Ok(Inventory::default()) };
    let inventory = Inventory::read(&options.device_folders);
    for (exec, lines) in std::iter::once(first).chain(asking) {
        let refused = refused(exec, &options.devices, &inventory);
        if !refused.is_empty() {
            return Err(DevicesNotAllowed { names: refused.join(", "), lines });
        }
    }
    Ok(inventory)
}

/// Returns the devices that `exec` asks for and may not use.
fn refused<'i>(exec: &Exec, allowed: &AllowedDevices, inventory: &'i Inventory) -> Vec<&'i str> {
    if allowed.all {
        return Vec::new();
    }
    let find = |name: &String| name.parse().map(|request| inventory.find(&request)).unwrap_or_default();
    let granted: BTreeSet<&str> = allowed.names.iter().flat_map(find).map(|device| device.name()).collect();
    let mut refused: Vec<&str> = exec
        .devices
        .iter()
        .filter(|device| !allowed.aliases.contains_key(&device.name))
        .flat_map(|device| find(&device.name))
        .filter(|device| !device.is_auto_allowed() && !granted.contains(device.name()))
        .map(|device| device.name())
        .collect();
    refused.sort_unstable();
    refused.dedup();
    refused
}

/// Returns the changes to the sandbox that the devices of `exec` need. Calls `missing` for optional devices that do not
/// exist.
pub fn edits(
    exec: &Exec,
    options: &RunOptions,
    inventory: &Inventory,
    missing: impl FnMut(&CdiError),
) -> Result<Edits, CdiError> {
    let aliases = &options.devices.aliases;
    let request = |device: &DeviceRequest| -> Result<(Request, bool), CdiError> {
        let name = aliases.get(&device.name).unwrap_or(&device.name);
        Ok((name.parse()?, device.required))
    };
    let requests = exec.devices.iter().map(request).collect::<Result<Vec<_>, _>>()?;
    inventory.edits(requests.iter().map(|(request, required)| (request, *required)), missing)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    fn inventory() -> Inventory {
        let dir = tempfile::tempdir().expect("a folder");
        let text = "cdiVersion: 0.6.0\nkind: v.com/gpu\ndevices: [{name: a}, {name: b}, {name: free, annotations: {org.mobyproject.buildkit.device.autoallow: true}}]\n";
        std::fs::write(dir.path().join("x.yaml"), text).expect("a file");
        Inventory::read(&[dir.path().to_owned()])
    }

    #[track_caller]
    fn check(allowed: &AllowedDevices, asked: &[&str], expected: &[&str]) {
        let device = |name: &&str| DeviceRequest { name: (*name).to_owned(), required: true };
        let exec = Exec { devices: asked.iter().map(device).collect(), ..Exec::default() };
        assert_eq!(refused(&exec, allowed, &inventory()), expected, "{asked:?}");
    }

    #[test]
    fn only_allowed_devices_are_granted() {
        let nothing = AllowedDevices::default();
        check(&nothing, &["v.com/gpu=a", "v.com/gpu=*", "v.com/gpu=free"], &["v.com/gpu=a", "v.com/gpu=b"]);
        check(&nothing, &["v.com/gpu=free", "v.com/gpu=missing", "w.com/x"], &[]);
        check(&AllowedDevices { all: true, ..nothing.clone() }, &["v.com/gpu=*"], &[]);
        let one = AllowedDevices { names: vec!["v.com/gpu=a".into()], ..nothing.clone() };
        check(&one, &["v.com/gpu=a", "v.com/gpu"], &[]);
        check(&one, &["v.com/gpu=*"], &["v.com/gpu=b"]);
        let kind = AllowedDevices { names: vec!["v.com/gpu=*".into()], ..nothing.clone() };
        check(&kind, &["v.com/gpu=a", "v.com/gpu=b"], &[]);
        let aliases = BTreeMap::from([("x.com/y".into(), "v.com/gpu=b".into())]);
        check(&AllowedDevices { aliases, ..nothing }, &["x.com/y"], &[]);
    }

    #[test]
    fn an_alias_stands_for_its_device() {
        let aliases = BTreeMap::from([("x.com/y".into(), "v.com/gpu=b".into())]);
        let mut options = RunOptions::default();
        let exec = |name: &str, required| Exec {
            devices: vec![DeviceRequest { name: name.into(), required }],
            ..Exec::default()
        };
        let ask = |exec: &Exec, options: &RunOptions| {
            let mut told = Vec::new();
            let edits = edits(exec, options, &inventory(), |missing| told.push(missing.to_string()));
            (edits.is_ok(), told.len())
        };
        assert_eq!(ask(&exec("x.com/y", true), &options), (false, 0));
        assert_eq!(ask(&exec("x.com/y", false), &options), (true, 1));
        options.devices.aliases = aliases;
        assert_eq!(ask(&exec("x.com/y", true), &options), (true, 0));
    }
}
