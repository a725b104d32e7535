//! Build checks: findings, lines and messages.

use frontend::options::{Context, Options};
use frontend::{CheckReport, check as check_file, check_unfinished, lower};

use super::images::Images;

fn options() -> Options {
    let ignore = super::ignoring("*.log");
    Options { context: Context::Local { path: "/ctx".into(), ignore }, ..super::options() }
}

fn report(text: &str, options: &Options) -> CheckReport {
    let dockerfile = parser::parse(text.as_bytes()).expect("a Dockerfile");
    check_file(&dockerfile, options, &Images::default(), &|_, _| Vec::new())
}

/// Checks the warnings as `LINE RULE: MESSAGE`.
#[track_caller]
fn check_with(text: &str, options: &Options, expected: &[&str]) {
    let report = report(text, options);
    let shown = report.warnings.iter();
    let shown: Vec<String> = shown.map(|w| format!("{} {}: {}", w.lines.first, w.rule, w.message)).collect();
    assert_eq!(shown, expected, "{text}");
    assert!(report.error.is_none(), "{text}: {:?}", report.error);
}

#[track_caller]
fn check(text: &str, expected: &[&str]) {
    check_with(text, &options(), expected);
}

#[track_caller]
fn clean(text: &str) {
    check(text, &[]);
}

#[test]
fn stage_names_are_unique_lower_case_and_not_reserved() {
    check(
        "FROM busybox AS Build\nFROM busybox as x\nfrom busybox AS x\nFROM busybox AS scratch\n",
        &[
            "1 StageNameCasing: Stage name 'Build' should be lowercase",
            "2 FromAsCasing: 'as' and 'FROM' keywords' casing do not match",
            "3 FromAsCasing: 'AS' and 'from' keywords' casing do not match",
            "3 DuplicateStageName: Duplicate stage name \"x\", stage names should be unique",
            "3 ConsistentInstructionCasing: Command 'from' should match the case of the command majority (uppercase)",
            "4 ReservedStageName: Stage name should not use the same name as reserved stage \"scratch\"",
        ],
    );
    clean("FROM busybox AS build\nFROM build AS context2\n");
}

#[test]
fn keywords_have_the_case_of_the_majority() {
    check(
        "from busybox\nrun a\nRUN b\nRun c\n",
        &[
            "3 ConsistentInstructionCasing: Command 'RUN' should match the case of the command majority (lowercase)",
            "4 ConsistentInstructionCasing: Command 'Run' should match the case of the command majority (lowercase)",
        ],
    );
    // A tie means upper case; lines before the first FROM are not counted.
    check(
        "arg v=1\nFROM busybox\nrun a\n",
        &[
            "3 ConsistentInstructionCasing: Command 'run' should match the case of the command majority (uppercase)",
        ],
    );
}

#[test]
fn blank_lines_and_legacy_forms_are_reported() {
    check(
        "FROM busybox\nRUN a \\\n\n  b\nMAINTAINER me\nENV a b\nLABEL l m\n",
        &[
            "4 NoEmptyContinuation: Empty continuation line",
            "5 MaintainerDeprecated: Maintainer instruction is deprecated in favor of using label",
            "6 LegacyKeyValueFormat: \"ENV key=value\" should be used instead of legacy \"ENV key value\" format",
            "7 LegacyKeyValueFormat: \"LABEL key=value\" should be used instead of legacy \"LABEL key value\" format",
        ],
    );
}

#[test]
fn keywords_are_reported_as_written() {
    check(
        "from busybox\ncmd a\nenv a b\n",
        &[
            "2 JSONArgsRecommended: JSON arguments recommended for cmd to prevent unintended behavior related to OS signals",
            "3 LegacyKeyValueFormat: \"env key=value\" should be used instead of legacy \"env key value\" format",
        ],
    );
}

#[test]
fn commands_in_shell_form_need_a_shell_instruction() {
    let json = |line: u32, keyword: &str| {
        format!(
            "{line} JSONArgsRecommended: JSON arguments recommended for {keyword} to prevent unintended behavior related to OS signals"
        )
    };
    check("FROM busybox\nCMD a\nENTRYPOINT b\n", &[&json(2, "CMD"), &json(3, "ENTRYPOINT")]);
    clean("FROM busybox\nSHELL [\"/bin/sh\", \"-c\"]\nCMD a\n");
    clean("FROM busybox AS base\nSHELL [\"/bin/sh\", \"-c\"]\nFROM base\nCMD a\n");
    clean("FROM busybox\nCMD [\"a\"]\nHEALTHCHECK CMD a\nRUN a\n");
}

