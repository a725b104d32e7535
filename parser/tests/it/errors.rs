//! Files that are none: message, line and hint.

use parser::parse;

/// Checks the error of `text` below a first line `FROM a`.
#[track_caller]
fn check(text: &str, message: &str) {
    let error = parse(format!("FROM a\n{text}\n").as_bytes()).expect_err("this file is wrong");
    assert_eq!((error.message.as_str(), error.span.start_line), (message, 2), "{text}");
}

#[track_caller]
fn check_whole(text: &str, line: u32, message: &str) {
    let error = parse(text.as_bytes()).expect_err("this file is wrong");
    assert_eq!((error.message.as_str(), error.span.start_line), (message, line), "{text}");
}

#[track_caller]
fn check_hint(text: &str, hint: &str) {
    let error = parse(format!("FROM a\n{text}\n").as_bytes()).expect_err("this file is wrong");
    assert_eq!(error.hint.as_deref(), Some(hint), "{text}");
}

#[test]
fn files_without_a_stage() {
    check_whole("", 1, "file with no instructions");
    check_whole("\n# only\n", 2, "file with no instructions");
    check_whole("\u{feff}", 1, "file with no instructions");
    check_whole("ARG a\nRUN x\nFROM a", 2, "no build stage in current context");
    assert!(parse(b"ARG a").is_ok_and(|file| file.stages.is_empty()));
}

#[test]
fn directives() {
    check_whole("# escape=x\nFROM a", 1, "invalid escape token 'x' does not match ` or \\");
    check_whole("# check=a\n# check=b\nFROM a", 2, "only one check parser directive can be used");
}

#[test]
fn keywords() {
    check("FNORD x", "unknown instruction: FNORD");
    check("RUNN x", "unknown instruction: RUNN");
    check_hint("RUNN x", "did you mean RUN?");
    check_hint("entrypont x", "did you mean entrypoint?");
}

#[test]
fn flags() {
    check("COPY --foo a b", "unknown flag: --foo");
    check_hint("COPY --foo a b", "did you mean --from?");
    check_hint("RUN --mont=x y", "did you mean --mount?");
    check("ENV --x a=b", "unknown flag: --x");
    check("COPY --link --link a b", "duplicate flag specified: --link");
    check("COPY --chown a b", "missing a value on flag: --chown");
    check("COPY --link=maybe a b", "expecting boolean value for flag link, not: maybe");
    check("ADD --parents a b", "unknown flag: --parents");
    check("COPY --checksum=x a b", "unknown flag: --checksum");
}

#[test]
fn stages() {
    check("FROM", "FROM requires either one or three arguments");
    check("FROM a b", "FROM requires either one or three arguments");
    check("FROM a TO b", "FROM requires either one or three arguments");
    check("FROM --pull a", "unknown flag: --pull");
    check(
        "FROM a AS 1b",
        "invalid name for build stage: \"1b\", name can't start with a number or contain symbols",
    );
}

#[test]
fn arity() {
    for keyword in ["ARG", "ENV", "EXPOSE", "HEALTHCHECK", "LABEL", "ONBUILD", "SHELL", "VOLUME"] {
        check(keyword, &format!("{keyword} requires at least one argument"));
    }
    for keyword in ["MAINTAINER", "STOPSIGNAL", "USER", "WORKDIR"] {
        check(keyword, &format!("{keyword} requires exactly one argument"));
    }
    for keyword in ["ADD", "COPY"] {
        let message = "requires at least two arguments, but only one was provided. \
                       Destination could not be determined";
        check(&format!("{keyword} a"), &format!("{keyword} {message}"));
        check(keyword, &format!("{keyword} {message}"));
    }
}

#[test]
fn names_and_values() {
    check("ENV a", "ENV must have two arguments");
    check("ENV =b", "ENV names can not be blank");
    check("ARG =b", "ARG names can not be blank");
    check("LABEL a=b c", "Syntax error - can't find = in \"c\". Must be of the form: name=value");
    check("VOLUME [\"\"]", "VOLUME specified can not be an empty string");
}

