//! Finding the program in the sandbox's own `PATH`, and executing it.

use std::convert::Infallible;
use std::ffi::{CString, OsStr, OsString};
use std::io;
use std::os::unix::ffi::{OsStrExt, OsStringExt};

use nix::errno::Errno;

use crate::SandboxError;

/// Directories in which programs are looked for if the environment has no `PATH`.
const DEFAULT_PATH: &[u8] = b"/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

/// A program with its arguments and environment, in the form that exec takes.
pub(super) struct Program {
    /// First argument, for messages.
    name: String,
    /// Paths to try, in order.
    candidates: Vec<CString>,
    args: Vec<CString>,
    env: Vec<CString>,
}

impl Program {
    pub(super) fn new(args: &[OsString], env: &[OsString]) -> Result<Self, SandboxError> {
        let first = args.first().map_or(OsStr::new(""), |arg| arg.as_os_str());
        Ok(Self {
            name: first.to_string_lossy().into_owned(),
            candidates: strings(&candidates(first, env))?,
            args: strings(args)?,
            env: strings(env)?,
        })
    }

    /// Executes the first candidate that can be executed. Otherwise returns the error of the last one that exists.
    pub(super) fn execute(self) -> Result<Infallible, SandboxError> {
        let mut reason = None;
        for candidate in &self.candidates {
            let Err(error) = nix::unistd::execve(candidate, &self.args, &self.env);
            let exists = rustix::fs::stat(candidate.as_c_str()).is_ok();
            if exists || error != Errno::ENOENT {
                reason = Some(error);
            }
            // A file that exists is the one that was meant, so that no later candidate is tried; one without the
            // permission to execute it is skipped, as a shell does.
            if exists && error != Errno::EACCES {
                break;
            }
        }
        Err(self.failure(reason))
    }

    fn failure(self, reason: Option<Errno>) -> SandboxError {
        match reason {
            None | Some(Errno::ENOTDIR) => SandboxError::NotFound { program: self.name },
            Some(error) => SandboxError::NotExecutable { program: self.name, source: io::Error::from(error) },
        }
    }
}

fn strings(strings: &[OsString]) -> Result<Vec<CString>, SandboxError> {
    let convert = |text: &OsString| {
        CString::new(text.as_bytes()).map_err(|_| SandboxError::Invalid {
            what: "argument or variable".into(),
            value: text.to_string_lossy().into_owned(),
        })
    };
    strings.iter().map(convert).collect()
}

/// Returns the paths that `program` can stand for, in order.
///
/// A name with a slash is a path. Empty parts of `PATH`, which mean the working directory to a shell, are ignored.
fn candidates(program: &OsStr, env: &[OsString]) -> Vec<OsString> {
    let name = program.as_bytes();
    if name.is_empty() {
        return Vec::new();
    }
    if name.contains(&b'/') {
        return vec![program.to_owned()];
    }
    let path =
        env.iter().rev().find_map(|entry| entry.as_bytes().strip_prefix(b"PATH=")).unwrap_or(DEFAULT_PATH);
    let directories = path.split(|byte| *byte == b':').filter(|directory| !directory.is_empty());
    directories.map(|directory| OsString::from_vec([directory, b"/", name].concat())).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(program: &str, env: &[&str], expected: &[&str]) {
        let env: Vec<_> = env.iter().map(OsString::from).collect();
        assert_eq!(candidates(OsStr::new(program), &env), expected, "{program} {env:?}");
    }

    #[test]
    fn a_name_is_looked_for_in_each_directory_of_path() {
        check("sh", &["PATH=/a:/b"], &["/a/sh", "/b/sh"]);
    }

    #[test]
    fn the_last_path_of_the_environment_counts() {
        check("sh", &["PATH=/a", "PATH=/b"], &["/b/sh"]);
    }

    #[test]
    fn empty_parts_of_path_are_ignored() {
        check("sh", &["PATH=:/a::"], &["/a/sh"]);
        check("sh", &["PATH="], &[]);
    }

    #[test]
    fn a_name_with_a_slash_is_a_path() {
        check("bin/sh", &["PATH=/a"], &["bin/sh"]);
        check("/bin/sh", &[], &["/bin/sh"]);
    }

    #[test]
    fn an_empty_name_stands_for_nothing() {
        check("", &[], &[]);
    }

    #[test]
    fn the_default_path_has_six_directories() {
        assert_eq!(candidates(OsStr::new("sh"), &[]).len(), 6);
    }
}
