//! Programs of a platform that this machine cannot run.
//!
//! The kernel runs them through QEMU if it is registered as their interpreter (`binfmt_misc`). Nothing is checked before
//! the process starts: an image of another platform can hold programs of this machine, and only the kernel knows what it
//! runs.

use std::io;

use oci::Platform;
use rustix::io::Errno;
use sandbox::SandboxError;

/// A program that is for another platform than this machine, and no emulator runs it.
#[derive(Debug, thiserror::Error)]
#[error("exec: {program:?}: the step runs on {platform}, this machine is {machine}: {reason}")]
pub struct NoEmulator {
    /// First argument of the process.
    pub program: String,
    /// Platform of the step.
    pub platform: Box<Platform>,
    /// Platform of this machine.
    pub machine: Box<Platform>,
    /// State of the emulator, as a clause.
    pub reason: &'static str,
}

/// Returns the missing emulator that kept a process from starting; the error itself if it has another cause.
pub(super) fn missing_emulator(error: SandboxError, platform: &Platform) -> Result<NoEmulator, SandboxError> {
    missing_on(Platform::host(), error, platform)
}

fn missing_on(
    machine: Platform,
    error: SandboxError,
    platform: &Platform,
) -> Result<NoEmulator, SandboxError> {
    let SandboxError::NotExecutable { program, source } = error else { return Err(error) };
    match reason(&source).filter(|_| platform.distance(&machine).is_none()) {
        Some(reason) => {
            let (platform, machine) = (Box::new(platform.clone()), Box::new(machine));
            Ok(NoEmulator { program, platform, machine, reason })
        }
        None => Err(SandboxError::NotExecutable { program, source }),
    }
}

/// Returns the state of the emulator that an error of exec is due to; `None` if it has another cause.
fn reason(error: &io::Error) -> Option<&'static str> {
    match Errno::from_io_error(error) {
        Some(Errno::NOEXEC) => Some("no emulator is registered for that platform"),
        // The kernel looks for the interpreter in the root of the process, unless it was registered with flag F.
        Some(Errno::NOENT) => Some(
            "the loader of the program is missing, or the emulator is registered without flag F, so that the image \
             has to contain it",
        ),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn platform(text: &str) -> Platform {
        text.parse().expect("a platform")
    }

    #[track_caller]
    fn check(step: &str, machine: &str, errno: Errno, expected: &str) {
        let source = io::Error::from(errno);
        let error = SandboxError::NotExecutable { program: "/bin/sh".to_owned(), source };
        let explained = missing_on(platform(machine), error, &platform(step));
        let text = explained.map_or_else(|error| error.to_string(), |missing| missing.to_string());
        assert_eq!(text, expected);
    }

    #[test]
    fn a_program_of_another_platform_lacks_an_emulator() {
        let text = "exec: \"/bin/sh\": the step runs on linux/arm64, this machine is linux/amd64: no emulator is \
                    registered for that platform";
        check("linux/arm64", "linux/amd64", Errno::NOEXEC, text);
        let text = "exec: \"/bin/sh\": the step runs on linux/s390x, this machine is linux/arm64: the loader of the \
                    program is missing, or the emulator is registered without flag F, so that the image has to \
                    contain it";
        check("linux/s390x", "linux/arm64", Errno::NOENT, text);
    }

    #[test]
    fn other_errors_are_left_as_they_are() {
        let not_run = "exec: \"/bin/sh\": Exec format error (os error 8)";
        check("linux/amd64", "linux/amd64", Errno::NOEXEC, not_run);
        check("linux/386", "linux/amd64", Errno::NOEXEC, not_run);
        let denied = "exec: \"/bin/sh\": Permission denied (os error 13)";
        check("linux/arm64", "linux/amd64", Errno::ACCESS, denied);
    }
}
