//! Failed steps: the end of their output, notes, and hints about the usual causes.

use builder::StepError;
use builder::not_found::{IgnoredBy, NotFound, Searched};
use builder::op::exec::{ExecError, NoEmulator, ReachedLimit};
use builder::op::file::FileOpError;
use sandbox::{Exit, SandboxError};
use sources::FetchError;
use users::UserError;

use super::single_id;
use super::{network, panic};
use crate::output;

/// Number of lines of a failed step's output that are shown.
const TAIL_LINES: usize = 10;

/// The way out where no private network is available.
pub const PRIVATE_NETWORK_HINT: &str = "install the package passt, and make /dev/net/tun usable (docker run --device \
    /dev/net/tun); or use --network=none; or allow the network of this machine with --network-fallback=host or \
    DSBUILD_NETWORK_FALLBACK=host";

/// The way out of a bus error.
pub const SHM_HINT: &str = "135 is signal 7 (bus error): mostly /dev/shm is full, as with data loaders of PyTorch; \
    --shm-size 2g makes it larger";

/// The way out where no namespaces are allowed.
const NAMESPACES_HINT: &str = "in docker: --security-opt seccomp=unconfined --security-opt apparmor=unconfined \
    --security-opt systempaths=unconfined, or --privileged; in Kubernetes: securityContext with seccompProfile and \
    appArmorProfile Unconfined, and hostUsers: false; a Dockerfile without RUN needs none of this";

/// Returns the last lines that the process of a step wrote, in a frame. `None` if no process failed.
pub fn tail(name: &str, cause: &StepError) -> Option<String> {
    let StepError::Exec(ExecError::Process { tail, .. }) = cause else { return None };
    let lines: Vec<&str> = tail.lines().collect();
    let last = lines[lines.len().saturating_sub(TAIL_LINES)..].iter();
    let last: String = last.map(|line| format!("{}\n", output::sanitized(line))).collect();
    let rule = "------";
    Some(format!("{rule}\n > {}:\n{last}{rule}\n", output::sanitized(name)))
}

/// Reports whether dsbuild or this machine is at fault, and not the Dockerfile.
pub fn is_system(cause: &StepError) -> bool {
    match cause {
        StepError::Store(_)
        | StepError::Rootfs(_)
        | StepError::Context { .. }
        | StepError::Internal { .. } => true,
        StepError::Exec(error) => is_system_exec(error),
        StepError::Fetch(error) => matches!(error, FetchError::Store(_) | FetchError::Rootfs(_)),
        _ => false,
    }
}

fn is_system_exec(error: &ExecError) -> bool {
    use SandboxError::{Network, Os, Unavailable};
    matches!(
        error,
        ExecError::Store(_)
            | ExecError::Rootfs(_)
            | ExecError::Tree(_)
            | ExecError::Io { .. }
            | ExecError::NoIsolation { .. }
            | ExecError::Sandbox(Network { .. } | Os { .. } | Unavailable { .. })
    )
}

/// Returns the way out of a usual failure.
pub fn hint(cause: &StepError) -> Option<String> {
    match cause {
        StepError::Exec(error) => exec_hint(error),
        StepError::Source(error) => error.hint().map(str::to_owned),
        StepError::NotFound { cause, diagnosis } => {
            unreachable_link(cause, diagnosis).or_else(|| missing(diagnosis))
        }
        StepError::Internal { message } => Some(panic::hint(message).to_owned()),
        StepError::File(FileOpError::Owner(error)) => owner(error),
        StepError::TooManyLayers { .. } => Some(
            "combine instructions, such as several RUNs in one with &&, or copy the files to a new stage"
                .to_owned(),
        ),
        _ => None,
    }
}

fn exec_hint(error: &ExecError) -> Option<String> {
    match error {
        ExecError::Process { limit: Some(limit), .. } => Some(limit_hint(limit).to_owned()),
        ExecError::Process { exit, tail, .. } => process(exit, tail),
        ExecError::NoIsolation { .. } => Some(NAMESPACES_HINT.to_owned()),
        ExecError::NoEmulator(error) => Some(no_emulator(error)),
        ExecError::NoSecret { id } => Some(format!("give it with --secret id={id},src=FILE")),
        ExecError::LeakedSecret(_) => Some(
            "use the secret in the command that needs it without writing it to a file, or remove the file in the same RUN"
                .to_owned(),
        ),
        ExecError::NoCommand => Some("write RUN [\"PROGRAM\", \"ARGUMENT\", ...]".to_owned()),
        ExecError::NoSshAgent { id } => Some(format!("give it with --ssh {id}")),
        ExecError::Device(cdi::CdiError::Missing { .. }) => Some(
            "devices are described in the directories of --cdi-spec-dir; for NVIDIA's: nvidia-ctk cdi generate \
             --output=/etc/cdi/nvidia.yaml"
                .to_owned(),
        ),
        ExecError::User(error) => owner(error),
        ExecError::Sandbox(SandboxError::Network { .. }) => Some(PRIVATE_NETWORK_HINT.to_owned()),
        ExecError::Sandbox(SandboxError::NotFound { program }) => Some(not_in_stage(program)),
        ExecError::Sandbox(SandboxError::NotExecutable { source, .. }) => {
            Some(not_executable(&source.to_string()).to_owned())
        }
        _ => None,
    }
}

