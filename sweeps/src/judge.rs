//! Rules that hold for every command, whatever fault was provoked.

use crate::process::Finished;
use crate::report::Fault;

/// Signals that a program raises by its own fault: SIGILL, SIGABRT, SIGBUS, SIGSEGV, SIGSYS.
const CRASHES: [i32; 5] = [4, 6, 7, 11, 31];

/// Returns the first `sha256:<64 hex digits>` of a text.
pub fn digest(text: &str) -> Option<&str> {
    let start = text.find("sha256:")?;
    let found = text.get(start..start + 71)?;
    found[7..].bytes().all(|byte| byte.is_ascii_hexdigit()).then_some(found)
}

/// Checks that a command did not hang or panic, and that a failure has a message.
pub fn check(finished: &Finished) -> Vec<Fault> {
    let mut faults = Vec::new();
    if finished.is_timed_out {
        faults.push(Fault::new("a command hangs", finished.summary()));
    }
    let has_crashed = finished.signal.is_some_and(|signal| CRASHES.contains(&signal));
    if finished.stderr.contains("panicked at") || has_crashed {
        faults.push(Fault::new("a command panics", finished.summary()));
    }
    if finished.code.is_some_and(|code| code != 0) && finished.stderr.trim().is_empty() {
        faults.push(Fault::new("a failure has no message", finished.summary()));
    }
    faults
}

/// Checks a build that can fail: exit 0 gives the right digest, a failure gives a message.
pub fn check_build(finished: &Finished, expected: &str) -> Vec<Fault> {
    let mut faults = check(finished);
    if finished.code == Some(0) && digest(&finished.stdout) != Some(expected) {
        let detail = format!("{} instead of {expected}", finished.stdout.trim());
        faults.push(Fault::new("exit 0 with a wrong digest", detail));
    }
    faults
}

/// Checks a build that has to succeed; `rule` says when it ran.
pub fn check_success(finished: &Finished, expected: &str, rule: &'static str) -> Vec<Fault> {
    let mut faults = check_build(finished, expected);
    if finished.code != Some(0) {
        faults.push(Fault::new(rule, finished.summary()));
    }
    faults
}

/// Returns a fault under `rule` if a command failed.
pub fn check_code(finished: &Finished, rule: &'static str) -> Vec<Fault> {
    let mut faults = check(finished);
    if finished.code != Some(0) {
        faults.push(Fault::new(rule, format!("{} {}", finished.summary(), finished.stdout.trim())));
    }
    faults
}

#[cfg(test)]
mod tests {
    use super::*;

    const DIGEST: &str = "sha256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef";

    fn finished(code: Option<i32>, signal: Option<i32>, stdout: &str, stderr: &str) -> Finished {
        let (stdout, stderr) = (stdout.to_owned(), stderr.to_owned());
        Finished { code, signal, stdout, stderr, ..Finished::default() }
    }

    #[track_caller]
    fn check_rules(finished: &Finished, expected: &[&str]) {
        let faults = check_build(finished, DIGEST);
        assert_eq!(faults.iter().map(|fault| fault.rule).collect::<Vec<_>>(), expected);
    }

    #[test]
    fn a_build_gives_the_right_digest_or_a_message() {
        check_rules(&finished(Some(0), None, DIGEST, ""), &[]);
        check_rules(&finished(Some(1), None, "", "error: cannot read /a: Input/output error"), &[]);
        check_rules(&finished(None, Some(9), "", ""), &[]);
        check_rules(&finished(Some(0), None, "", ""), &["exit 0 with a wrong digest"]);
        check_rules(&finished(Some(1), None, "", ""), &["a failure has no message"]);
        check_rules(&finished(None, Some(6), "", ""), &["a command panics"]);
        let panic = "thread 'main' panicked at src/main.rs:1: error";
        check_rules(&finished(Some(101), None, "", panic), &["a command panics"]);
        let hang = Finished { is_timed_out: true, signal: Some(9), ..Finished::default() };
        check_rules(&hang, &["a command hangs"]);
    }

    #[test]
    fn a_digest_has_64_hex_digits() {
        assert_eq!(digest(&format!("x {DIGEST}\n")), Some(DIGEST));
        assert_eq!(digest("sha256:0123"), None);
        assert_eq!(digest(&DIGEST.replace('a', "z")), None);
    }
}
