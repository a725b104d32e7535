//! Steps that failed: the end of their output, and the way out.

use builder::step::StepError;
use sandbox::Exit;

use crate::output;

/// Lines of a failed step's output that are shown.
const TAIL_LINES: usize = 10;

/// The last lines that the process of a step wrote, framed; `None` if it was no process that failed.
pub fn tail(name: &str, cause: &StepError) -> Option<String> {
    let StepError::Process { tail, .. } = cause else { return None };
    let lines: Vec<&str> = tail.lines().collect();
    let last = lines[lines.len().saturating_sub(TAIL_LINES)..].iter();
    let last: String = last.map(|line| format!("{}\n", output::sanitized(line))).collect();
    let rule = "------";
    Some(format!("{rule}\n > {}:\n{last}{rule}\n", output::sanitized(name)))
}

/// The way out of the usual failures.
pub fn hint(cause: &StepError) -> Option<String> {
    match cause {
        StepError::Process { exit, tail, .. } => process(exit, tail),
        StepError::NoSecret { id } => Some(format!("give it with --secret id={id},src=FILE")),
        StepError::NoSshAgent { id } => Some(format!("give it with --ssh {id}")),
        StepError::Device(cdi::CdiError::Missing { .. }) => Some(
            "devices are described in the folders of --cdi-spec-dir; for NVIDIA's: nvidia-ctk cdi generate \
             --output=/etc/cdi/nvidia.yaml"
                .to_owned(),
        ),
        _ => None,
    }
}

fn process(exit: &Exit, tail: &str) -> Option<String> {
    let code = match exit {
        Exit::Code(code) => *code,
        Exit::Signal(signal) => 128 + *signal,
    };
    let hint = match code {
        126 => not_executable(tail).to_owned(),
        127 => not_found(tail),
        132 => "132 is signal 4 (illegal instruction): a program made for another processor?".to_owned(),
        134 => "134 is signal 6: the program gave up by itself (abort)".to_owned(),
        137 => "137 is signal 9 (killed): mostly by the kernel, because memory ran out; fewer jobs at once may help"
            .to_owned(),
        139 => "139 is signal 11 (segmentation fault): a bug of the program, or libraries that do not fit it".to_owned(),
        _ => return network(tail),
    };
    Some(hint)
}

fn not_executable(tail: &str) -> &'static str {
    if tail.contains("Exec format error") || tail.contains("exec format error") {
        return "126: the file is no program for this machine: is it one for another platform, or a script without \
                a `#!` line?";
    }
    "126: the file was found but cannot be executed; give it its x bits (COPY --chmod=755, or RUN chmod +x), and see \
     that the interpreter in its `#!` line exists"
}

/// Shells name the command that they did not find.
fn not_found(tail: &str) -> String {
    let last = tail.lines().rev().find_map(missing_command);
    match last {
        Some(command) if command.ends_with('\r') || command.contains("\\r") => {
            "127: the script has Windows line ends (CRLF), which become part of its words; convert it"
                .to_owned()
        }
        Some(command) if command.contains('/') => {
            format!(
                "127: there is no {command} in this stage, or the interpreter in its `#!` line is missing"
            )
        }
        Some(command) => {
            format!(
                "127: this stage has no {command} on its PATH; install it in a RUN before this one, or name it in full"
            )
        }
        None => "127: the shell did not find a command; is it installed in this stage, and on the PATH?"
            .to_owned(),
    }
}

/// `sh: 1: make: not found`, `/bin/sh: make: not found`, `bash: line 1: make: command not found`.
fn missing_command(line: &str) -> Option<String> {
    let line = output::sanitized(line);
    let front = line.strip_suffix("command not found").or_else(|| line.strip_suffix("not found"))?;
    let command = front.trim_end().strip_suffix(':')?.rsplit(": ").next()?;
    let is_word = !command.is_empty() && !command.contains(char::is_whitespace);
    is_word.then(|| command.to_owned())
}

/// Programs that found no network say so in a few ways.
fn network(tail: &str) -> Option<String> {
    let signs = [
        "Temporary failure in name resolution",
        "Temporary failure resolving",
        "Could not resolve host",
        "Network is unreachable",
    ];
    signs.iter().any(|sign| tail.contains(sign)).then(|| {
        "the step found no network; try `RUN --network=host` with `--allow network.host`, or check /etc/resolv.conf"
            .to_owned()
    })
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
    fn usual_failures_have_a_way_out() {
        check(Exit::Code(1), "", None);
        check(Exit::Code(1), "curl: (6) Could not resolve host: x", Some("found no network"));
        check(Exit::Code(126), "sh: /x: Permission denied", Some("x bits"));
        check(Exit::Code(126), "sh: /x: Exec format error", Some("another platform"));
        check(Exit::Code(137), "", Some("memory ran out"));
        check(Exit::Signal(9), "", Some("memory ran out"));
        check(Exit::Signal(11), "", Some("segmentation fault"));
    }

    #[test]
    fn a_command_that_is_missing_is_named() {
        check(Exit::Code(127), "/bin/sh: make: not found\n", Some("has no make on its PATH"));
        check(Exit::Code(127), "/bin/sh: 1: make: not found", Some("has no make on its PATH"));
        check(Exit::Code(127), "bash: line 1: make: command not found\nbye", Some("has no make on its PATH"));
        check(Exit::Code(127), "/bin/sh: ./x.sh: not found", Some("no ./x.sh in this stage"));
        check(Exit::Code(127), "file x y not found", Some("did not find a command"));
    }
}