#[test]
fn an_overridden_instruction_is_reported() {
    let twice = |line: u32, keyword: &str| {
        format!(
            "{line} MultipleInstructionsDisallowed: Multiple {keyword} instructions should not be used in the same stage because only the last one will be used"
        )
    };
    check(
        "FROM busybox AS a\nCMD [\"1\"]\nHEALTHCHECK NONE\nENTRYPOINT [\"1\"]\nCMD [\"2\"]\nENTRYPOINT [\"2\"]\n\
         CMD [\"3\"]\nHEALTHCHECK NONE\n",
        &[&twice(2, "CMD"), &twice(3, "HEALTHCHECK"), &twice(4, "ENTRYPOINT"), &twice(5, "CMD")],
    );
    clean("FROM busybox AS a\nCMD [\"1\"]\nFROM a\nCMD [\"2\"]\n");
}

#[test]
fn the_first_workdir_must_be_absolute() {
    check(
        "FROM busybox AS a\nWORKDIR b\nWORKDIR c\nFROM a\nWORKDIR d\nFROM busybox\nWORKDIR /e\nWORKDIR f\n",
        &[
            "2 WorkdirRelativePath: Relative workdir \"b\" can have unexpected results if the base image changes",
        ],
    );
}

#[test]
fn undefined_variables_are_reported_where_they_are_expanded() {
    check(
        "ARG global=1\nFROM busybox\nARG declared defaulted=1\nENV a=$delcared b=$declared c=$defaulted d=$global\n\
         COPY $nowhere ${with:-default} /\nRUN echo $runtime\nCMD [\"$later\"]\nEXPOSE $port 80\n",
        &[
            "4 UndefinedVar: Usage of undefined variable '$delcared'",
            "4 UndefinedVar: Usage of undefined variable '$global'",
            "5 UndefinedVar: Usage of undefined variable '$nowhere'",
            "5 UndefinedVar: Usage of undefined variable '$with'",
        ],
    );
    check(
        "FROM busybox\nARG VERSION=1\nENV V=$VERSON$VERSON\nWORKDIR /$PATHS\n",
        &[
            "3 UndefinedVar: Usage of undefined variable '$VERSON' (did you mean $VERSION?)",
            "4 UndefinedVar: Usage of undefined variable '$PATHS' (did you mean $PATH?)",
        ],
    );
    check(
        "FROM busybox\nCOPY <<EOF /a\n$one\nEOF\nCOPY <<'EOF' /b\n$two\nEOF\nRUN --mount=type=cache,target=/cache$three x\n",
        &[
            "2 UndefinedVar: Usage of undefined variable '$one'",
            "8 UndefinedVar: Usage of undefined variable '$three'",
        ],
    );
}

#[test]
fn bases_and_platforms_of_from_are_checked() {
    check(
        "ARG V=1\nARG NONE\nFROM busybox:$V$W AS a\nFROM busybox:${NONE:-x} AS b\n",
        &["3 UndefinedArgInFrom: FROM argument 'W' is not declared (did you mean V?)"],
    );
    check(
        "FROM --platform=$TARGETPLATFORM busybox AS a\nFROM --platform=linux/arm64 busybox AS b\n\
         FROM --platform=linux/arm64 busybox AS on-arm64\nFROM --platform=$BUILDPLATFORM busybox AS c\n",
        &[
            "1 RedundantTargetPlatform: Setting platform to predefined $TARGETPLATFORM in FROM is redundant as this is the default behavior",
            "2 FromPlatformFlagConstDisallowed: FROM --platform flag should not use constant value \"linux/arm64\"",
        ],
    );
    let mut options = options();
    options.build_args.insert("BASE".to_owned(), "busybox".to_owned());
    check_with(
        "ARG BASE\nFROM ${BASE}\n",
        &options,
        &[
            "2 InvalidDefaultArgInFrom: Default value for ARG ${BASE} results in empty or invalid base image name",
        ],
    );
}

#[test]
fn an_image_of_another_platform_is_reported() {
    check(
        "FROM other-machine\n",
        &[
            "1 InvalidBaseImagePlatform: Base image other-machine was pulled with platform \"linux/s390x\", expected \"linux/amd64\" for current build",
        ],
    );
}

