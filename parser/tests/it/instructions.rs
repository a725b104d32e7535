//! Well-formed instructions, and their data in the syntax tree.

use parser::{
    ast::{Command, Copy, Device, Healthcheck, Instruction, Kind, NoticeKind},
    parse,
};

/// Parses `text` as the only instruction below `FROM a`.
#[track_caller]
fn instruction(text: &str) -> Instruction {
    let file = parse(format!("FROM a\n{text}\n").as_bytes()).expect("this file is well formed");
    let [stage] = &file.stages[..] else { panic!("not one stage: {file:?}") };
    let [instruction] = &stage.instructions[..] else { panic!("not one instruction: {stage:?}") };
    instruction.clone()
}

#[track_caller]
fn check(text: &str, expected: Kind) {
    assert_eq!(instruction(text).kind, expected, "{text}");
}

fn strings(words: &[&str]) -> Vec<String> {
    words.iter().map(|word| word.to_string()).collect()
}

#[test]
fn text_is_the_shell_form_of_a_command() {
    check("CMD a  'b", Kind::Cmd(Command::Shell("a  'b".into())));
    check("CMD", Kind::Cmd(Command::Shell(String::new())));
    check("ENTRYPOINT ['a']", Kind::Entrypoint(Command::Shell("['a']".into())));
}

#[test]
fn a_json_array_is_the_exec_form_of_a_command() {
    check("CMD []", Kind::Cmd(Command::Exec(vec![])));
    check("ENTRYPOINT [\"a\", \"b c\"]", Kind::Entrypoint(Command::Exec(strings(&["a", "b c"]))));
    check("SHELL [\"sh\", \"-c\"]", Kind::Shell(strings(&["sh", "-c"])));
}

#[test]
fn single_texts_extend_to_the_end_of_the_line() {
    check("WORKDIR /a b ", Kind::Workdir("/a b".into()));
    check("USER $u:g", Kind::User("$u:g".into()));
    check("MAINTAINER a <b@c>", Kind::Maintainer("a <b@c>".into()));
}

#[test]
fn stopsignal_ignores_flags() {
    check("STOPSIGNAL --x SIGTERM", Kind::Stopsignal("SIGTERM".into()));
}

#[test]
fn lists_are_split_into_words() {
    check("EXPOSE 80/tcp  $p", Kind::Expose(strings(&["80/tcp", "$p"])));
    check("VOLUME /a /b", Kind::Volume(strings(&["/a", "/b"])));
}

#[test]
fn paths_of_volumes_are_trimmed() {
    check("VOLUME [\"/a b\", \" /c \"]", Kind::Volume(strings(&["/a b", "/c"])));
}

#[test]
fn pairs_keep_quotes_and_variables() {
    let Kind::Env(pairs) = instruction("ENV a=\"x y\" b=$c=d").kind else { panic!("not an ENV") };
    assert_eq!(pairs.pairs, [("a".into(), "\"x y\"".into()), ("b".into(), "$c=d".into())]);
    assert!(!pairs.legacy);
}

#[test]
fn a_first_word_without_an_equals_sign_is_the_legacy_form() {
    let Kind::Label(pairs) = instruction("LABEL a  b=c d").kind else { panic!("not a LABEL") };
    assert_eq!(pairs.pairs, [("a".into(), "b=c d".into())]);
    assert!(pairs.legacy);
}

#[test]
fn an_empty_default_differs_from_no_default() {
    let Kind::Arg(args) = instruction("ARG a b= c=\"d e\"").kind else { panic!("not an ARG") };
    let args: Vec<_> = args.iter().map(|arg| (arg.name.as_str(), arg.default.as_deref())).collect();
    assert_eq!(args, [("a", None), ("b", Some("")), ("c", Some("\"d e\""))]);
}

#[test]
fn flags_of_copy_are_read() {
    let text = "COPY --from=x --chown=1:2 --chmod=u+x --link --parents=false --exclude=a --exclude=b s t/ d";
    check(
        text,
        Kind::Copy(Copy {
            sources: strings(&["s", "t/"]),
            destination: "d".into(),
            from: Some("x".into()),
            chown: Some("1:2".into()),
            chmod: Some("u+x".into()),
            link: true,
            excludes: strings(&["a", "b"]),
            ..Copy::default()
        }),
    );
}

#[test]
fn flags_of_add_are_read() {
    let Kind::Add(add) = instruction("ADD --keep-git-dir --unpack=false --checksum=sha256:0 u d").kind else {
        panic!("not an ADD")
    };
    assert_eq!((add.keep_git_dir, add.unpack), (Some(true), Some(false)));
    assert_eq!(add.checksum.as_deref(), Some("sha256:0"));
}

#[test]
fn a_source_can_refer_to_a_heredoc() {
    let copy = instruction("COPY <<a plain <<-'b' /d/\n1\na\n\t2\n\tb");
    assert_eq!(copy.heredoc("<<a").map(|heredoc| heredoc.content.as_str()), Some("1\n"));
    let second = copy.heredoc("<<-'b'").expect("the heredoc exists");
    assert_eq!((second.expand, second.chomp, second.chomped()), (false, true, "2\n".into()));
    assert_eq!(copy.heredoc("plain"), None);
}

#[test]
fn markers_of_heredocs_differ_from_paths() {
    assert!(Copy::is_heredoc("<<a"));
    assert!(!Copy::is_heredoc("plain"));
    assert!(!Copy::is_heredoc("<<<a"));
}