#[test]
fn forms() {
    check("CMD [1]", "when using JSON array syntax, arrays must be comprised of strings only");
    check("SHELL sh -c", "SHELL requires the arguments to be in JSON form");
    check("SHELL []", "SHELL requires at least one argument");
    check("COPY a <<EOF\nEOF", "COPY cannot accept a heredoc as a destination");
    check("RUN <<EOF\nx", "unterminated heredoc");
    check("RUN <<-EOF\n EOF", "unterminated heredoc");
}

#[test]
fn run() {
    check("RUN --network=bridge x", "invalid network mode \"bridge\"");
    check("RUN --security=none x", "security \"none\" is not valid");
    check_hint("RUN --network=hots x", "did you mean host?");
    check(
        "RUN --mount=from=$x,target=/y z",
        "'from' doesn't support variable expansion, define alias stage instead",
    );
    check("RUN --mount= z", "failed to parse csv mounts: EOF");
}

#[test]
fn healthcheck() {
    check("HEALTHCHECK NONE x", "HEALTHCHECK NONE takes no arguments");
    check("HEALTHCHECK CMD", "Missing command after HEALTHCHECK CMD");
    check("HEALTHCHECK RUN x", "Unknown type \"RUN\" in HEALTHCHECK (try CMD)");
    check("HEALTHCHECK --interval=5 CMD x", "time: missing unit in duration \"5\"");
    check("HEALTHCHECK --timeout=1us CMD x", "Interval \"timeout\" cannot be less than 1ms");
    check("HEALTHCHECK --retries=-3 CMD x", "--retries cannot be negative (-3)");
    check("HEALTHCHECK --retries=x CMD x", "strconv.ParseInt: parsing \"x\": invalid syntax");
    check(
        "HEALTHCHECK --retries=9999999999 CMD x",
        "strconv.ParseInt: parsing \"9999999999\": value out of range",
    );
}

#[test]
fn onbuild() {
    check("ONBUILD ONBUILD RUN x", "Chaining ONBUILD via `ONBUILD ONBUILD` isn't allowed");
    check("ONBUILD from a", "FROM isn't allowed as an ONBUILD trigger");
    check("ONBUILD MAINTAINER a", "MAINTAINER isn't allowed as an ONBUILD trigger");
    check("ONBUILD ENV a", "ENV must have two arguments");
    check("ONBUILD --x RUN a", "unknown flag: --x");
}

#[test]
fn the_first_pass_wins() {
    check_whole("FROM a\nFNORD\nENV x", 3, "ENV must have two arguments");
}

#[test]
fn the_span_is_the_whole_instruction() {
    let error = parse(b"FROM a\nCOPY --foo \\\n a \\\n # c\n b\nRUN x").expect_err("unknown flag");
    assert_eq!((error.span.start_line, error.span.end_line), (2, 5));
    let error = parse(b"FROM a\nCOPY --foo <<E b\n1\nE\nRUN x").expect_err("unknown flag");
    assert_eq!((error.span.start_line, error.span.end_line), (2, 4));
    assert_eq!(error.to_string(), "dockerfile parse error on line 2: unknown flag: --foo");
}

#[test]
fn triggers() {
    let check = |text: &str, message: &str| {
        let error = parser::parse_trigger(text, '\\').expect_err("no trigger");
        assert_eq!((error.message.as_str(), error.span.start_line), (message, 1), "{text}");
    };
    check("ONBUILD RUN x", "Chaining ONBUILD via `ONBUILD ONBUILD` isn't allowed");
    check("FROM a", "FROM isn't allowed as an ONBUILD trigger");
    check("MAINTAINER a", "MAINTAINER isn't allowed as an ONBUILD trigger");
    check("RUN x\nRUN y", "onbuild trigger should be a single expression");
    check("FNORD", "unknown instruction: FNORD");
    check("", "file with no instructions");
}
