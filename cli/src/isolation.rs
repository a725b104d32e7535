//! The values of flags about isolation: `--ulimit`, `--sysctl`, `--device`, `--gpus`, `--security-opt`, `--add-host`.

use std::net::IpAddr;

use crate::UsageError;

/// A limit on a resource of each process.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ulimit {
    /// Docker's name of the resource.
    pub name: String,
    /// Value that the kernel enforces; [`u64::MAX`] for none.
    pub soft: u64,
    /// Largest value that a process can set.
    pub hard: u64,
}

/// A device that a flag asks for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum DeviceRequest {
    /// Node of this machine, and its path in the container.
    Node(String, String),
    /// Name in the Container Device Interface.
    Cdi(String),
}

/// Rights that `--security-opt` changes.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct SecurityOptions {
    /// Whether every system call is allowed.
    pub seccomp_unconfined: bool,
    /// Whether set-user-ID programs have no effect.
    pub no_new_privileges: bool,
    /// Whether nothing in /proc and /sys is masked.
    pub shows_system_paths: bool,
}

/// Resources of `--ulimit`. Source: docker/go-units, ulimit.go.
const ULIMITS: [&str; 16] = [
    "core",
    "cpu",
    "data",
    "fsize",
    "locks",
    "memlock",
    "msgqueue",
    "nice",
    "nofile",
    "nproc",
    "rss",
    "rtprio",
    "rttime",
    "sigpending",
    "stack",
    "as",
];

/// Class of devices that `--gpus` means.
const GPU_CLASS: &str = "nvidia.com/gpu";

/// Reads `NAME=SOFT[:HARD]`; -1 stands for no limit.
pub fn ulimit(text: &str) -> Result<Ulimit, UsageError> {
    let bad = |why: &str| {
        UsageError::new(format!("--ulimit {text:?}: {why}"))
            .with_hint("for example --ulimit nofile=1024:4096")
    };
    let (name, values) = text.split_once('=').ok_or_else(|| bad("it is not NAME=SOFT[:HARD]"))?;
    if !ULIMITS.contains(&name) {
        return Err(bad(&format!("no resource is called {name:?}")));
    }
    let value = |text: &str| match text {
        "-1" | "unlimited" => Ok(u64::MAX),
        number => number.parse().map_err(|_| bad(&format!("{number:?} is no number"))),
    };
    let (soft, hard) = values.split_once(':').unwrap_or((values, values));
    let (soft, hard) = (value(soft)?, value(hard)?);
    if soft > hard {
        return Err(bad("the soft limit is above the hard one"));
    }
    Ok(Ulimit { name: name.to_owned(), soft, hard })
}

/// Splits a text of the form `NAME=VALUE`.
pub fn sysctl(text: &str) -> Result<(String, String), UsageError> {
    let pair = text.split_once('=').filter(|(name, _)| !name.is_empty());
    let (name, value) = pair.ok_or_else(|| {
        UsageError::new(format!("--sysctl {text:?} is not NAME=VALUE"))
            .with_hint("for example --sysctl net.core.somaxconn=1024")
    })?;
    Ok((name.to_owned(), value.to_owned()))
}

/// Reads `HOST[:CONTAINER][:rwm]` or `VENDOR/CLASS=NAME`. A device is given for reading and writing, or not at all.
pub fn device(text: &str) -> Result<DeviceRequest, UsageError> {
    let bad = |why: &str| {
        UsageError::new(format!("--device {text:?}: {why}")).with_hint("for example --device /dev/fuse")
    };
    if !text.starts_with('/') {
        if !(text.contains('/') && text.contains('=')) {
            return Err(bad("it is neither an absolute path nor VENDOR/CLASS=NAME"));
        }
        return Ok(DeviceRequest::Cdi(text.to_owned()));
    }
    let parts: Vec<&str> = text.split(':').collect();
    let is_permissions = |text: &str| !text.is_empty() && text.chars().all(|char| "rwm".contains(char));
    let (host, target, permissions) = match parts[..] {
        [host] => (host, host, "rwm"),
        [host, second] if is_permissions(second) => (host, host, second),
        [host, target] => (host, target, "rwm"),
        [host, target, permissions] if is_permissions(permissions) => (host, target, permissions),
        _ => return Err(bad("it is not HOST[:CONTAINER][:rwm]")),
    };
    if !target.starts_with('/') {
        return Err(bad("the path in the container must be absolute"));
    }
    if !(permissions.contains('r') && permissions.contains('w')) {
        return Err(bad("a device can be given for reading and writing only, not for one of them"));
    }
    Ok(DeviceRequest::Node(host.to_owned(), target.to_owned()))
}

