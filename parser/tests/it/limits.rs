//! Limits on the size of files: each one is reached, and then exceeded.

use parser::{Limits, diagnose::MAX_ERRORS, parse, parse_with};

/// Checks that `within` is parsed and that `beyond` has the error `message`.
#[track_caller]
fn check(limits: Limits, within: &str, beyond: &str, message: &str) {
    parse_with(within.as_bytes(), limits).expect("within the limit");
    let error = parse_with(beyond.as_bytes(), limits).expect_err("beyond the limit");
    assert_eq!(error.message, message);
}

#[test]
fn the_size_of_the_file_is_limited() {
    let comment = "#".repeat(1_023) + "\n";
    let fits = comment.repeat(1_023) + &"#".repeat(1_017) + "\nFROM a";
    let message = "dockerfile greater than max allowed size of 1048576";
    check(Limits::DEFAULT, &fits, &format!("{fits}\n"), message);
}

#[test]
fn the_length_of_a_line_is_limited() {
    let fits = format!("FROM {}", "a".repeat(65_535 - 5));
    let message = "dockerfile line greater than max allowed size of 65535";
    check(Limits::DEFAULT, &fits, &format!("{fits}a"), message);
    check(Limits::DEFAULT, &format!("{fits}\n"), &format!("{fits}\r\n"), message);
}

#[test]
fn the_size_of_a_heredoc_is_limited() {
    let limits = Limits { heredoc_bytes: 4, ..Limits::DEFAULT };
    let message = "heredoc greater than max allowed size of 4";
    check(limits, "FROM a\nRUN <<E\nabc\nE", "FROM a\nRUN <<E\nabcd\nE", message);
}

/// The default limits without that of the file, which is not above that of a heredoc.
const UNLIMITED_FILE: Limits = Limits { file_bytes: usize::MAX, ..Limits::DEFAULT };

fn body_of_one_mebibyte() -> String {
    ("x".repeat(1_023) + "\n").repeat(1_024)
}

#[test]
fn a_heredoc_has_at_most_one_mebibyte_by_default() {
    let body = body_of_one_mebibyte();
    let within = format!("FROM a\nRUN <<E\n{body}E");
    let beyond = format!("FROM a\nRUN <<E\n{body}\nE");
    check(UNLIMITED_FILE, &within, &beyond, "heredoc greater than max allowed size of 1048576");
}

#[test]
fn all_heredocs_have_at_most_eight_mebibytes_by_default() {
    let body = body_of_one_mebibyte();
    let within = format!("FROM a\n{}", format!("RUN <<E\n{body}E\n").repeat(8));
    let beyond = format!("{within}RUN <<E\n\nE");
    check(UNLIMITED_FILE, &within, &beyond, "heredocs greater than max allowed total of 8388608");
}

#[test]
fn the_total_size_of_heredocs_is_limited() {
    let limits = Limits { heredocs_bytes: 6, ..Limits::DEFAULT };
    let message = "heredocs greater than max allowed total of 6";
    let fits = "FROM a\nRUN <<E\nab\nE\nRUN <<E\nab\nE";
    check(limits, fits, &format!("{fits}\nRUN <<E\n\nE"), message);
}

#[test]
fn the_number_of_stages_is_limited() {
    let fits = "FROM a\n".repeat(1_000);
    check(Limits::DEFAULT, &fits, &format!("{fits}FROM a\n"), "dockerfile has more than 1000 stages");
}

#[test]
fn the_number_of_instructions_is_limited() {
    let fits = format!("FROM a\n{}", "RUN\n".repeat(9_999));
    let message = "dockerfile has more than 10000 instructions";
    check(Limits::DEFAULT, &fits, &format!("{fits}RUN\n"), message);
}

#[test]
fn deeply_nested_triggers_are_an_error() {
    let text = format!("FROM a\n{}RUN x", "ONBUILD ".repeat(8_000));
    let error = parse(text.as_bytes()).expect_err("a trigger cannot be ONBUILD");
    assert_eq!(error.message, "Chaining ONBUILD via `ONBUILD ONBUILD` isn't allowed");
}

/// Files that would be slow to parse if the time were not linear in their size. The time limit of the test harness
/// applies.
#[test]
fn hostile_files_are_parsed_in_linear_time() {
    let hostile = [
        "\\\n".repeat(100_000),
        "FROM a\nRUN \\\n".to_string() + &"\n".repeat(200_000),
        "FROM a\n".to_string() + &"RUN \\\n# c\n".repeat(20_000),
        "FROM a\nRUN ".to_string() + &"<<A \\\n".repeat(20_000),
        "FROM a\nRUN ".to_string() + &"<<A ".repeat(10_000) + &"\nA".repeat(10_001),
        "FROM a\nENV ".to_string() + &"a=\\\"".repeat(15_000),
        "FROM a\nENV a=".to_string() + &"\"".repeat(65_001),
        "FROM a\nCOPY ".to_string() + &"--a ".repeat(16_000),
        "FROM a\nCMD ".to_string() + &"[".repeat(65_000),
        "FROM a\nRUN <<".to_string() + &"${a:-".repeat(13_000),
        "ONBUILD ".repeat(8_000),
        "FROM ".to_string() + &"\0".repeat(60_000),
        "USER\n".to_string() + &"x <<A\n".repeat(100_000),
        "# a=b\n".repeat(40_000),
        "\u{feff}\u{feff}FROM a".into(),
    ];
    for text in hostile {
        if let Err(error) = parse(text.as_bytes()) {
            let further = parser::further_errors(text.as_bytes(), &error).errors;
            assert!(further.len() < MAX_ERRORS, "{} errors", further.len());
        }
    }
}

#[test]
fn utf16_is_an_error() {
    let utf16: Vec<u8> = "FROM a\nRUN b".encode_utf16().flat_map(u16::to_le_bytes).collect();
    parse(&utf16).expect_err("every other byte is NUL");
}

#[test]
fn bytes_that_are_not_utf8_are_replaced() {
    let file = parse(b"FROM a\nRUN \xff\xfe\n").expect("a Dockerfile");
    assert_eq!(file.stages[0].instructions[0].text, "RUN \u{fffd}\u{fffd}");
}
