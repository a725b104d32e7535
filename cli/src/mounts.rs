//! The values of `--volume`, `--mount` and `--tmpfs`.
//!
//! Source: docker run reference and the tests of docker/cli, `opts/mount` and `cli/compose/loader/volume`.

use crate::UsageError;
use crate::values::size_bytes;

/// A mount that a flag asks for.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct MountRequest {
    /// Kind of the source.
    pub kind: MountKind,
    /// Path on this machine or name of a volume, as written; empty for an anonymous volume and for a tmpfs.
    pub source: String,
    /// Absolute path in the container.
    pub target: String,
    /// Whether the container can only read it.
    pub read_only: bool,
    /// Whether a directory of this machine that does not exist is made: so does --volume, and not --mount.
    pub makes_source: bool,
    /// Spreading of mounts, such as `rslave`.
    pub propagation: Option<String>,
    /// Whether mounts below a directory of this machine are left out.
    pub is_alone: bool,
    /// Whether a new volume stays empty.
    pub no_copy: bool,
    /// Path in the volume that is mounted in its place.
    pub subpath: Option<String>,
    /// Whether everything in it is given to the user of the container.
    pub takes_owner: bool,
    /// Labels of a new volume.
    pub labels: Vec<(String, String)>,
    /// Options of tmpfs(5) with their values.
    pub tmpfs_options: Vec<(String, String)>,
    /// Whether set-user-ID programs on a tmpfs have an effect.
    pub allows_suid: bool,
    /// Whether programs on a tmpfs can be executed.
    pub allows_exec: bool,
}

/// Kind of the source of a mount.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum MountKind {
    /// Directory or file of this machine.
    Bind,
    /// Volume of the store.
    #[default]
    Volume,
    /// File system in memory.
    Tmpfs,
}

const PROPAGATIONS: [&str; 6] = ["private", "rprivate", "slave", "rslave", "shared", "rshared"];

/// Reads `[SOURCE:]CONTAINER[:OPTIONS]`. A source with a slash, or one that begins with `.` or `~`, is a path.
pub fn volume(text: &str) -> Result<MountRequest, UsageError> {
    let bad = |why: &str| {
        UsageError::new(format!("--volume {text:?}: {why}"))
            .with_hint("for example --volume \"$PWD/data:/data:ro\"")
    };
    let parts: Vec<&str> = text.split(':').collect();
    let (source, target, options) = match parts[..] {
        [target] => ("", target, ""),
        [source, target] => (source, target, ""),
        [source, target, options] => (source, target, options),
        _ => return Err(bad("it is not [SOURCE:]CONTAINER[:OPTIONS]")),
    };
    if parts.len() > 1 && source.is_empty() {
        return Err(bad("the source is empty"));
    }
    let is_path = source.contains('/') || source.starts_with(['.', '~']);
    let mut request = MountRequest {
        kind: if is_path { MountKind::Bind } else { MountKind::Volume },
        source: source.to_owned(),
        target: target_of(target)
            .ok_or_else(|| bad("the path in the container must be absolute, and not /"))?,
        makes_source: true,
        ..MountRequest::default()
    };
    for option in options.split(',').filter(|option| !option.is_empty()) {
        match option {
            "ro" => request.read_only = true,
            // z and Z set labels of SELinux, which dsbuild gives to no process; the others are the defaults.
            "rw" | "z" | "Z" | "cached" | "delegated" | "consistent" | "rbind" | "copy" => {}
            "nocopy" => request.no_copy = true,
            "U" => request.takes_owner = true,
            "bind" => request.is_alone = true,
            known if PROPAGATIONS.contains(&known) && is_path => request.propagation = Some(known.to_owned()),
            _ => return Err(bad(&format!("unknown option {option:?}"))),
        }
    }
    Ok(request)
}

