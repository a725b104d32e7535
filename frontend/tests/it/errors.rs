//! Errors of lowering: messages and lines.

use frontend::lower;
use frontend::options::{NamedContext, Options};
use frontend::origin::{OriginKind, OutOfReach, ValueOrigin, VariableOrigin};
use graph::Lines;
use patterns::IgnoreFile;

use super::images::Images;
use super::options;

#[track_caller]
fn check_with(options: &Options, text: &str, lines: Option<Lines>, message: &str) {
    let dockerfile = parser::parse(text.as_bytes()).expect("a Dockerfile");
    let error = lower(&dockerfile, options, &Images::default()).expect_err("an error");
    assert_eq!(error.to_string(), message);
    assert_eq!(error.lines, lines);
}

#[track_caller]
fn check(text: &str, line: u32, message: &str) {
    check_with(&options(), text, Some(Lines::single(line)), message);
}

#[test]
fn a_base_must_be_an_available_image_or_an_earlier_stage() {
    check("ARG i\nFROM $i\n", 2, "base name ($i) should not be blank");
    check("FROM busybox AS a\nARG i=busybox\nFROM ${i}\n", 3, "base name (${i}) should not be blank");
    check("FROM --platform=$NOPE busybox\n", 1, "empty platform value from expression $NOPE");
    check(
        "FROM --platform=$TARGETPLATFROM busybox\n",
        1,
        "empty platform value from expression $TARGETPLATFROM (did you mean TARGETPLATFORM?)",
    );
    check(
        "FROM nosuch\n",
        1,
        "failed to resolve source metadata for docker.io/library/nosuch:latest: no such image",
    );
    check(
        "FROM busybx\n",
        1,
        "failed to resolve source metadata for docker.io/library/busybx:latest: no such image (did you mean busybox?)",
    );
    check(
        "FROM later\nFROM busybox AS later\nFROM later AS x\nCOPY --from=0 /a /\n",
        1,
        "failed to resolve source metadata for docker.io/library/later:latest: no such image",
    );
    check(
        "FROM bad::ref AS unused\nFROM busybox\n",
        1,
        "failed to parse stage name \"bad::ref\": invalid reference format: \
         the repository has a component that is not [a-z0-9]+ joined by '.', '_' or '-'",
    );
    check(
        "ARG t\nFROM busybox:${t:?tag-please}\n",
        2,
        "failed to process \"busybox:${t:?tag-please}\": t: tag-please",
    );
}

#[test]
fn a_stage_takes_files_from_earlier_stages_only() {
    check("FROM busybox AS loop\nCOPY --from=loop /a /\n", 1, "circular dependency detected on stage: loop");
    check(
        "FROM busybox\nRUN x\nFROM busybox\nCOPY --from=1 /a /\n",
        3,
        "circular dependency detected on stage: stage-1",
    );
    check(
        "FROM busybox AS a\nRUN --mount=from=b,target=/b x\nFROM busybox AS b\nCOPY --from=a /a /\n",
        1,
        "circular dependency detected on stage: a",
    );
    check(
        "FROM busybox AS early\nCOPY --from=late /a /\nFROM early AS late\n",
        2,
        "cannot copy from stage \"late\", it needs to be defined before current stage \"early\"",
    );
    check("FROM busybox\nCOPY --from=5 /a /\n", 2, "invalid stage index 5");
    check(
        "FROM busybox AS first\nCOPY --from=second /a /\nFROM busybox AS second\nFROM first\n",
        2,
        "cannot copy from stage \"second\", it needs to be defined before current stage \"first\"",
    );
    check(
        "FROM busybox AS first\nRUN --mount=from=second,target=/m x\nFROM busybox AS second\nFROM first\n",
        2,
        "cannot mount from stage \"second\" to \"/m\", stage needs to be defined before current command",
    );
    let variable = "variable expansion is not supported for --from, define a new stage with FROM using ARG from \
                    global scope as a workaround";
    check("FROM busybox\nCOPY --from=$src /a /\n", 2, variable);
    let target = |name: &str| Options { target: Some(name.to_owned()), ..options() };
    check_with(
        &target("bulid"),
        "FROM busybox AS build\n",
        None,
        "target stage \"bulid\" could not be found (did you mean build?)",
    );
    check_with(&target("0"), "FROM busybox\n", None, "target stage \"0\" could not be found");
    check_with(&options(), "ARG a\n", None, "dockerfile contains no stages to build");
}