#[test]
fn the_span_includes_the_terminators_of_heredocs() {
    let copy = instruction("COPY <<a plain <<-'b' /d/\n1\na\n\t2\n\tb");
    assert_eq!((copy.span.start_line, copy.span.end_line), (2, 6));
}

#[test]
fn a_source_refers_to_the_last_heredoc_of_its_name() {
    let copy = instruction("COPY <<A <<A /d/\n1\nA\n2\nA");
    assert_eq!(copy.heredoc("<<A").map(|heredoc| heredoc.content.as_str()), Some("2\n"));
}

#[test]
fn only_run_copy_and_add_have_heredocs() {
    assert_eq!(instruction("RUN <<E cat\nx\nE").heredocs.len(), 1);
    assert_eq!(instruction("ADD <<E /d\nx\nE").heredocs.len(), 1);
    assert_eq!(instruction("CMD <<E").heredocs.len(), 0);
}

#[test]
fn the_exec_form_has_no_heredocs() {
    assert_eq!(instruction("RUN [\"<<E\"]").heredocs.len(), 0);
}

#[test]
fn flags_of_run_are_read() {
    let text = "RUN --mount=type=cache,target=/a --mount=target=/b --network=none --security=insecure \
                --device=vendor/x=all,required  a && b";
    let Kind::Run(run) = instruction(text).kind else { panic!("not a RUN") };
    assert_eq!(run.command, Command::Shell("a && b".into()));
    assert_eq!(run.mounts, ["type=cache,target=/a", "target=/b"]);
    assert_eq!((run.network.as_deref(), run.security.as_deref()), (Some("none"), Some("insecure")));
    assert_eq!(run.devices, [Device { name: "vendor/x=all".into(), required: true }]);
}

#[test]
fn a_healthcheck_can_be_turned_off() {
    check("HEALTHCHECK none", Kind::Healthcheck(Healthcheck::None));
}

#[test]
fn flags_of_healthcheck_are_read() {
    check(
        "HEALTHCHECK --interval=1m30s --timeout=1.5s --start-period=0 --start-interval=1ms --retries=3 CMD a b",
        Kind::Healthcheck(Healthcheck::Cmd {
            command: Command::Shell("a b".into()),
            interval_ns: 90_000_000_000,
            timeout_ns: 1_500_000_000,
            start_period_ns: 0,
            start_interval_ns: 1_000_000,
            retries: 3,
        }),
    );
}

#[test]
fn a_trigger_is_kept_as_text() {
    check("ONBUILD  copy --bogus  a b", Kind::Onbuild("copy --bogus  a b".into()));
    check("ONBUILD WHATEVER x", Kind::Onbuild("WHATEVER x".into()));
    check("onbuild RUN <<-E\n\tx\n\tE", Kind::Onbuild("RUN <<-E\n\tx\nE".into()));
}

#[test]
fn a_trigger_with_a_heredoc_can_be_parsed_again() {
    let Kind::Onbuild(text) = instruction("ONBUILD COPY <<E /d\n1\nE").kind else { panic!("not an ONBUILD") };
    let copy = parser::parse_trigger(&text, '\\').expect("it was well formed before");
    assert_eq!(copy.heredoc("<<E").map(|heredoc| heredoc.content.as_str()), Some("1\n"));
    assert_eq!((copy.span.start_line, copy.span.end_line), (1, 1));
}

#[test]
fn stages_have_bases_names_and_platforms() {
    let file = parse(b"FROM --platform=$P a:$v AS Build-1\nFROM scratch").expect("well formed");
    let [build, last] = &file.stages[..] else { panic!("not two stages: {file:?}") };
    assert_eq!((build.name.as_deref(), build.name_as_written.as_deref()), (Some("build-1"), Some("Build-1")));
    assert_eq!((build.base.as_str(), build.platform.as_deref()), ("a:$v", Some("$P")));
    assert_eq!((last.base.as_str(), last.name.as_deref()), ("scratch", None));
}

#[test]
fn arguments_above_the_first_stage_are_global() {
    let file = parse(b"ARG v\nFROM a\nARG w").expect("well formed");
    assert_eq!((file.globals.len(), file.stages[0].instructions.len()), (1, 1));
}

#[test]
fn a_file_can_have_only_global_arguments() {
    assert!(parse(b"ARG a").expect("well formed").stages.is_empty());
}

#[track_caller]
fn check_notices(text: &str, expected: &[NoticeKind]) {
    let file = parse(text.as_bytes()).expect("well formed");
    let kinds: Vec<NoticeKind> = file.notices.into_iter().map(|notice| notice.kind).collect();
    assert_eq!(kinds, expected, "{text}");
}

#[test]
fn as_in_another_case_than_from_is_noticed() {
    let casing =
        |from: &str, as_word: &str| NoticeKind::FromAsCasing { from: from.into(), as_word: as_word.into() };
    check_notices("FROM a as b", &[casing("FROM", "as")]);
    check_notices("from a AS b", &[casing("from", "AS")]);
    check_notices("From a as b", &[]);
    check_notices("FROM a AS b", &[]);
}

#[test]
fn a_blank_line_between_continuation_lines_is_noticed() {
    check_notices("FROM a\nRUN x \\\n\n y", &[NoticeKind::EmptyContinuation]);
}