#[test]
fn names_that_sound_confidential_are_reported() {
    let secret = |line: u32, what: &str| {
        format!(
            "{line} SecretsUsedInArgOrEnv: Do not use ARG or ENV instructions for sensitive data ({what})"
        )
    };
    check(
        "ARG TOKEN\nFROM busybox\nARG TOKEN KEY_FILE\nENV db_password=x PUBLIC_KEY=y\n",
        &[&secret(3, "ARG \"TOKEN\""), &secret(4, "ENV \"db_password\"")],
    );
}

#[test]
fn ports_have_no_address_and_a_lower_case_protocol() {
    check(
        "FROM busybox\nEXPOSE 80/TCP 53/udp 8080:80 127.0.0.1:1:2\n",
        &[
            "2 ExposeInvalidFormat: EXPOSE instruction should not define an IP address or host-port mapping, found '127.0.0.1:1:2'",
            "2 ExposeProtoCasing: Defined protocol '80/TCP' in EXPOSE instruction should be lowercase",
            "2 ExposeInvalidFormat: EXPOSE instruction should not define an IP address or host-port mapping, found '8080:80'",
        ],
    );
}

#[test]
fn ignored_sources_are_reported() {
    check(
        "FROM busybox AS a\nCOPY a.log b.txt /\nADD c.log /\nFROM busybox\nCOPY --from=a a.log /\nADD https://example.org/x.log /\n",
        &[
            "2 CopyIgnoredFile: Attempting to Copy file \"a.log\" that is excluded by .dockerignore",
            "3 CopyIgnoredFile: Attempting to Add file \"c.log\" that is excluded by .dockerignore",
        ],
    );
    let ignore = super::ignoring("*.log\n!kept.log");
    let options = Options { context: Context::Local { path: "/ctx".into(), ignore }, ..options() };
    let found = "2 CopyIgnoredFile: Attempting to Copy file \"a.log\" that is excluded by .dockerignore";
    check_with("FROM busybox\nCOPY a.log kept.log /\nCOPY . /\n", &options, &[found]);
    let ignore = super::ignoring(".*");
    let options = Options { context: Context::Local { path: "/ctx".into(), ignore }, ..options };
    check_with("FROM busybox\nCOPY . .\n", &options, &[]);
}

#[test]
fn descriptions_are_checked_if_the_rule_is_enabled() {
    let text = "# the version\nARG V=1\n# stage\nFROM busybox AS build\n# build well\nFROM busybox AS build2\n\
                # two\nARG a b\n# a is one\nARG a b\n# note\nRUN x\n";
    clean(text);
    check(
        &format!("# check=experimental=InvalidDefinitionDescription\n{text}"),
        &[
            "3 InvalidDefinitionDescription: Comment for ARG should follow the format: `# V <description>`",
            "5 InvalidDefinitionDescription: Comment for FROM should follow the format: `# build <description>`",
            "7 InvalidDefinitionDescription: Comment for FROM should follow the format: `# build2 <description>`",
            "9 InvalidDefinitionDescription: Comment for ARG should follow the format: `# <arg_key> <description>`",
        ],
    );
}

#[test]
fn optional_rules_need_to_be_enabled() {
    check(
        "FROM busybox\nCOPY a keys/id_rsa /\nCOPY --from=busybox id_rsa /\nRUN x \u{202e}y\nCOPY <<E /z\n\u{2066}\nE\n",
        &[
            "2 SecretFileCopied: \"keys/id_rsa\" becomes part of the image, where anyone can read it",
            "4 BidirectionalText: The text is shown in another order than it is read: it contains U+202E",
            "5 BidirectionalText: The text is shown in another order than it is read: it contains U+2066",
        ],
    );
    const INSTALL: &str = "FROM busybox\nCOPY . .\nRUN cd app &&  npm \\\n  ci\n";
    clean(INSTALL);
    clean(&format!("# check=experimental=all\n{INSTALL}"));
    let found = ["3 CopyBeforeInstall: Any change of any file makes \"npm ci\" run again"];
    check(&format!("# check=experimental=CopyBeforeInstall\n{INSTALL}"), &found);
    check(&format!("# check=experimental=own\n{INSTALL}"), &found);
}

/// Checks the lines and installs that are reported.
#[track_caller]
fn late(instructions: &str, expected: &[(u32, &str)]) {
    let expected: Vec<String> = expected
        .iter()
        .map(|(line, what)| {
            format!("{line} CopyBeforeInstall: Any change of any file makes {what:?} run again")
        })
        .collect();
    let expected: Vec<&str> = expected.iter().map(String::as_str).collect();
    check(&format!("# check=experimental=own\nFROM busybox AS a\n{instructions}"), &expected);
}