#[test]
fn copy_and_add_check_their_flags_and_sources() {
    let mode = "invalid chmod parameter: '64a'. it should be octal string and between 0 and 07777";
    check("FROM busybox\nCOPY --chmod=64a a /\n", 2, mode);
    check("FROM busybox\nCOPY https://h/f /\n", 2, "source can't be a URL for COPY");
    check("FROM busybox\nCOPY https://h/f.git /\n", 2, "source can't be a git ref for COPY");
    check("FROM busybox\nADD --checksum=sha256:aa a /\n", 2, "checksum requires HTTP(S) or Git sources");
    check(
        "FROM busybox\nADD --checksum=sha256:aa https://h/a https://h/b /\n",
        2,
        "checksum can't be specified for multiple sources",
    );
    check_with(
        &options(),
        "FROM busybox\nCOPY <<EOF /x\n${who:?who are you}\nEOF\n",
        Some(Lines::new(2, 4)),
        "failed to process \"${who:?who are you}\\n\": who: who are you",
    );
}

#[test]
fn run_checks_its_mounts_and_entitlements() {
    check("FROM busybox\nRUN --network=host x\n", 2, "network.host is not allowed");
    check("FROM busybox\nRUN --security=insecure x\n", 2, "security.insecure is not allowed");
    check(
        "FROM busybox\nRUN --device=gpu x\n",
        2,
        "invalid device \"gpu\": it is not VENDOR/CLASS=NAME, for example nvidia.com/gpu=all",
    );
    check("FROM busybox\nRUN --mount=target=/ x\n", 2, "invalid mount target \"/\"");
    check("FROM busybox\nRUN --mount=type=bind x\n", 2, "invalid mount target \"/\"");
    check(
        "FROM busybox\nRUN --mount=type=tmp,target=/t x\n",
        2,
        "unsupported mount type \"tmp\" (did you mean tmpfs?)",
    );
    check("FROM busybox\nRUN --mount=type=ssh,source=/x x\n", 2, "ssh does not support source");
}

#[test]
fn values_of_the_image_config_are_checked() {
    check("FROM busybox\nVOLUME [\"/a\", \"$none\"]\n", 2, "VOLUME specified can not be an empty string");
    check("FROM busybox\nSTOPSIGNAL SIGNOPE\n", 2, "invalid signal: SIGNOPE");
    check("FROM busybox\nEXPOSE http\n", 2, "invalid containerPort: http: invalid syntax");
    check("FROM busybox\nENV a=b $none=c\n", 2, "ENV names can not be blank");
    check(
        "FROM busybox\nLABEL a=${x^^}\n",
        2,
        "failed to process \"${x^^}\": unsupported modifier (^) in substitution",
    );
    let text = "FROM busybox\nLABEL \\\n  a=1 \\\n  b=${x\n";
    check_with(
        &options(),
        text,
        Some(Lines::new(2, 4)),
        "failed to process \"${x\": syntax error: missing '}'",
    );
}

#[test]
fn an_error_in_an_option_has_no_lines() {
    let with_arg = |name: &str, value: &str| Options {
        build_args: [(name.to_owned(), value.to_owned())].into(),
        ..options()
    };
    let text = "FROM busybox\n";
    check_with(&with_arg("SOURCE_DATE_EPOCH", "tomorrow"), text, None, "invalid SOURCE_DATE_EPOCH: tomorrow");
    let removed = "support for \"BUILDKIT_DISABLE_FILEOP\" build-arg was removed in BuildKit 0.11";
    check_with(&with_arg("BUILDKIT_DISABLE_FILEOP", "1"), text, None, removed);
    let mut several = with_arg("BUILDKIT_MULTI_PLATFORM", "false");
    several.platforms.push("linux/arm64".parse().expect("a platform"));
    let conflict = "conflicting config: returning multiple target platforms is not allowed";
    check_with(&several, text, None, conflict);
}

#[test]
fn an_error_in_a_trigger_has_the_lines_of_the_from() {
    check(
        "FROM busybox\nFROM bad-trigger\n",
        2,
        "onbuild trigger \"FROM x\": FROM isn't allowed as an ONBUILD trigger",
    );
    check(
        "FROM busybox AS base\nONBUILD COPY --from=child /a /\nFROM base AS child\n",
        3,
        "circular dependency detected on stage: child",
    );
    check(
        "FROM busybox AS base\nONBUILD LABEL a=${b:?no-b}\nFROM base\n",
        3,
        "failed to process \"${b:?no-b}\": b: no-b",
    );
}

