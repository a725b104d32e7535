//! The program: found in the sandbox's own `PATH`, and executed.

use std::convert::Infallible;
use std::ffi::{CString, OsStr, OsString};
use std::io;
use std::os::unix::ffi::{OsStrExt, OsStringExt};

use nix::errno::Errno;

use crate::SandboxError;

/// Where programs are looked for if the environment does not say.
const DEFAULT_PATH: &[u8] = b"/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

/// All that exec needs, allocated beforehand.
pub(super) struct Program {
    name: String,
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

    /// Executes the first candidate that can be; else says what stood in the way, of the last one that was there.
    pub(super) fn execute(self) -> Result<Infallible, SandboxError> {
        let mut reason = None;
        for candidate in &self.candidates {
            let Err(error) = nix::unistd::execve(candidate, &self.args, &self.env);
            let exists = rustix::fs::stat(candidate.as_c_str()).is_ok();
            if exists || error != Errno::ENOENT {
                reason = Some(error);
            }
            // It was meant, and cannot be executed; a later one of this name was not.
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

/// What `program` may mean, in order. One with a slash means itself; empty parts of `PATH` mean nothing.
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
    fn programs_are_looked_for_in_path() {
        check("sh", &["PATH=/a:/b"], &["/a/sh", "/b/sh"]);
        check("sh", &["PATH=/a", "PATH=/b"], &["/b/sh"]);
        check("sh", &["PATH=:/a::"], &["/a/sh"]);
        check("sh", &["PATH="], &[]);
        check("bin/sh", &["PATH=/a"], &["bin/sh"]);
        check("/bin/sh", &[], &["/bin/sh"]);
        check("", &[], &[]);
        assert_eq!(candidates(OsStr::new("sh"), &[]).len(), 6);
    }
}