/// Reads `KEY=VALUE,...`, a line of CSV as docker takes it: a value with a comma stands in double quotes.
pub fn mount(text: &str) -> Result<MountRequest, UsageError> {
    let bad = |why: String| {
        UsageError::new(format!("--mount {text:?}: {why}"))
            .with_hint("for example --mount type=bind,source=\"$PWD\",target=/work,readonly")
    };
    let mut request = MountRequest { allows_exec: true, ..MountRequest::default() };
    let fields = csv(text).ok_or_else(|| bad("a double quote is missing".to_owned()))?;
    for field in &fields {
        let (key, value) = match field.split_once('=') {
            Some((key, value)) => (key, Some(value)),
            None => (field.as_str(), None),
        };
        set(&mut request, &key.to_ascii_lowercase(), value).map_err(bad)?;
    }
    let target = target_of(&request.target);
    request.target = target.ok_or_else(|| bad("target must be an absolute path, and not /".to_owned()))?;
    match request.kind {
        MountKind::Bind if request.source.is_empty() => Err(bad("a bind mount needs a source".to_owned())),
        MountKind::Tmpfs if !request.source.is_empty() => Err(bad("a tmpfs has no source".to_owned())),
        _ => Ok(request),
    }
}

fn set(request: &mut MountRequest, key: &str, value: Option<&str>) -> Result<(), String> {
    let needed = || value.map(str::to_owned).ok_or_else(|| format!("{key} needs a value"));
    let switch = || match value {
        None => Ok(true),
        Some(text) => crate::values::switch(text).map_err(|why| format!("{key}: {why}")),
    };
    match key {
        "type" => {
            request.kind = match needed()?.to_ascii_lowercase().as_str() {
                "bind" => MountKind::Bind,
                "volume" => MountKind::Volume,
                "tmpfs" => MountKind::Tmpfs,
                other => return Err(format!("type {other:?} must be bind, volume or tmpfs")),
            }
        }
        "source" | "src" => request.source = needed()?,
        "target" | "dst" | "destination" => request.target = needed()?,
        "readonly" | "ro" => request.read_only = switch()?,
        "bind-propagation" => {
            let word = needed()?;
            if !PROPAGATIONS.contains(&word.as_str()) {
                return Err(format!("{word:?} is no propagation: use {}", PROPAGATIONS.join(", ")));
            }
            request.propagation = Some(word);
        }
        "bind-nonrecursive" => request.is_alone = switch()?,
        "bind-recursive" => match needed()?.as_str() {
            "enabled" | "readonly" | "writable" => {}
            "disabled" => request.is_alone = true,
            other => {
                return Err(format!(
                    "bind-recursive {other:?} must be enabled, disabled, writable or readonly"
                ));
            }
        },
        "bind-create-src" => request.makes_source = switch()?,
        "consistency" => {}
        "volume-nocopy" => request.no_copy = switch()?,
        "volume-subpath" => request.subpath = Some(needed()?),
        "volume-label" => {
            let text = needed()?;
            let (name, value) = text.split_once('=').unwrap_or((&text, ""));
            request.labels.push((name.to_owned(), value.to_owned()));
        }
        "volume-driver" if needed()? == "local" => {}
        "volume-driver" => return Err("local is the only driver of volumes".to_owned()),
        "volume-opt" => return Err("make the volume first, with `dsbuild volume create --opt`".to_owned()),
        "tmpfs-size" => {
            let bytes = size_bytes(&needed()?, "tmpfs-size").map_err(|error| error.to_string())?;
            request.tmpfs_options.push(("size".to_owned(), bytes.to_string()));
        }
        "tmpfs-mode" => request.tmpfs_options.push(("mode".to_owned(), mode(&needed()?)?)),
        "tmpfs-options" => {
            let text = needed()?;
            tmpfs_options(request, &text)?;
        }
        _ => return Err(format!("unknown key {key:?}")),
    }
    Ok(())
}