/// Names the packages that run programs of other platforms.
fn no_emulator(error: &NoEmulator) -> String {
    format!(
        "install QEMU and register it with the kernel: apt-get install qemu-user-static binfmt-support (Debian and \
         Ubuntu), dnf install qemu-user-static (Fedora), or docker run --privileged --rm tonistiigi/binfmt --install {}; \
         a stage on FROM --platform=$BUILDPLATFORM that cross-compiles for $TARGETARCH needs none",
        error.platform.architecture
    )
}

/// Returns facts about a file that a step did not find.
pub fn note(cause: &StepError) -> Option<String> {
    let StepError::NotFound { diagnosis, .. } = cause else { return None };
    match (&diagnosis.ignored_by, &diagnosis.searched) {
        (Some(IgnoredBy { file, line, written }), _) => Some(format!(
            "the file exists, but line {line} of {file} excludes it from the context: {written}"
        )),
        (None, Searched::Stage(stage)) => Some(format!("the path was looked up in the stage {stage}")),
        (None, Searched::Image(name)) => Some(format!("the path was looked up in the image {name}")),
        (None, _) => None,
    }
}

/// Returns the way out if the path itself exists: then it is a symlink, and its target is missing.
fn unreachable_link(cause: &FileOpError, diagnosis: &NotFound) -> Option<String> {
    let FileOpError::NotFound { path } = cause else { return None };
    let suggestion = diagnosis.suggestion.as_deref()?;
    let is_same = path.trim_matches('/') == suggestion.trim_matches('/');
    is_same.then(|| {
        format!("{suggestion} is a symlink, and its target is not there: a target outside of the context cannot be copied")
    })
}

fn missing(diagnosis: &NotFound) -> Option<String> {
    match diagnosis {
        NotFound { ignored_by: Some(_), .. } => {
            Some("remove that line, or add a line `!PATH` below it, which includes the file again".to_owned())
        }
        NotFound { suggestion: Some(path), .. } => Some(format!("did you mean {path}?")),
        NotFound { is_outside: true, .. } => Some(
            "nothing outside of the context can be copied; build from the directory above, or name the other \
             directory with --build-context NAME=DIR and use COPY --from=NAME"
                .to_owned(),
        ),
        NotFound { searched: Searched::Context, .. } => {
            Some("paths start at the build context, not at the directory of the Dockerfile".to_owned())
        }
        _ => None,
    }
}

fn owner(error: &UserError) -> Option<String> {
    let (kind, name) = match error {
        UserError::UnknownUser { name } => ("user", name),
        UserError::UnknownGroup { name } => ("group", name),
        _ => return None,
    };
    Some(format!(
        "add the {kind} in an earlier RUN ({kind}add {name}), or write its number, which needs no entry"
    ))
}

fn not_in_stage(program: &str) -> String {
    if program.contains('/') {
        format!(
            "this stage has no {program}, or the interpreter in its `#!` line is missing: Windows line ends change \
             the name of an interpreter"
        )
    } else {
        format!(
            "this stage has no {program} on its PATH; install it in a RUN before this one, or write its full path"
        )
    }
}

fn limit_hint(limit: &ReachedLimit) -> &'static str {
    match limit {
        ReachedLimit::Memory { .. } => "raise --memory, or run fewer jobs at once in the step",
        ReachedLimit::Pids { .. } => "raise --pids-limit, or run fewer jobs at once in the step",
        ReachedLimit::Disk { .. } => {
            "free some space (dsbuild prune), or put the store on another disk with DSBUILD_ROOT"
        }
    }
}

fn process(exit: &Exit, tail: &str) -> Option<String> {
    let code = match exit {
        Exit::Code(code) => *code,
        Exit::Signal(signal) => 128 + *signal,
    };
    let hint = match code {
        126 => format!("126: {}", not_executable(tail)),
        127 => not_found(tail),
        132 => "132 is signal 4 (illegal instruction): the program may be made for another processor".to_owned(),
        134 => "134 is signal 6: the program aborted itself".to_owned(),
        135 => SHM_HINT.to_owned(),
        137 => "137 is signal 9 (killed): mostly by the kernel, because memory ran out; fewer jobs at once may help"
            .to_owned(),
        139 => {
            "139 is signal 11 (segmentation fault): a bug of the program, or libraries that do not fit it".to_owned()
        }
        _ => return owners(tail, single_id::get()).or_else(|| network::hint(tail)),
    };
    Some(hint)
}

