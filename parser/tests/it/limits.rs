//! Every bound: what is just within it, and what is not.

use parser::{Limits, parse, parse_with};

#[track_caller]
fn check(limits: Limits, fits: &str, too_much: &str, message: &str) {
    parse_with(fits.as_bytes(), limits).expect("within the limit");
    let error = parse_with(too_much.as_bytes(), limits).expect_err("beyond the limit");
    assert_eq!(error.message, message);
}

#[test]
fn file() {
    let comment = "#".repeat(1_023) + "\n";
    let fits = comment.repeat(1_023) + &"#".repeat(1_017) + "\nFROM a";
    let message = "dockerfile greater than max allowed size of 1048576";
    check(Limits::DEFAULT, &fits, &format!("{fits}\n"), message);
}

#[test]
fn line() {
    let fits = format!("FROM {}", "a".repeat(65_535 - 5));
    let message = "dockerfile line greater than max allowed size of 65535";
    check(Limits::DEFAULT, &fits, &format!("{fits}a"), message);
    check(Limits::DEFAULT, &format!("{fits}\n"), &format!("{fits}\r\n"), message);
}

#[test]
fn heredoc() {
    let limits = Limits { heredoc_bytes: 4, ..Limits::DEFAULT };
    let message = "heredoc greater than max allowed size of 4";
    check(limits, "FROM a\nRUN <<E\nabc\nE", "FROM a\nRUN <<E\nabcd\nE", message);
}

/// The limits that are in force; that of the file, which is as low, is out of the way.
#[test]
fn heredocs_by_default() {
    let limits = Limits { file_bytes: usize::MAX, ..Limits::DEFAULT };
    let body = ("x".repeat(1_023) + "\n").repeat(1_024);
    let message = "heredoc greater than max allowed size of 1048576";
    check(limits, &format!("FROM a\nRUN <<E\n{body}E"), &format!("FROM a\nRUN <<E\n{body}\nE"), message);
    let eight = format!("FROM a\n{}", format!("RUN <<E\n{body}E\n").repeat(8));
    let message = "heredocs greater than max allowed total of 8388608";
    check(limits, &eight, &format!("{eight}RUN <<E\n\nE"), message);
}

#[test]
fn heredocs() {
    let limits = Limits { heredocs_bytes: 6, ..Limits::DEFAULT };
    let message = "heredocs greater than max allowed total of 6";
    let fits = "FROM a\nRUN <<E\nab\nE\nRUN <<E\nab\nE";
    check(limits, fits, &format!("{fits}\nRUN <<E\n\nE"), message);
}

#[test]
fn stages() {
    let fits = "FROM a\n".repeat(1_000);
    check(Limits::DEFAULT, &fits, &format!("{fits}FROM a\n"), "dockerfile has more than 1000 stages");
}

#[test]
fn instructions() {
    let fits = format!("FROM a\n{}", "RUN\n".repeat(9_999));
    let message = "dockerfile has more than 10000 instructions";
    check(Limits::DEFAULT, &fits, &format!("{fits}RUN\n"), message);
}

#[test]
fn triggers_do_not_nest() {
    let nested =
        |text: &str| parse(format!("FROM a\n{text}").as_bytes()).map(drop).map_err(|error| error.message);
    assert_eq!(nested("ONBUILD RUN x"), Ok(()));
    let message = "Chaining ONBUILD via `ONBUILD ONBUILD` isn't allowed";
    assert_eq!(nested(&("ONBUILD ".repeat(8_000) + "RUN x")), Err(message.to_string()));
}

/// Hostile files must end in an answer, whichever, and soon: the test harness's time limit is theirs.
#[test]
fn hostile_files_end() {
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
        let _ = parse(text.as_bytes()).map_err(|error| parser::further_errors(text.as_bytes(), &error));
    }
    let utf16: Vec<u8> = "FROM a\nRUN b".encode_utf16().flat_map(u16::to_le_bytes).collect();
    assert!(parse(&utf16).is_err());
    assert!(parse(b"FROM a\nRUN \xff\xfe\n").is_ok());
}