/// Reads `DIR[:OPTIONS]`. As for docker, nothing on it can be executed, and it is writable by all, unless options say so.
pub fn tmpfs(text: &str) -> Result<MountRequest, UsageError> {
    let bad = |why: String| {
        UsageError::new(format!("--tmpfs {text:?}: {why}"))
            .with_hint("for example --tmpfs /run:size=64m,mode=755")
    };
    let (target, options) = text.split_once(':').unwrap_or((text, ""));
    let mut request = MountRequest {
        kind: MountKind::Tmpfs,
        target: target_of(target).ok_or_else(|| bad("it must be an absolute path, and not /".to_owned()))?,
        ..MountRequest::default()
    };
    tmpfs_options(&mut request, options).map_err(bad)?;
    Ok(request)
}

/// Reads the options of a tmpfs, separated by commas.
fn tmpfs_options(request: &mut MountRequest, text: &str) -> Result<(), String> {
    for option in text.split(',').filter(|option| !option.is_empty()) {
        let (name, value) = option.split_once('=').unwrap_or((option, ""));
        match name {
            "ro" => request.read_only = true,
            "rw" | "nosuid" | "nodev" | "noexec" | "async" | "noatime" | "relatime" | "strictatime" => {}
            "exec" => request.allows_exec = true,
            "suid" => request.allows_suid = true,
            "mode" => request.tmpfs_options.push((name.to_owned(), mode(value)?)),
            "size" if value.ends_with('%') => request.tmpfs_options.push((name.to_owned(), value.to_owned())),
            "size" => {
                let bytes = size_bytes(value, "size").map_err(|error| error.to_string())?;
                request.tmpfs_options.push((name.to_owned(), bytes.to_string()));
            }
            "uid" | "gid" | "nr_inodes" | "nr_blocks" | "mpol" | "huge" if !value.is_empty() => {
                request.tmpfs_options.push((name.to_owned(), value.to_owned()));
            }
            "dev" => return Err("devices on a tmpfs cannot be opened".to_owned()),
            _ => return Err(format!("unknown option {option:?}")),
        }
    }
    Ok(())
}

fn mode(text: &str) -> Result<String, String> {
    match u32::from_str_radix(text, 8) {
        Ok(mode) if mode <= 0o7777 => Ok(format!("{mode:o}")),
        _ => Err(format!("{text:?} is no mode, such as 1777")),
    }
}

/// Returns an absolute path without `.`, `..` and empty parts; `None` for another path and for `/`.
fn target_of(text: &str) -> Option<String> {
    let mut parts = Vec::new();
    for part in text.strip_prefix('/')?.split('/') {
        match part {
            "" | "." => {}
            ".." => drop(parts.pop()),
            part => parts.push(part),
        }
    }
    (!parts.is_empty() && !text.contains('\0')).then(|| format!("/{}", parts.join("/")))
}

