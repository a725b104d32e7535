//! The programs that a spec wants run, and what is done instead.
//!
//! Hooks are programs of the machine that a runtime runs as itself, as root mostly, in the middle of making a container.
//! None is run here. Those that `nvidia-ctk cdi generate` writes are known, and do little that is not done better without:
//!
//! | hook | here |
//! |---|---|
//! | `create-symlinks`: names for the driver's libraries | the same files once more, under these names |
//! | `update-ldcache`: makes the loader look into folders, by writing to the image | see [`crate::libraries`] |
//! | `enable-cuda-compat`: prefers newer libraries of the image, if it has some | not done: the driver's own serve |
//! | `disable-device-node-modification`: keeps the driver from making nodes | nodes that it makes open nothing |
//! | `update-application-profile`, `chmod`: rendering on screens, modes of `/dev/dri` | not done |

use std::path::{Path, PathBuf};

use crate::spec::Hook;

/// What a hook comes to.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Deed {
    /// Target and place of links.
    Links(Vec<(PathBuf, PathBuf)>),
    /// Folders that libraries are found in.
    Libraries(Vec<PathBuf>),
    Nothing,
}

/// What `hook` comes to; `None` if nobody knows.
pub(crate) fn deed(hook: &Hook) -> Option<Deed> {
    let program = hook.path.file_name()?.to_str()?;
    let arguments = match (program, &hook.args[..]) {
        ("nvidia-ctk", [_, word, arguments @ ..]) if word == "hook" => arguments,
        ("nvidia-cdi-hook", [_, arguments @ ..]) => arguments,
        _ => return None,
    };
    let (name, arguments) = arguments.split_first()?;
    match name.as_str() {
        "create-symlinks" => values(arguments, "--link").map(link).collect::<Option<_>>().map(Deed::Links),
        "update-ldcache" => Some(Deed::Libraries(values(arguments, "--folder").map(PathBuf::from).collect())),
        "enable-cuda-compat"
        | "disable-device-node-modification"
        | "update-application-profile"
        | "chmod" => Some(Deed::Nothing),
        _ => None,
    }
}

/// How messages call it.
pub(crate) fn shown(hook: &Hook) -> String {
    let arguments = hook.args.iter().skip(1).take(2).map(String::as_str);
    [&*hook.path.to_string_lossy()].into_iter().chain(arguments).collect::<Vec<_>>().join(" ")
}

/// The values of a flag, `--flag value` or `--flag=value`.
fn values<'a>(arguments: &'a [String], flag: &'a str) -> impl Iterator<Item = &'a str> {
    arguments.iter().enumerate().filter_map(move |(at, argument)| match argument.strip_prefix(flag)? {
        "" => arguments.get(at + 1).map(String::as_str),
        rest => rest.strip_prefix('='),
    })
}

/// `target::place`.
fn link(text: &str) -> Option<(PathBuf, PathBuf)> {
    let (target, place) = text.split_once("::")?;
    Path::new(place).is_absolute().then(|| (target.into(), place.into()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(path: &str, args: &[&str], expected: Option<Deed>) {
        let args = args.iter().map(|text| (*text).to_owned()).collect();
        let hook =
            Hook { hook_name: "createContainer".into(), path: path.into(), args, env: vec![], timeout: None };
        assert_eq!(deed(&hook), expected, "{hook:?}");
    }

    #[test]
    fn hooks_of_nvidia_are_known() {
        let links = || Some(Deed::Links(vec![("libcuda.so.1".into(), "/usr/lib/libcuda.so".into())]));
        let link = "libcuda.so.1::/usr/lib/libcuda.so";
        let new = "/usr/bin/nvidia-cdi-hook";
        check(new, &["nvidia-cdi-hook", "create-symlinks", "--link", link], links());
        let old = "/opt/x/nvidia-ctk";
        check(old, &["nvidia-ctk", "hook", "create-symlinks", &format!("--link={link}")], links());
        let folders = Some(Deed::Libraries(vec!["/usr/lib64".into(), "/usr/lib64/vdpau".into()]));
        check(new, &["x", "update-ldcache", "--folder", "/usr/lib64", "--folder=/usr/lib64/vdpau"], folders);
        check(new, &["x", "enable-cuda-compat", "--host-driver-version=575.57.08"], Some(Deed::Nothing));
        check(new, &["x", "create-symlinks", "--link", "a::b"], None);
        check(new, &["x", "mine-coins"], None);
        check(new, &["x"], None);
        check(old, &["nvidia-ctk", "create-symlinks"], None);
        check("/bin/sh", &["sh", "-c", "create-symlinks"], None);
    }
}
