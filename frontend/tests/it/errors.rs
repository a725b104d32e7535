//! What cannot be lowered: message and lines.

use frontend::lower;
use frontend::options::Options;
use graph::Lines;

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
fn bases() {
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
fn stages() {
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
fn copies() {
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
fn runs() {
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
fn configs() {
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
fn option_errors() {
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
fn triggers_are_blamed_on_the_stage_that_sets_them_off() {
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
fn an_image_that_is_missing_does_not_hide_what_else_is_wrong() {
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
fn what_cannot_be_built_asks_for_no_image() {
    let dockerfile = parser::parse(b"FROM nosuch\nCOPY --from=7 a b\n").expect("a Dockerfile");
    let images = Images::default();
    let error = lower(&dockerfile, &options(), &images).expect_err("an error");
    assert_eq!(error.to_string(), "invalid stage index 7");
    assert!(error.further.is_empty() && images.asked().is_empty(), "{:?}", error.further);
}