/// Reads `--gpus`: `all`, a number, or `device=NAME,NAME`, with `capabilities=` and `driver=nvidia` beside it. Returns
/// names of devices.
pub fn gpus(text: &str) -> Result<Vec<String>, UsageError> {
    let bad = |why: &str| {
        UsageError::new(format!("--gpus {text:?}: {why}"))
            .with_hint("for example --gpus all, or --gpus device=0")
    };
    let named = |name: &str| format!("{GPU_CLASS}={name}");
    let mut names = Vec::new();
    let mut is_device_list = false;
    for field in text.trim_matches('"').split(',').map(str::trim).filter(|field| !field.is_empty()) {
        let (key, value) = field.split_once('=').unwrap_or(("", field));
        let key = key.trim_matches('"');
        match (key, value.trim_matches('"')) {
            ("device", name) => {
                is_device_list = true;
                names.push(named(name));
            }
            ("" | "count", "all" | "-1") => names.push(named("all")),
            // Further devices of a list, or further capabilities.
            ("", name) if is_device_list => names.push(named(name)),
            ("" | "count", number) if number.parse::<u32>().is_ok() => {
                let count = number.parse().unwrap_or(0);
                names.extend((0..count).map(|index: u32| named(&index.to_string())));
            }
            ("capabilities" | "options", _) | ("driver", "nvidia" | "") => is_device_list = false,
            ("driver", _) => {
                return Err(bad("only NVIDIA's devices are called GPUs: name others with --device"));
            }
            ("", "gpu" | "compute" | "utility" | "graphics" | "video" | "display" | "compat32") => {}
            _ => return Err(bad("use all, a number, or device=NAME")),
        }
    }
    Ok(names)
}

/// Returns the devices that `--runtime` stands for.
pub fn runtime(name: &str) -> Result<Vec<String>, UsageError> {
    match name {
        "nvidia" => gpus("all"),
        "" | "runc" | "crun" | "io.containerd.runc.v2" => Ok(Vec::new()),
        other => Err(UsageError::new(format!(
            "--runtime {other:?} cannot be honoured: dsbuild runs containers itself"
        ))
        .with_hint("use --runtime nvidia for GPUs, or leave it out")),
    }
}

/// Reads the values of `--security-opt`.
pub fn security_options(texts: &[String]) -> Result<SecurityOptions, UsageError> {
    let mut options = SecurityOptions::default();
    for text in texts {
        let bad = |why: &str| UsageError::new(format!("--security-opt {text:?} cannot be honoured: {why}"));
        // Docker has taken both forms.
        let (name, value) = text.split_once(['=', ':']).unwrap_or((text, ""));
        match (name, value) {
            ("no-new-privileges", "" | "true") => options.no_new_privileges = true,
            ("no-new-privileges", "false") => options.no_new_privileges = false,
            ("seccomp", "unconfined") => options.seccomp_unconfined = true,
            ("seccomp", "builtin" | "default") => options.seccomp_unconfined = false,
            ("seccomp", _) => {
                return Err(
                    bad("dsbuild has docker's profile and no other").with_hint("use seccomp=unconfined")
                );
            }
            ("systempaths", "unconfined") => options.shows_system_paths = true,
            // No process has a label or a profile, which is what these ask for.
            ("label", "disable") | ("apparmor", "unconfined") => {}
            ("label", _) => return Err(bad("dsbuild gives processes no labels of SELinux")),
            ("apparmor", _) => return Err(bad("dsbuild loads no profiles of AppArmor")),
            _ => return Err(bad("no such option is known")),
        }
    }
    Ok(options)
}