#[test]
fn installs_after_a_copy_of_everything_are_reported() {
    late("COPY package.json .\nRUN npm ci\nCOPY . .\n", &[]);
    late("COPY --from=busybox . .\nRUN npm ci\n", &[]);
    late(
        "COPY --chown=1 ./ /app\nRUN pip install --no-cache-dir -r requirements.txt\n",
        &[(3, "pip install")],
    );
    late("COPY . .\nRUN <<E\nset -e\n# npm ci\nuv sync\nE\n", &[(3, "uv sync")]);
    late("COPY . .\nRUN [\"npm\", \"ci\"]\n", &[(3, "npm ci")]);
    // The second install is cheap, since the first one did the slow part.
    late("COPY uv.lock .\nRUN uv sync --no-install-project\nCOPY . .\nRUN uv sync\n", &[]);
    late("COPY go.mod .\nRUN go mod download\nCOPY . .\nRUN apk add git\n", &[(5, "apk add")]);
    // The instructions of a base come first.
    late("COPY . .\nFROM a AS b\nRUN npm ci\n", &[(3, "npm ci")]);
    late("COPY . .\nFROM busybox AS b\nRUN npm ci\n", &[]);
    // A mount of everything counts like a copy; a mount of single files does not.
    late("RUN --mount=type=bind,target=/src,rw cd /src && npm ci\n", &[(3, "npm ci")]);
    late(
        "RUN --mount=type=bind,source=uv.lock,target=uv.lock --mount=type=cache,target=/root/.cache uv sync\nCOPY . .\n",
        &[],
    );
}

#[test]
fn at_most_1000_warnings_are_kept() {
    let pairs: String = (0..20_000).map(|number| format!("n{number}=$x{number} \\\n")).collect();
    let text = format!("FROM busybox\nENV {pairs} z=$z\nLABEL l=$y\n{}", "CMD a\n".repeat(5_000));
    assert_eq!(report(&text, &options()).warnings.len(), 1000);
}

#[test]
fn rules_can_be_skipped() {
    const MAINTAINER: &str =
        "3 MaintainerDeprecated: Maintainer instruction is deprecated in favor of using label";
    clean("# check=skip=all\nFROM busybox AS A\nMAINTAINER x\n");
    check(
        "# check=skip=StageNameCasing,JSONArgsRecommended\nFROM busybox AS A\nMAINTAINER x\nCMD y\n",
        &[MAINTAINER],
    );
    clean("# note\n\n# check=skip=StageNameCasing\nFROM busybox AS A\n# check=skip=all\nMAINTAINER x\n");
    let mut options = options();
    options.build_args.insert("BUILDKIT_DOCKERFILE_CHECK".to_owned(), "skip=StageNameCasing".to_owned());
    check_with("# check=skip=all\nFROM busybox AS A\nMAINTAINER x\n", &options, &[MAINTAINER]);
}

#[track_caller]
fn fails(text: &str, line: Option<u32>, message: &str) {
    let error = report(text, &options()).error.expect("an error");
    assert_eq!((error.lines.map(|lines| lines.first), error.to_string().as_str()), (line, message), "{text}");
}

#[test]
fn warnings_can_fail_the_build() {
    const TEXT: &str = "# check=error=true\nFROM busybox\nENV a b\nENV c d\nCMD x\n";
    let message = "lint violation found for rules: JSONArgsRecommended, LegacyKeyValueFormat";
    fails(TEXT, Some(3), message);
    assert_eq!(report(TEXT, &options()).warnings.len(), 3);
    let dockerfile = parser::parse(TEXT.as_bytes()).expect("a Dockerfile");
    let error = lower(&dockerfile, &options(), &Images::default()).expect_err("an error");
    assert_eq!(error.to_string(), message);
    clean("# check=error=true\nFROM busybox\n");
    fails(
        "# check=foo=bar\nFROM busybox\n",
        None,
        "failed to parse check options: invalid check option \"foo\"",
    );
}

#[test]
fn an_error_ends_the_checks_and_keeps_their_findings() {
    let report = report("FROM busybox\nENV a b\nCOPY --from=9 / /\nENV c d\n", &options());
    assert_eq!(report.error.map(|error| error.to_string()).as_deref(), Some("invalid stage index 9"));
    assert!(report.warnings.is_empty(), "indices are looked at before any instruction");
}

