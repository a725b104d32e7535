//! Text from outside never acts on a terminal: not from a Dockerfile, a process, a log or a file name.

use std::fs::File;
use std::io::Read;
use std::os::fd::{AsFd, OwnedFd};

use rustix::pty::OpenptFlags;

use crate::env::{TestEnv, skip_unless};

/// Sets the clipboard and the title of a window, makes text red, and reorders it.
const HOSTILE: &str = "\u{1b}]52;c;UFdO\u{7}\u{1b}]0;PWNED\u{7}\u{1b}[31m\u{202e}";

/// The same for `printf` of a shell.
const HOSTILE_PRINTF: &str = r"\033]52;c;UFdO\007\033]0;PWNED\007\033[31mred\n";

/// Runs dsbuild on a terminal of 40 rows and 120 columns; returns what the terminal received.
fn on_terminal(env: &TestEnv, args: &[&str], variables: &[(&str, &str)]) -> String {
    let (user_side, process_side) = open_terminal();
    let mut command = env.command(args);
    command.env_remove("NO_COLOR").env("TERM", "xterm").envs(variables.iter().copied());
    for stream in [std::process::Command::stdout, std::process::Command::stderr] {
        stream(&mut command, process_side.try_clone().expect("descriptors can be copied"));
    }
    let mut child = command.spawn().expect("the binary runs");
    drop((command, process_side));
    let mut received = Vec::new();
    let mut buffer = [0; 4096];
    let mut terminal = File::from(user_side);
    // A terminal whose other side is closed ends with an error.
    while let Ok(length @ 1..) = terminal.read(&mut buffer) {
        received.extend_from_slice(&buffer[..length]);
    }
    child.wait().expect("it ends");
    String::from_utf8_lossy(&received).into_owned()
}

fn open_terminal() -> (OwnedFd, OwnedFd) {
    let flags = OpenptFlags::RDWR | OpenptFlags::NOCTTY | OpenptFlags::CLOEXEC;
    let user_side = rustix::pty::openpt(flags).expect("a terminal");
    rustix::pty::grantpt(&user_side).expect("a terminal");
    rustix::pty::unlockpt(&user_side).expect("a terminal");
    let process_side = rustix::pty::ioctl_tiocgptpeer(&user_side, flags).expect("a terminal");
    let size = rustix::termios::Winsize { ws_row: 40, ws_col: 120, ws_xpixel: 0, ws_ypixel: 0 };
    rustix::termios::tcsetwinsize(process_side.as_fd(), size).expect("a size can be set");
    (user_side, process_side)
}

/// Returns the escape sequences of a text that are neither colors nor movements of the live view.
fn foreign_sequences(text: &str) -> Vec<String> {
    let sequences = text.split('\u{1b}').skip(1);
    let is_ours = |rest: &str| {
        let end = rest.find(|c: char| c != '[' && c != ';' && !c.is_ascii_digit());
        rest.starts_with('[') && end.is_some_and(|end| matches!(&rest[end..=end], "m" | "F" | "J"))
    };
    sequences.filter(|rest| !is_ours(rest)).map(|rest| rest.chars().take(20).collect()).collect()
}

