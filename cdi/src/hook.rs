//! Hooks: programs that a spec wants to be run, and what is done instead.
//!
//! A runtime runs hooks as itself, mostly as root, while it creates a container. No hook is run here. The hooks that
//! `nvidia-ctk cdi generate` writes are known, and their effects are achieved without running them:
//!
//! | hook | here |
//! |---|---|
//! | `create-symlinks`: names for the driver's libraries | the same files are mounted under these names too |
//! | `update-ldcache`: makes the loader search directories, by writing to the image | see [`crate::libraries`] |
//! | `enable-cuda-compat`: prefers newer libraries of the image, if there are any | ignored: the driver's own suffice |
//! | `disable-device-node-modification`: keeps the driver from creating nodes | ignored: they cannot be opened |
//! | `update-application-profile`, `chmod`: rendering on screens, modes of `/dev/dri` | ignored |

use std::path::{Path, PathBuf};

use crate::spec::Hook;

/// The effect of a known hook.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Effect {
    /// Creates symlinks, given as target and path.
    Symlinks(Vec<(PathBuf, PathBuf)>),
    /// Makes the loader search these directories.
    LibraryDirs(Vec<PathBuf>),
    /// Has no effect that a build needs.
    Nothing,
}

/// Returns the effect of `hook`, or `None` for an unknown hook. The hook is recognized by the name of its program.
pub(crate) fn effect(hook: &Hook) -> Option<Effect> {
    let program = hook.path.file_name()?.to_str()?;
    let arguments = match (program, &hook.args[..]) {
        ("nvidia-ctk", [_, word, arguments @ ..]) if word == "hook" => arguments,
        ("nvidia-cdi-hook", [_, arguments @ ..]) => arguments,
        _ => return None,
    };
    let (name, arguments) = arguments.split_first()?;
    match name.as_str() {
        "create-symlinks" => {
            values(arguments, "--link").map(symlink).collect::<Option<_>>().map(Effect::Symlinks)
        }
        "update-ldcache" => {
            Some(Effect::LibraryDirs(values(arguments, "--folder").map(PathBuf::from).collect()))
        }
        "enable-cuda-compat"
        | "disable-device-node-modification"
        | "update-application-profile"
        | "chmod" => Some(Effect::Nothing),
        _ => None,
    }
}

/// Returns the name of a hook for messages: its program and first two arguments.
pub(crate) fn shown(hook: &Hook) -> String {
    let arguments = hook.args.iter().skip(1).take(2).map(String::as_str);
    [&*hook.path.to_string_lossy()].into_iter().chain(arguments).collect::<Vec<_>>().join(" ")
}

/// Returns the values of a flag, given as `--flag value` or `--flag=value`.
fn values<'a>(arguments: &'a [String], flag: &'a str) -> impl Iterator<Item = &'a str> {
    arguments.iter().enumerate().filter_map(move |(at, argument)| match argument.strip_prefix(flag)? {
        "" => arguments.get(at + 1).map(String::as_str),
        rest => rest.strip_prefix('='),
    })
}

/// Parses `TARGET::PATH`, whose path must be absolute.
fn symlink(text: &str) -> Option<(PathBuf, PathBuf)> {
    let (target, path) = text.split_once("::")?;
    Path::new(path).is_absolute().then(|| (target.into(), path.into()))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Program whose subcommands are the hooks.
    const CDI_HOOK: &str = "/usr/bin/nvidia-cdi-hook";
    /// Older program, whose subcommand `hook` has the hooks.
    const CTK: &str = "/opt/x/nvidia-ctk";

    #[track_caller]
    fn check(path: &str, args: &[&str], expected: Option<Effect>) {
        let args = args.iter().map(|text| (*text).to_owned()).collect();
        let hook =
            Hook { hook_name: "createContainer".into(), path: path.into(), args, env: vec![], timeout: None };
        assert_eq!(effect(&hook), expected, "{hook:?}");
    }

    #[test]
    fn symlinks_are_read_from_both_forms_of_the_hook() {
        let symlinks = || Some(Effect::Symlinks(vec![("libcuda.so.1".into(), "/usr/lib/libcuda.so".into())]));
        let symlink = "libcuda.so.1::/usr/lib/libcuda.so";
        check(CDI_HOOK, &["nvidia-cdi-hook", "create-symlinks", "--link", symlink], symlinks());
        check(CTK, &["nvidia-ctk", "hook", "create-symlinks", &format!("--link={symlink}")], symlinks());
    }

    #[test]
    fn directories_of_libraries_are_read() {
        let dirs = Some(Effect::LibraryDirs(vec!["/usr/lib64".into(), "/usr/lib64/vdpau".into()]));
        check(
            CDI_HOOK,
            &["x", "update-ldcache", "--folder", "/usr/lib64", "--folder=/usr/lib64/vdpau"],
            dirs,
        );
    }

    #[test]
    fn a_hook_without_a_needed_effect_is_ignored() {
        check(
            CDI_HOOK,
            &["x", "enable-cuda-compat", "--host-driver-version=575.57.08"],
            Some(Effect::Nothing),
        );
    }

    #[test]
    fn a_relative_path_of_a_symlink_is_unknown() {
        check(CDI_HOOK, &["x", "create-symlinks", "--link", "a::b"], None);
    }

    #[test]
    fn other_programs_and_hooks_are_unknown() {
        check(CDI_HOOK, &["x", "mine-coins"], None);
        check(CDI_HOOK, &["x"], None);
        check(CTK, &["nvidia-ctk", "create-symlinks"], None);
        check("/bin/sh", &["sh", "-c", "create-symlinks"], None);
    }
}