/// Explains programs that become another user, or give a file to one, where only one ID exists: apt, chown, su.
///
/// `single_id` is the reason for that; `None` where several IDs exist.
fn owners(tail: &str, single_id: Option<&str>) -> Option<String> {
    let calls =
        ["setgroups", "setegid", "seteuid", "setresuid", "setresgid", "setuid", "setgid", "set groups"];
    let is_change = |line: &str| {
        calls.iter().any(|call| line.contains(call))
            || line.contains("chown") && (line.contains("Invalid argument") || line.contains("not permitted"))
            || line.contains("hanging ownership")
            || line.contains("hange owner")
    };
    let reason = single_id?;
    tail.lines().any(is_change).then(|| {
        format!(
            "the step needs a second user ID, and only one is available: {reason}; for apt alone: apt-get -o \
             APT::Sandbox::User=root"
        )
    })
}

fn not_executable(tail: &str) -> &'static str {
    if tail.to_ascii_lowercase().contains("exec format error") {
        return "the file is not a program for this machine: it may be made for another platform, or be a script \
                without a `#!` line";
    }
    "the file exists but cannot be executed; give it its x bits (COPY --chmod=755, or RUN chmod +x), and check that \
     the interpreter in its `#!` line exists"
}

/// Shells name the command that they did not find.
fn not_found(tail: &str) -> String {
    match tail.lines().rev().find_map(missing_command) {
        Some(command) => format!("127: {}", not_in_stage(&command)),
        None => {
            "127: the shell did not find a command; check that it is installed in this stage and on the PATH"
                .to_owned()
        }
    }
}

/// Returns the command in `sh: 1: make: not found`, `/bin/sh: make: not found`, `bash: line 1: make: command not found`.
fn missing_command(line: &str) -> Option<String> {
    let line = output::sanitized(line);
    let front = line.strip_suffix("command not found").or_else(|| line.strip_suffix("not found"))?;
    let command = front.trim_end().strip_suffix(':')?.rsplit(": ").next()?;
    let is_word = !command.is_empty() && !command.contains(char::is_whitespace);
    is_word.then(|| command.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(exit: Exit, tail: &str, expected: Option<&str>) {
        let hint = process(&exit, tail);
        match expected {
            Some(expected) => assert!(hint.as_ref().is_some_and(|hint| hint.contains(expected)), "{hint:?}"),
            None => assert_eq!(hint, None),
        }
    }

    #[test]
    fn a_usual_exit_code_has_a_hint() {
        check(Exit::Code(1), "", None);
        check(Exit::Code(1), "curl: (6) Could not resolve host: x.test", Some("x.test did not resolve"));
        check(Exit::Code(126), "sh: /x: Permission denied", Some("x bits"));
        check(Exit::Code(126), "sh: /x: Exec format error", Some("another platform"));
        check(Exit::Code(135), "", Some("--shm-size"));
        check(Exit::Code(137), "", Some("memory ran out"));
        check(Exit::Signal(9), "", Some("memory ran out"));
        check(Exit::Signal(11), "", Some("segmentation fault"));
    }

    #[track_caller]
    fn check_owners(tail: &str, is_explained: bool) {
        let reason = "/etc/subuid gives user jo no ids";
        let hint = owners(tail, Some(reason));
        assert_eq!(hint.as_ref().is_some_and(|hint| hint.contains(reason)), is_explained, "{tail}: {hint:?}");
        assert_eq!(owners(tail, None), None);
    }

    #[test]
    fn a_step_that_needs_a_second_id_is_explained() {
        check_owners("E: setgroups 65534 failed - setgroups (1: Operation not permitted)", true);
        check_owners("E: seteuid 42 failed - seteuid (22: Invalid argument)", true);
        check_owners("chown: changing ownership of '/home/jo': Invalid argument\nbye", true);
        check_owners("chown: /home/jo: Invalid argument", true);
        check_owners("su: can't set groups: Operation not permitted", true);
        check_owners("make: *** [all] Error 1", false);
        check_owners("cp: cannot open 'x': Permission denied", false);
    }

    #[test]
    fn the_hint_names_the_missing_command() {
        check(Exit::Code(127), "/bin/sh: make: not found\n", Some("has no make on its PATH"));
        check(Exit::Code(127), "/bin/sh: 1: make: not found", Some("has no make on its PATH"));
        check(Exit::Code(127), "bash: line 1: make: command not found\nbye", Some("has no make on its PATH"));
        check(Exit::Code(127), "/bin/sh: ./x.sh: not found", Some("this stage has no ./x.sh"));
        check(Exit::Code(127), "file x y not found", Some("did not find a command"));
    }
}