#[track_caller]
fn check_harmless(text: &str) {
    assert_eq!(foreign_sequences(text), [""; 0], "{text:?}");
    let acts = |c: char| matches!(c, '\u{7}' | '\u{8}' | '\u{9b}' | '\u{9d}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
    assert!(!text.contains(acts), "{text:?}");
}

/// Builds this Dockerfile on a terminal in each mode of progress.
#[track_caller]
fn check_build(env: &TestEnv, dockerfile: &str) {
    env.file("Dockerfile", dockerfile);
    for mode in ["tty", "plain", "rawjson", "quiet"] {
        check_harmless(&on_terminal(env, &["build", "--no-cache", "--progress", mode, "context"], &[]));
    }
}

#[test]
fn privileged_the_text_of_a_dockerfile_does_not_act_on_a_terminal() {
    let env = skip_unless!(TestEnv::new());
    check_build(&env, &format!("FROM base\nRUN true # {HOSTILE}\n"));
    check_build(&env, &format!("FROM base\nRUN exit 3 # {HOSTILE}\n"));
    check_build(&env, &format!("FROM base\nCOPY f{HOSTILE} /x\n"));
    check_build(&env, &format!("FROM base\nBADINS{HOSTILE} foo\n"));
    check_build(&env, &format!("FROM base AS a{HOSTILE}\nENV A={HOSTILE}\nUSER $A\nRUN true\n"));
}

#[test]
fn privileged_the_output_of_a_step_does_not_act_on_a_terminal() {
    let env = skip_unless!(TestEnv::new());
    check_build(&env, &format!("FROM base\nRUN printf '{HOSTILE_PRINTF}'; printf '{HOSTILE_PRINTF}' >&2\n"));
    check_build(&env, &format!("FROM base\nRUN printf '{HOSTILE_PRINTF}'; exit 3\n"));
}

#[test]
fn checks_and_questions_do_not_act_on_a_terminal() {
    let env = TestEnv::bare();
    env.file(
        "Dockerfile",
        &format!("# a {HOSTILE}\nFROM scratch AS a\nENV a {HOSTILE}\nLABEL x=$u{HOSTILE}\n"),
    );
    env.file(&format!("f{HOSTILE}"), "");
    for args in [
        &["build", "--check", "context"][..],
        &["build", "--check", "--format=json", "context"],
        &["build", "--call=targets", "context"],
        &["build", "--call=outline,format=json", "context"],
        &["context", "context"],
        &["context", "--included", "context"],
        &["context", "--format=json", "context"],
        &["parse", "context/Dockerfile"],
        &["build", HOSTILE],
        &["build", &format!("--{HOSTILE}"), "context"],
    ] {
        check_harmless(&on_terminal(&env, args, &[]));
    }
}

#[test]
fn privileged_the_log_of_a_container_does_not_act_on_a_terminal() {
    let env = skip_unless!(TestEnv::new());
    let script =
        format!("printf '{HOSTILE_PRINTF}'; printf '\\033]52;c;'; sleep 0.2; printf 'UFdO\\007\\nend\\n'");
    env.build("FROM base\n", &[]).success();
    env.dsbuild(&["run", "-d", "--network", "none", "--name", "logs", "t", "sh", "-c", &script]).success();
    let followed = on_terminal(&env, &["logs", "--follow", "logs"], &[]);
    check_harmless(&followed);
    assert!(followed.contains("red\r\n") && followed.contains("end\r\n"), "{followed:?}");
    let exact = env.dsbuild(&["logs", "logs"]).success();
    assert!(
        exact.stdout().contains("\u{1b}]0;PWNED\u{7}"),
        "a pipe gets the exact output: {}",
        exact.stdout()
    );
    env.dsbuild(&["rm", "--force", "logs"]).success();
}

#[test]
fn privileged_colors_can_be_switched_off() {
    let env = skip_unless!(TestEnv::new());
    env.file("Dockerfile", "FROM base\nRUN exit 3\n");
    let args = ["build", "--no-cache", "context"];
    assert!(on_terminal(&env, &args, &[]).contains("\u{1b}[31m"), "a terminal shows colors");
    let plain = on_terminal(&env, &args, &[("NO_COLOR", "1")]);
    assert!(!plain.contains('m') || !plain.contains("\u{1b}[3"), "{plain:?}");
    assert!(plain.contains("\u{1b}[J"), "the live view needs no colors: {plain:?}");
}

#[test]
fn privileged_a_dumb_terminal_gets_plain_lines() {
    let env = skip_unless!(TestEnv::new());
    env.file("Dockerfile", "FROM base\nRUN exit 3\n");
    for mode in ["auto", "tty"] {
        let args = ["build", "--no-cache", "--progress", mode, "context"];
        let lines = on_terminal(&env, &args, &[("TERM", "dumb")]);
        assert!(!lines.contains('\u{1b}') && lines.contains("#"), "{lines:?}");
    }
}