/// Reads `NAME:ADDRESS` or `NAME=ADDRESS`. `gateway` is the address that `host-gateway` stands for, if there is one.
pub fn host(text: &str, gateway: Option<IpAddr>) -> Result<(String, IpAddr), UsageError> {
    let bad = |why: &str| {
        UsageError::new(format!("--add-host {text:?}: {why}"))
            .with_hint("for example --add-host db:192.0.2.7")
    };
    let (name, address) = text.split_once(['=', ':']).ok_or_else(|| bad("it is not NAME:ADDRESS"))?;
    if name.is_empty() || name.contains(char::is_whitespace) {
        return Err(bad("the name is empty or has blanks"));
    }
    if address == "host-gateway" {
        let none = || bad("this machine has no address in the network of the container");
        return Ok((name.to_owned(), gateway.ok_or_else(none)?));
    }
    let address = address.trim_start_matches('[').trim_end_matches(']');
    Ok((name.to_owned(), address.parse().map_err(|_| bad(&format!("{address:?} is no IP address")))?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_ulimit_has_a_soft_and_a_hard_value() {
        let check = |text: &str, expected: Option<(&str, u64, u64)>| {
            let got = ulimit(text).ok().map(|one| (one.name, one.soft, one.hard));
            assert_eq!(got, expected.map(|(name, soft, hard)| (name.to_owned(), soft, hard)), "{text}");
        };
        check("nofile=1024:4096", Some(("nofile", 1024, 4096)));
        check("memlock=-1", Some(("memlock", u64::MAX, u64::MAX)));
        check("core=0", Some(("core", 0, 0)));
        check("stack=67108864", Some(("stack", 67_108_864, 67_108_864)));
        for text in ["nofile", "files=1", "nofile=2:1", "nofile=x", "nofile=-2"] {
            check(text, None);
        }
    }

    #[test]
    fn a_device_is_a_node_or_a_name() {
        let node = |host: &str, target: &str| Some(DeviceRequest::Node(host.into(), target.into()));
        let check =
            |text: &str, expected: Option<DeviceRequest>| assert_eq!(device(text).ok(), expected, "{text}");
        check("/dev/fuse", node("/dev/fuse", "/dev/fuse"));
        check("/dev/fuse:rwm", node("/dev/fuse", "/dev/fuse"));
        check("/dev/sda:/dev/xvda:rw", node("/dev/sda", "/dev/xvda"));
        check("nvidia.com/gpu=all", Some(DeviceRequest::Cdi("nvidia.com/gpu=all".into())));
        for text in ["fuse", "/dev/a:/dev/b:r", "/dev/a:b", "/dev/a:/dev/b:x", "", "/a:/b:rwm:x"] {
            check(text, None);
        }
    }

    #[test]
    fn gpus_are_devices_of_nvidia() {
        let check = |text: &str, expected: &[&str]| {
            let expected: Vec<String> =
                expected.iter().map(|name| format!("nvidia.com/gpu={name}")).collect();
            assert_eq!(gpus(text).ok(), Some(expected), "{text}");
        };
        check("all", &["all"]);
        check("2", &["0", "1"]);
        check("device=0", &["0"]);
        check("\"device=0,2\"", &["0", "2"]);
        check("device=GPU-3a23", &["GPU-3a23"]);
        check("all,capabilities=utility", &["all"]);
        check("\"device=1\",\"capabilities=compute,utility\"", &["1"]);
        check("count=all,driver=nvidia", &["all"]);
        assert!(gpus("some").is_err());
        assert!(gpus("all,driver=amd").is_err());
    }

    #[test]
    fn security_options_that_cannot_be_honoured_say_why() {
        let check = |text: &str, is_known: bool| {
            assert_eq!(security_options(&[text.to_owned()]).is_ok(), is_known, "{text}");
        };
        for text in [
            "seccomp=unconfined",
            "seccomp:unconfined",
            "no-new-privileges",
            "no-new-privileges:true",
            "no-new-privileges=true",
            "label=disable",
            "label:disable",
            "apparmor=unconfined",
            "systempaths=unconfined",
        ] {
            check(text, true);
        }
        for text in ["seccomp=p.json", "label=type:x", "apparmor=docker-default", "unconfined", "privileged"]
        {
            check(text, false);
        }
    }

    #[test]
    fn a_host_has_an_address() {
        let check = |text: &str, expected: Option<(&str, &str)>| {
            let got =
                host(text, "10.0.0.1".parse().ok()).ok().map(|(name, address)| (name, address.to_string()));
            assert_eq!(got, expected.map(|(name, address)| (name.to_owned(), address.to_owned())), "{text}");
        };
        check("db:192.0.2.7", Some(("db", "192.0.2.7")));
        check("db=::1", Some(("db", "::1")));
        check("db:[::1]", Some(("db", "::1")));
        check("host.docker.internal:host-gateway", Some(("host.docker.internal", "10.0.0.1")));
        check("db", None);
        check("db:x", None);
        check(":1.2.3.4", None);
        assert!(host("h:host-gateway", None).is_err());
    }
}