#[test]
fn all_stages_are_checked_unless_a_target_is_named() {
    let text = "FROM busybox AS a\nENV a b\nFROM busybox AS b\nENV c d\n";
    assert_eq!(report(text, &options()).warnings.len(), 2);
    let target = Options { target: Some("a".to_owned()), ..options() };
    assert_eq!(report(text, &target).warnings.len(), 1);
    assert_eq!(super::plan_of(text, &options()).warnings.len(), 1);
}

#[test]
fn checks_need_no_image_and_no_entitlement() {
    clean("FROM missing:1\nRUN --network=host --security=insecure x\nCOPY --from=missing:2 /a /\n");
}

#[test]
fn several_platforms_warn_once() {
    let mut options = options();
    options.platforms.push("linux/arm64".parse().expect("a platform"));
    check_with("FROM busybox\nENV a=$a\n", &options, &["2 UndefinedVar: Usage of undefined variable '$a'"]);
}

#[test]
fn triggers_are_checked_at_the_from_that_adds_them() {
    check(
        "FROM busybox AS base\nONBUILD ENV a b\nFROM base\n",
        &[
            "3 LegacyKeyValueFormat: \"ENV key=value\" should be used instead of legacy \"ENV key value\" format",
        ],
    );
}

#[test]
fn an_arg_above_the_first_from_is_explained() {
    let text = "ARG VERSION=1\nFROM busybox\nENV V=$VERSION W=$NOTHING\n";
    let report = report(text, &options());
    let hints: Vec<Option<&str>> = report.warnings.iter().map(|warning| warning.hint.as_deref()).collect();
    let hint = "stages do not see the ARG above the first FROM (line 1): repeat `ARG VERSION` in the stage, below its FROM";
    assert_eq!(hints, [Some(hint), None]);
}

#[track_caller]
fn check_notes(text: &str, expected: &[(u32, bool, &str)]) {
    let report = report(text, &options());
    assert!(report.warnings.is_empty() && report.error.is_none(), "{text}: {report:?}");
    let notes = report.notes.iter();
    let notes: Vec<(u32, bool, &str)> = notes
        .map(|note| (note.lines.map_or(0, |lines| lines.first), note.is_failure, note.message.as_str()))
        .collect();
    assert_eq!(notes, expected, "{text}");
}

#[test]
fn an_unavailable_base_is_noted_and_its_variables_are_not_reported() {
    check_notes(
        "FROM missing:1\nENV A=$JAVA_HOME\nFROM scratch\n",
        &[(
            1,
            false,
            "the base image missing:1 could not be seen, so variables that it may set are not checked: no such image",
        )],
    );
    check_notes("FROM busybox\nENV A=$PATH\n", &[]);
}

#[test]
fn another_frontend_is_noted_as_a_failure() {
    check_notes(
        "# syntax=acme/frontend:1\nFROM busybox\n",
        &[(
            1,
            true,
            "the Dockerfile is written for the frontend acme/frontend:1, which is not docker/dockerfile",
        )],
    );
}

#[test]
fn findings_above_an_invalid_instruction_are_kept() {
    let check = |text: &str, expected: &[(u32, &str)]| {
        let (dockerfile, error) = parser::parse_partially(text.as_bytes());
        assert!(error.is_some(), "{text}");
        let warnings = check_unfinished(&dockerfile, &options());
        let found: Vec<(u32, &str)> = warnings.iter().map(|w| (w.lines.first, w.rule)).collect();
        assert_eq!(found, expected, "{text}");
    };
    check(
        "\nFROM scratch AS BadStageName\nMAINTAINER me@example.org\nBADCMD\nMAINTAINER later\n",
        &[(2, "StageNameCasing"), (3, "MaintainerDeprecated")],
    );
    check("# check=skip=StageNameCasing\nFROM scratch AS Bad\nBADCMD\n", &[]);
    check("FROM busybox\nfrom busybox As Bad\nCOPY a\n", &[(2, "StageNameCasing"), (2, "FromAsCasing")]);
    // A text that cannot be split into instructions has no findings.
    check("FROM scratch AS Bad\nENV a\n", &[]);
}

#[test]
fn the_name_of_an_arg_is_not_expanded() {
    let text = "FROM busybox\nENV src=file3\nARG ${src}=value\nLABEL l=[$file3]\nRUN x\n";
    let plan = super::plan_of(text, &options());
    assert_eq!(plan.images[0].config.config.labels["l"], "[]");
    let history = super::history_of(text, &options());
    assert!(history.contains(&"ARG ${src}=value".to_owned()), "{history:?}");
}