/// Splits a line of CSV; `None` if a quote is missing.
fn csv(text: &str) -> Option<Vec<String>> {
    let mut fields = vec![String::new()];
    let (mut is_quoted, mut chars) = (false, text.chars().peekable());
    while let Some(char) = chars.next() {
        let field = fields.last_mut()?;
        match char {
            '"' if is_quoted && chars.peek() == Some(&'"') => {
                chars.next();
                field.push('"');
            }
            '"' => is_quoted = !is_quoted,
            ',' if !is_quoted => fields.push(String::new()),
            char => field.push(char),
        }
    }
    (!is_quoted).then_some(fields)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Writes a request as `kind source target`, and the options that differ from the default.
    fn shown(request: &MountRequest) -> String {
        let mut text = format!("{:?} {:?} {}", request.kind, request.source, request.target);
        let mut add = |is_given: bool, name: String| {
            if is_given {
                text.push_str(&format!(" {name}"));
            }
        };
        add(request.read_only, "ro".into());
        add(request.no_copy, "nocopy".into());
        add(request.is_alone, "alone".into());
        add(request.takes_owner, "U".into());
        add(request.makes_source, "makes".into());
        request.propagation.iter().for_each(|word| add(true, word.clone()));
        request.subpath.iter().for_each(|path| add(true, format!("subpath={path}")));
        request.labels.iter().for_each(|(name, value)| add(true, format!("label={name}:{value}")));
        request.tmpfs_options.iter().for_each(|(name, value)| add(true, format!("{name}={value}")));
        add(request.allows_exec && request.kind == MountKind::Tmpfs, "exec".into());
        text
    }

    #[track_caller]
    fn check(read: fn(&str) -> Result<MountRequest, UsageError>, text: &str, expected: &str) {
        let got = read(text).map_or_else(|error| error.to_string(), |request| shown(&request));
        assert_eq!(got, expected, "{text}");
    }

    #[test]
    fn a_volume_has_docker_s_forms() {
        check(volume, "/data", "Volume \"\" /data makes");
        check(volume, "data:/data", "Volume \"data\" /data makes");
        check(volume, "/srv/x:/data/:ro,z", "Bind \"/srv/x\" /data ro makes");
        check(volume, "./x:/data:rw,Z", "Bind \"./x\" /data makes");
        check(volume, "~/x:/a/../b", "Bind \"~/x\" /b makes");
        check(volume, "x/y:/d:rslave", "Bind \"x/y\" /d makes rslave");
        check(volume, "v:/d:nocopy,U", "Volume \"v\" /d nocopy U makes");
    }

    #[test]
    fn a_wrong_volume_says_why() {
        for text in ["data", ":/data", "a:b:c:d", "x:/", "x:y", "v:/d:fast", "v:/d:rslave", ""] {
            assert!(volume(text).is_err(), "{text}");
        }
    }

    #[test]
    fn a_mount_has_docker_s_keys() {
        check(mount, "type=bind,source=/a,target=/b,readonly", "Bind \"/a\" /b ro");
        check(mount, "type=bind,src=/a,dst=/b,ro=false,bind-propagation=rshared", "Bind \"/a\" /b rshared");
        check(mount, "type=bind,\"src=/a,b\",dst=/b", "Bind \"/a,b\" /b");
        check(
            mount,
            "src=v,destination=/b,volume-nocopy,volume-subpath=x",
            "Volume \"v\" /b nocopy subpath=x",
        );
        check(mount, "target=/b,volume-label=a=1,volume-driver=local", "Volume \"\" /b label=a:1");
        check(
            mount,
            "type=tmpfs,target=/t,tmpfs-size=1m,tmpfs-mode=0700",
            "Tmpfs \"\" /t size=1048576 mode=700 exec",
        );
        check(mount, "type=bind,src=/a,dst=/b,bind-recursive=disabled", "Bind \"/a\" /b alone");
    }

    #[test]
    fn a_wrong_mount_says_why() {
        for text in [
            "",
            "type=bind,target=/b",
            "type=tmpfs,source=/a,target=/b",
            "type=nfs,source=/a,target=/b",
            "type=bind,source=/a,target=b",
            "type=bind,source=/a,target=/b,fast",
            "type=bind,source=/a,target=/b,readonly=perhaps",
            "type=bind,source=/a,target=/b,bind-propagation=suid",
            "type=bind,\"source=/a,target=/b",
            "target=/b,volume-driver=nfs",
        ] {
            assert!(mount(text).is_err(), "{text}");
        }
    }

    #[test]
    fn a_tmpfs_has_options_of_mount() {
        check(tmpfs, "/run", "Tmpfs \"\" /run");
        check(tmpfs, "/run:rw,noexec,size=64k,mode=1777,uid=5", "Tmpfs \"\" /run size=65536 mode=1777 uid=5");
        check(tmpfs, "/t:exec,size=50%", "Tmpfs \"\" /t size=50% exec");
        for text in ["run", "/run:fast", "/run:mode=9", "/run:dev", "/run:size=x", "/"] {
            assert!(tmpfs(text).is_err(), "{text}");
        }
    }
}
