//! Files with errors: the message, line and hint of each error.

use parser::parse;

/// Checks the error of the instruction `text` below the line `FROM a`.
#[track_caller]
fn check(text: &str, message: &str) {
    check_file(&format!("FROM a\n{text}\n"), 2, message);
}

#[track_caller]
fn check_file(text: &str, line: u32, message: &str) {
    let error = parse(text.as_bytes()).expect_err("the file has an error");
    assert_eq!((error.message.as_str(), error.span.start_line), (message, line), "{text}");
}

#[track_caller]
fn check_hint(text: &str, hint: &str) {
    let error = parse(format!("FROM a\n{text}\n").as_bytes()).expect_err("the file has an error");
    assert_eq!(error.hint.as_deref(), Some(hint), "{text}");
}

#[test]
fn a_file_needs_an_instruction() {
    check_file("", 1, "file with no instructions");
    check_file("\n# only\n", 2, "file with no instructions");
    check_file("\u{feff}", 1, "file with no instructions");
}

#[test]
fn only_arg_can_precede_the_first_stage() {
    check_file("ARG a\nRUN x\nFROM a", 2, "no build stage in current context");
}

#[test]
fn directives_must_be_valid() {
    check_file("# escape=x\nFROM a", 1, "invalid escape token 'x' does not match ` or \\");
    check_file("# check=a\n# check=b\nFROM a", 2, "only one check parser directive can be used");
}

#[test]
fn keywords_must_be_known() {
    check("FNORD x", "unknown instruction: FNORD");
    check("RUNN x", "unknown instruction: RUNN");
}

#[test]
fn flags_must_be_known_to_the_instruction() {
    check("COPY --foo a b", "unknown flag: --foo");
    check("ENV --x a=b", "unknown flag: --x");
    check("FROM --pull a", "unknown flag: --pull");
    check("ADD --parents a b", "unknown flag: --parents");
    check("COPY --checksum=x a b", "unknown flag: --checksum");
}

#[test]
fn misspelled_keywords_and_flags_get_a_suggestion() {
    check_hint("RUNN x", "did you mean RUN?");
    check_hint("entrypont x", "did you mean entrypoint?");
    check_hint("COPY --foo a b", "did you mean --from?");
    check_hint("RUN --mont=x y", "did you mean --mount?");
}

#[test]
fn flags_must_have_valid_values() {
    check("COPY --link --link a b", "duplicate flag specified: --link");
    check("COPY --chown a b", "missing a value on flag: --chown");
    check("COPY --link=maybe a b", "expecting boolean value for flag link, not: maybe");
}

#[test]
fn from_takes_one_or_three_arguments() {
    check("FROM", "FROM requires either one or three arguments");
    check("FROM a b", "FROM requires either one or three arguments");
    check("FROM a TO b", "FROM requires either one or three arguments");
}

#[test]
fn a_stage_name_begins_with_a_letter() {
    check(
        "FROM a AS 1b",
        "invalid name for build stage: \"1b\", name can't start with a number or contain symbols",
    );
}

#[test]
fn lists_need_an_argument() {
    for keyword in ["ARG", "ENV", "EXPOSE", "HEALTHCHECK", "LABEL", "ONBUILD", "SHELL", "VOLUME"] {
        check(keyword, &format!("{keyword} requires at least one argument"));
    }
}

#[test]
fn single_texts_need_an_argument() {
    for keyword in ["MAINTAINER", "STOPSIGNAL", "USER", "WORKDIR"] {
        check(keyword, &format!("{keyword} requires exactly one argument"));
    }
}

#[test]
fn copies_need_a_source_and_a_destination() {
    for keyword in ["ADD", "COPY"] {
        let message = "requires at least two arguments, but only one was provided. \
                       Destination could not be determined";
        check(&format!("{keyword} a"), &format!("{keyword} {message}"));
        check(keyword, &format!("{keyword} {message}"));
    }
}

#[test]
fn pairs_have_a_name_and_a_value() {
    check("ENV a", "ENV must have two arguments");
    check("LABEL a=b c", "Syntax error - can't find = in \"c\". Must be of the form: name=value");
}

#[test]
fn names_and_paths_must_not_be_empty() {
    check("ENV =b", "ENV names can not be blank");
    check("ARG =b", "ARG names can not be blank");
    check("VOLUME [\"\"]", "VOLUME specified can not be an empty string");
}

#[test]
fn the_exec_form_has_only_strings() {
    check("CMD [1]", "when using JSON array syntax, arrays must be comprised of strings only");
}

#[test]
fn shell_needs_the_exec_form() {
    check("SHELL sh -c", "SHELL requires the arguments to be in JSON form");
    check("SHELL []", "SHELL requires at least one argument");
}

#[test]
fn a_destination_cannot_be_a_heredoc() {
    check("COPY a <<EOF\nEOF", "COPY cannot accept a heredoc as a destination");
}

#[test]
fn a_heredoc_needs_a_terminator() {
    check("RUN <<EOF\nx", "unterminated heredoc");
    check("RUN <<-EOF\n EOF", "unterminated heredoc");
}

#[test]
fn network_and_security_take_certain_words() {
    check("RUN --network=bridge x", "invalid network mode \"bridge\"");
    check("RUN --security=none x", "security \"none\" is not valid");
    check_hint("RUN --network=hots x", "did you mean host?");
}