#[track_caller]
fn check_all(text: &str, expected: &[(u32, &str)]) {
    let dockerfile = parser::parse(text.as_bytes()).expect("a Dockerfile");
    let images = Images::default();
    let error = lower(&dockerfile, &options(), &images).expect_err("an error");
    let all = std::iter::once(&error).chain(&error.further);
    let all: Vec<(u32, String)> = all.map(|one| (one.lines.expect("lines").first, one.to_string())).collect();
    let all: Vec<(u32, &str)> = all.iter().map(|(line, text)| (*line, text.as_str())).collect();
    assert_eq!(all, expected);
}

#[test]
fn a_missing_image_does_not_hide_further_errors() {
    check_all(
        "FROM nosuch AS base\nWORKDIR $HOME\nEXPOSE $PORT\nENV P=$PORT\nEXPOSE $P\nEXPOSE http\nSTOPSIGNAL x\n\
         FROM base\nLABEL a=${PORT:?needed}\nRUN --mount=type=bind true\nCOPY --chmod=9 a b\n",
        &[
            (1, "failed to resolve source metadata for docker.io/library/nosuch:latest: no such image"),
            (6, "invalid containerPort: http: invalid syntax"),
            (7, "invalid signal: x"),
            (11, "invalid chmod parameter: '9'. it should be octal string and between 0 and 07777"),
        ],
    );
}

#[test]
fn a_dockerfile_with_an_error_looks_up_no_image() {
    let dockerfile = parser::parse(b"FROM nosuch\nCOPY --from=7 a b\n").expect("a Dockerfile");
    let images = Images::default();
    let error = lower(&dockerfile, &options(), &images).expect_err("an error");
    assert_eq!(error.to_string(), "invalid stage index 7");
    assert!(error.further.is_empty() && images.looked_up().is_empty(), "{:?}", error.further);
}

fn with_context(name: &str, context: NamedContext) -> Options {
    Options { named_contexts: [(name.to_owned(), context)].into(), ..options() }
}

#[test]
fn a_stage_that_a_named_context_replaces_cannot_copy_from_itself() {
    let image = || NamedContext::Image("busybox".to_owned());
    let local = NamedContext::Local { path: "/x".into(), ignore: IgnoreFile::default() };
    let circular = |name: &str| format!("circular dependency detected on stage: {name}");
    let itself = "FROM busybox AS base\nCOPY --from=base /a /\nFROM busybox\nCOPY --from=base /a /\n";
    let first = Some(Lines::single(1));
    check_with(&with_context("base", image()), itself, first, &circular("base"));
    check_with(&with_context("base", local), itself, first, &circular("base"));
    let mount = "FROM busybox AS base\nRUN --mount=from=base,target=/m x\n";
    check_with(&with_context("base", image()), mount, first, &circular("base"));
    let each_other = "FROM busybox AS a\nCOPY --from=b /a /\nFROM busybox AS b\nCOPY --from=a /a /\n";
    check_with(&with_context("a", image()), each_other, first, &circular("a"));
}

#[test]
fn a_replaced_stage_can_copy_from_others() {
    let text = "FROM busybox AS one\nFROM busybox AS base\nCOPY --from=one /a /\nFROM base\nRUN x\n";
    let dockerfile = parser::parse(text.as_bytes()).expect("a Dockerfile");
    let options = with_context("base", NamedContext::Image("busybox".to_owned()));
    assert!(lower(&dockerfile, &options, &Images::default()).is_ok());
}

#[test]
fn a_dockerfile_for_another_frontend_is_an_error() {
    let message = |image: &str| {
        format!("the Dockerfile is written for the frontend {image}, which is not docker/dockerfile")
    };
    check("# syntax=ghcr.io/acme/frontend:v1\nFROM busybox\n", 1, &message("ghcr.io/acme/frontend:v1"));
    check("# escape=`\n# syntax = x y z\nFROM busybox\n", 2, &message("x"));
    let given = Options {
        build_args: [("BUILDKIT_SYNTAX".to_owned(), "acme/other:1".to_owned())].into(),
        ..options()
    };
    check_with(&given, "# syntax=docker/dockerfile:1\nFROM busybox\n", None, &message("acme/other:1"));
    let dockerfile = parser::parse(b"# syntax=a/b\nFROM busybox\n").expect("a Dockerfile");
    let error = lower(&dockerfile, &options(), &Images::default()).expect_err("an error");
    assert!(error.hint().is_some_and(|hint| hint.contains("docker/dockerfile")));
}

