//! What well-formed instructions say.

use parser::{
    ast::{Command, Copy, Device, Healthcheck, Instruction, Kind, NoticeKind},
    parse,
};

/// The only instruction below `FROM a`.
#[track_caller]
fn instruction(text: &str) -> Instruction {
    let file = parse(format!("FROM a\n{text}\n").as_bytes()).expect("this file is well formed");
    let [stage] = &file.stages[..] else { panic!("one stage") };
    let [instruction] = &stage.instructions[..] else { panic!("one instruction in {stage:?}") };
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
fn commands_have_two_forms() {
    check("CMD a  'b", Kind::Cmd(Command::Shell("a  'b".into())));
    check("CMD", Kind::Cmd(Command::Shell(String::new())));
    check("CMD []", Kind::Cmd(Command::Exec(vec![])));
    check("ENTRYPOINT [\"a\", \"b c\"]", Kind::Entrypoint(Command::Exec(strings(&["a", "b c"]))));
    check("ENTRYPOINT ['a']", Kind::Entrypoint(Command::Shell("['a']".into())));
    check("SHELL [\"sh\", \"-c\"]", Kind::Shell(strings(&["sh", "-c"])));
}

#[test]
fn texts_are_the_rest_of_the_line() {
    check("WORKDIR /a b ", Kind::Workdir("/a b".into()));
    check("USER $u:g", Kind::User("$u:g".into()));
    check("MAINTAINER a <b@c>", Kind::Maintainer("a <b@c>".into()));
    check("STOPSIGNAL --x SIGTERM", Kind::Stopsignal("SIGTERM".into()));
    check("EXPOSE 80/tcp  $p", Kind::Expose(strings(&["80/tcp", "$p"])));
    check("VOLUME [\"/a b\", \" /c \"]", Kind::Volume(strings(&["/a b", "/c"])));
    check("VOLUME /a /b", Kind::Volume(strings(&["/a", "/b"])));
}

#[test]
fn names_and_values() {
    let Kind::Env(pairs) = instruction("ENV a=\"x y\" b=$c=d").kind else { panic!("an ENV") };
    assert_eq!(pairs.pairs, [("a".into(), "\"x y\"".into()), ("b".into(), "$c=d".into())]);
    assert!(!pairs.legacy);
    let Kind::Label(pairs) = instruction("LABEL a  b=c d").kind else { panic!("a LABEL") };
    assert_eq!(pairs.pairs, [("a".into(), "b=c d".into())]);
    assert!(pairs.legacy);
    let Kind::Arg(args) = instruction("ARG a b= c=\"d e\"").kind else { panic!("an ARG") };
    let args: Vec<_> = args.iter().map(|arg| (arg.name.as_str(), arg.default.as_deref())).collect();
    assert_eq!(args, [("a", None), ("b", Some("")), ("c", Some("\"d e\""))]);
}

#[test]
fn copies() {
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
    let Kind::Add(add) = instruction("ADD --keep-git-dir --unpack=false --checksum=sha256:0 u d").kind else {
        panic!("an ADD")
    };
    assert_eq!((add.keep_git_dir, add.unpack), (Some(true), Some(false)));
    assert_eq!(add.checksum.as_deref(), Some("sha256:0"));
}

#[test]
fn sources_may_be_heredocs() {
    let copy = instruction("COPY <<a plain <<-'b' /d/\n1\na\n\t2\n\tb");
    assert_eq!(copy.heredoc("<<a").map(|heredoc| heredoc.content.as_str()), Some("1\n"));
    let second = copy.heredoc("<<-'b'").expect("it is there");
    assert_eq!((second.expand, second.chomp, second.chomped()), (false, true, "2\n".into()));
    assert_eq!(copy.heredoc("plain"), None);
    assert!(Copy::is_heredoc("<<a") && !Copy::is_heredoc("plain") && !Copy::is_heredoc("<<<a"));
    assert_eq!((copy.span.start_line, copy.span.end_line), (2, 6));
}

#[test]
fn of_equal_heredocs_the_last_counts() {
    let copy = instruction("COPY <<A <<A /d/\n1\nA\n2\nA");
    assert_eq!(copy.heredoc("<<A").map(|heredoc| heredoc.content.as_str()), Some("2\n"));
}

#[test]
fn heredocs_are_for_three_instructions() {
    assert_eq!(instruction("RUN <<E cat\nx\nE").heredocs.len(), 1);
    assert_eq!(instruction("ADD <<E /d\nx\nE").heredocs.len(), 1);
    assert_eq!(instruction("CMD <<E").heredocs.len(), 0);
    assert_eq!(instruction("RUN [\"<<E\"]").heredocs.len(), 0);
}

#[test]
fn runs() {
    let text = "RUN --mount=type=cache,target=/a --mount=target=/b --network=none --security=insecure \
                --device=vendor/x=all,required  a && b";
    let Kind::Run(run) = instruction(text).kind else { panic!("a RUN") };
    assert_eq!(run.command, Command::Shell("a && b".into()));
    assert_eq!(run.mounts, ["type=cache,target=/a", "target=/b"]);
    assert_eq!((run.network.as_deref(), run.security.as_deref()), (Some("none"), Some("insecure")));
    assert_eq!(run.devices, [Device { name: "vendor/x=all".into(), required: true }]);
}

#[test]
fn healthchecks() {
    check("HEALTHCHECK none", Kind::Healthcheck(Healthcheck::None));
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
fn triggers_are_kept_as_text() {
    check("ONBUILD  copy --bogus  a b", Kind::Onbuild("copy --bogus  a b".into()));
    check("ONBUILD WHATEVER x", Kind::Onbuild("WHATEVER x".into()));
    check("onbuild RUN <<-E\n\tx\n\tE", Kind::Onbuild("RUN <<-E\n\tx\nE".into()));
}

#[test]
fn a_trigger_can_be_parsed_again() {
    let Kind::Onbuild(text) = instruction("ONBUILD COPY <<E /d\n1\nE").kind else { panic!("an ONBUILD") };
    let copy = parser::parse_trigger(&text, '\\').expect("it was accepted before");
    assert_eq!(copy.heredoc("<<E").map(|heredoc| heredoc.content.as_str()), Some("1\n"));
    assert_eq!((copy.span.start_line, copy.span.end_line), (1, 1));
}

#[test]
fn stages_have_names_and_platforms() {
    let file = parse(b"ARG v\nFROM --platform=$P a:$v AS Build-1\nFROM scratch").expect("well formed");
    assert_eq!(file.globals.len(), 1);
    let [build, last] = &file.stages[..] else { panic!("two stages") };
    assert_eq!((build.name.as_deref(), build.name_as_written.as_deref()), (Some("build-1"), Some("Build-1")));
    assert_eq!((build.base.as_str(), build.platform.as_deref()), ("a:$v", Some("$P")));
    assert_eq!((last.base.as_str(), last.name.as_deref()), ("scratch", None));
}

#[track_caller]
fn check_notices(text: &str, expected: &[NoticeKind]) {
    let file = parse(text.as_bytes()).expect("well formed");
    let kinds: Vec<NoticeKind> = file.notices.into_iter().map(|notice| notice.kind).collect();
    assert_eq!(kinds, expected, "{text}");
}

#[test]
fn oddities_are_noticed() {
    let casing =
        |from: &str, as_word: &str| NoticeKind::FromAsCasing { from: from.into(), as_word: as_word.into() };
    check_notices("FROM a as b", &[casing("FROM", "as")]);
    check_notices("from a AS b", &[casing("from", "AS")]);
    check_notices("From a as b", &[]);
    check_notices("FROM a AS b", &[]);
    check_notices("FROM a\nRUN x \\\n\n y", &[NoticeKind::EmptyContinuation]);
}