#[test]
fn mounts_are_checked_without_expanding_variables() {
    check(
        "RUN --mount=from=$x,target=/y z",
        "'from' doesn't support variable expansion, define alias stage instead",
    );
    check("RUN --mount= z", "failed to parse csv mounts: EOF");
}

#[test]
fn a_healthcheck_is_none_or_a_command() {
    check("HEALTHCHECK NONE x", "HEALTHCHECK NONE takes no arguments");
    check("HEALTHCHECK CMD", "Missing command after HEALTHCHECK CMD");
    check("HEALTHCHECK RUN x", "Unknown type \"RUN\" in HEALTHCHECK (try CMD)");
}

#[test]
fn intervals_of_a_healthcheck_are_durations_of_at_least_one_millisecond() {
    check("HEALTHCHECK --interval=5 CMD x", "time: missing unit in duration \"5\"");
    check("HEALTHCHECK --timeout=1us CMD x", "Interval \"timeout\" cannot be less than 1ms");
}

#[test]
fn retries_of_a_healthcheck_are_a_natural_number_of_32_bits() {
    check("HEALTHCHECK --retries=-3 CMD x", "--retries cannot be negative (-3)");
    check("HEALTHCHECK --retries=x CMD x", "strconv.ParseInt: parsing \"x\": invalid syntax");
    check(
        "HEALTHCHECK --retries=9999999999 CMD x",
        "strconv.ParseInt: parsing \"9999999999\": value out of range",
    );
}

#[test]
fn some_instructions_cannot_be_triggers() {
    check("ONBUILD ONBUILD RUN x", "Chaining ONBUILD via `ONBUILD ONBUILD` isn't allowed");
    check("ONBUILD from a", "FROM isn't allowed as an ONBUILD trigger");
    check("ONBUILD MAINTAINER a", "MAINTAINER isn't allowed as an ONBUILD trigger");
}

#[test]
fn the_first_pass_reads_triggers() {
    check("ONBUILD ENV a", "ENV must have two arguments");
    check("ONBUILD --x RUN a", "unknown flag: --x");
}

#[test]
fn an_error_of_the_first_pass_takes_precedence() {
    check_file("FROM a\nFNORD\nENV x", 3, "ENV must have two arguments");
}

#[track_caller]
fn check_span(text: &str, start_line: u32, end_line: u32) {
    let span = parse(text.as_bytes()).expect_err("the file has an error").span;
    assert_eq!((span.start_line, span.end_line), (start_line, end_line), "{text}");
}

#[test]
fn the_span_includes_continuation_lines_and_heredocs() {
    check_span("FROM a\nCOPY --foo \\\n a \\\n # c\n b\nRUN x", 2, 5);
    check_span("FROM a\nCOPY --foo <<E b\n1\nE\nRUN x", 2, 4);
}

#[test]
fn an_error_is_printed_with_its_line() {
    let error = parse(b"FROM a\nCOPY --foo a b").expect_err("unknown flag");
    assert_eq!(error.to_string(), "dockerfile parse error on line 2: unknown flag: --foo");
}

#[track_caller]
fn check_trigger(text: &str, message: &str) {
    let error = parser::parse_trigger(text, '\\').expect_err("not a trigger");
    assert_eq!((error.message.as_str(), error.span.start_line), (message, 1), "{text}");
}

#[test]
fn a_trigger_from_an_image_config_is_checked() {
    check_trigger("ONBUILD RUN x", "Chaining ONBUILD via `ONBUILD ONBUILD` isn't allowed");
    check_trigger("FROM a", "FROM isn't allowed as an ONBUILD trigger");
    check_trigger("MAINTAINER a", "MAINTAINER isn't allowed as an ONBUILD trigger");
    check_trigger("FNORD", "unknown instruction: FNORD");
}

#[test]
fn a_trigger_from_an_image_config_is_one_instruction() {
    check_trigger("RUN x\nRUN y", "onbuild trigger should be a single expression");
    check_trigger("", "file with no instructions");
}

#[track_caller]
fn check_partial(text: &str, keywords: &[&str], error_line: Option<u32>) {
    let (file, error) = parser::parse_partially(text.as_bytes());
    let stages = file.stages.iter().flat_map(|stage| std::iter::once(&stage.from).chain(&stage.instructions));
    let found: Vec<&str> =
        file.globals.iter().chain(stages).map(|instruction| instruction.keyword.as_str()).collect();
    assert_eq!(
        (found.as_slice(), error.map(|error| error.span.start_line)),
        (keywords, error_line),
        "{text}"
    );
}

#[test]
fn a_partial_file_has_the_instructions_above_the_first_invalid_one() {
    check_partial("ARG a\nFROM b\nRUN x\nRUNN y\nCMD z\n", &["ARG", "FROM", "RUN"], Some(4));
    check_partial("FROM b\nRUN x\n", &["FROM", "RUN"], None);
    // A line that cannot be split into words takes precedence over all instructions.
    check_partial("FROM b\nRUN x\nENV y\n", &[], Some(3));
}

#[test]
fn a_required_variable_is_named_in_the_error() {
    struct Nothing;
    impl parser::expand::Variables for Nothing {
        fn value(&self, _: &str) -> Option<&str> {
            None
        }
    }
    let check = |word: &str, variable: Option<&str>| {
        let error = parser::expand::Expander::new('\\').word(word, &Nothing).expect_err("an error");
        assert_eq!(error.variable.as_deref(), variable, "{word}");
    };
    check("a${x:?needed}", Some("x"));
    check("${a:-${y?}}", Some("y"));
    check("${x", None);
}