#[test]
fn every_channel_of_docker_dockerfile_is_lowered() {
    for image in
        ["docker/dockerfile:1-labs", "docker/dockerfile-upstream:master", "mirror.example/docker/dockerfile"]
    {
        let text = format!("# syntax={image}\nFROM busybox\n");
        let dockerfile = parser::parse(text.as_bytes()).expect("a Dockerfile");
        assert!(lower(&dockerfile, &options(), &Images::default()).is_ok(), "{image}");
    }
}

#[test]
fn an_error_names_the_origin_of_its_variables() {
    let origins = |text: &str| {
        let dockerfile = parser::parse(text.as_bytes()).expect("a Dockerfile");
        let error = lower(&dockerfile, &options(), &Images::default()).expect_err("an error");
        error.origins.into_iter().map(|origin| (origin.name, origin.kind)).collect::<Vec<_>>()
    };
    let value = |name: &str, origin| vec![(name.to_owned(), OriginKind::Value(origin))];
    let default = |line| ValueOrigin::ArgDefault { lines: Lines::single(line) };
    assert_eq!(origins("ARG x=nosuch\nFROM $x\n"), value("x", default(1)));
    assert_eq!(origins("ARG x=9\nFROM busybox\nARG x\nCOPY --chmod=$x a b\n"), value("x", default(1)));
    let base = ValueOrigin::BaseImage { name: "busybox".into() };
    assert_eq!(origins("FROM busybox\nEXPOSE $PATH\n"), value("PATH", base));
    let (declared, meant) = (None, None);
    let out_of_reach = Some(OutOfReach::InStage(Lines::single(2)));
    let unset = OriginKind::Unset { declared, out_of_reach, meant };
    assert_eq!(origins("FROM busybox\nARG x=v\nFROM $x\n"), [("x".to_owned(), unset)]);
}

#[test]
fn a_variable_in_from_is_explained_if_it_is_certainly_not_set() {
    #[track_caller]
    fn check(text: &str, expected: &[&str]) {
        let dockerfile = parser::parse(text.as_bytes()).expect("a Dockerfile");
        let error = lower(&dockerfile, &options(), &Images::default()).expect_err("an error");
        let names: Vec<&str> = error.origins.iter().map(|origin| origin.name.as_str()).collect();
        assert_eq!(names, expected, "{text}");
        let is_unset =
            |origin: &VariableOrigin| matches!(origin.kind, OriginKind::Unset { declared: None, .. });
        assert!(error.origins.iter().all(is_unset), "{text}");
    }
    check("FROM scratch\nCOPY --from=$x a b\n", &["x"]);
    check("FROM scratch\nCOPY --from=${x}$y $z b\n", &["x", "y"]);
    check("FROM scratch AS a\nFROM a\nCOPY --from=$x a b\n", &["x"]);
    // The image can set it.
    check("FROM busybox\nCOPY --from=$x a b\n", &[]);
    check("FROM busybox AS a\nFROM a\nCOPY --from=$x a b\n", &[]);
    // Something of the Dockerfile sets it.
    check("ARG x=v\nFROM scratch\nCOPY --from=$x a b\n", &[]);
    check("FROM scratch\nARG x=v\nCOPY --from=$x a b\n", &[]);
    check("FROM scratch\nENV x=v\nCOPY --from=$x a b\n", &[]);
    check("FROM scratch\nENV $y=v\nCOPY --from=$x a b\n", &[]);
}

#[test]
fn a_required_variable_is_the_only_one_that_is_explained() {
    let text = "FROM busybox\nARG a=1 b\nLABEL l=$a${b:?needed}\n";
    let dockerfile = parser::parse(text.as_bytes()).expect("a Dockerfile");
    let error = lower(&dockerfile, &options(), &Images::default()).expect_err("an error");
    let names: Vec<&str> = error.origins.iter().map(|origin| origin.name.as_str()).collect();
    assert_eq!(names, ["b"]);
}
