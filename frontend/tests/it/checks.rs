//! Build checks: what is found, where, and in which words.

use frontend::options::{Context, Options};
use frontend::{CheckReport, check as check_file, lower};

use super::images::Images;

fn options() -> Options {
    let ignore = super::ignoring("*.log");
    Options { context: Context::Local { path: "/ctx".into(), ignore }, ..super::options() }
}

fn report(text: &str, options: &Options) -> CheckReport {
    let dockerfile = parser::parse(text.as_bytes()).expect("a Dockerfile");
    check_file(&dockerfile, options, &Images::default(), &|_, _| Vec::new())
}

/// `expected`: `LINE RULE: MESSAGE`.
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
fn names_of_stages() {
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
fn keywords_follow_the_majority() {
    check(
        "from busybox\nrun a\nRUN b\nRun c\n",
        &[
            "3 ConsistentInstructionCasing: Command 'RUN' should match the case of the command majority (lowercase)",
            "4 ConsistentInstructionCasing: Command 'Run' should match the case of the command majority (lowercase)",
        ],
    );
    // A tie goes to upper case; what stands before the first FROM is not counted.
    check(
        "arg v=1\nFROM busybox\nrun a\n",
        &[
            "3 ConsistentInstructionCasing: Command 'run' should match the case of the command majority (uppercase)",
        ],
    );
}

#[test]
fn blank_lines_and_old_forms() {
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
fn keywords_are_told_as_written() {
    check(
        "from busybox\ncmd a\nenv a b\n",
        &[
            "2 JSONArgsRecommended: JSON arguments recommended for cmd to prevent unintended behavior related to OS signals",
            "3 LegacyKeyValueFormat: \"env key=value\" should be used instead of legacy \"env key value\" format",
        ],
    );
}

#[test]
fn commands_without_a_shell_of_their_own() {
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
fn instructions_of_which_the_last_one_counts() {
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
fn relative_folders() {
    check(
        "FROM busybox AS a\nWORKDIR b\nWORKDIR c\nFROM a\nWORKDIR d\nFROM busybox\nWORKDIR /e\nWORKDIR f\n",
        &[
            "2 WorkdirRelativePath: Relative workdir \"b\" can have unexpected results if the base image changes",
        ],
    );
}

#[test]
fn variables_that_nothing_defines() {
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
fn bases_and_platforms() {
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
fn an_image_of_another_platform() {
    check(
        "FROM other-machine\n",
        &[
            "1 InvalidBaseImagePlatform: Base image other-machine was pulled with platform \"linux/s390x\", expected \"linux/amd64\" for current build",
        ],
    );
}

#[test]
fn names_that_sound_confidential() {
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
fn ports() {
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
fn files_that_are_not_in_the_context() {
    check(
        "FROM busybox AS a\nCOPY a.log b.txt /\nADD c.log /\nFROM busybox\nCOPY --from=a a.log /\nADD https://example.org/x.log /\n",
        &[
            "2 CopyIgnoredFile: Attempting to Copy file \"a.log\" that is excluded by .dockerignore",
            "3 CopyIgnoredFile: Attempting to Add file \"c.log\" that is excluded by .dockerignore",
        ],
    );
    let ignore = super::ignoring("*.log\n!kept.log");
    let options = Options { context: Context::Local { path: "/ctx".into(), ignore }, ..options() };
    check_with("FROM busybox\nCOPY a.log /\n", &options, &[]);
}

#[test]
fn descriptions_are_checked_where_asked_for() {
    let text = "# what it is\nARG V=1\n# stage\nFROM busybox AS build\n# build well\nFROM busybox AS build2\n\
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
fn rules_of_our_own() {
    check(
        "FROM busybox\nCOPY a keys/id_rsa /\nCOPY --from=busybox id_rsa /\nRUN x \u{202e}y\nCOPY <<E /z\n\u{2066}\nE\n",
        &[
            "2 SecretFileCopied: \"keys/id_rsa\" becomes part of the image, where anyone can read it",
            "4 BidirectionalText: The text is shown in another order than it is read: it holds U+202E",
            "5 BidirectionalText: The text is shown in another order than it is read: it holds U+2066",
        ],
    );
    const INSTALL: &str = "FROM busybox\nCOPY . .\nRUN cd app &&  npm \\\n  ci\n";
    clean(INSTALL);
    clean(&format!("# check=experimental=all\n{INSTALL}"));
    let found = ["3 CopyBeforeInstall: Any change of any file makes \"npm ci\" run again"];
    check(&format!("# check=experimental=CopyBeforeInstall\n{INSTALL}"), &found);
    check(&format!("# check=experimental=own\n{INSTALL}"), &found);
}

/// `expected`: the line and the install.
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
fn installs_behind_a_copy_of_everything() {
    late("COPY package.json .\nRUN npm ci\nCOPY . .\n", &[]);
    late("COPY --from=busybox . .\nRUN npm ci\n", &[]);
    late(
        "COPY --chown=1 ./ /app\nRUN pip install --no-cache-dir -r requirements.txt\n",
        &[(3, "pip install")],
    );
    late("COPY . .\nRUN <<E\nset -e\n# npm ci\nuv sync\nE\n", &[(3, "uv sync")]);
    late("COPY . .\nRUN [\"npm\", \"ci\"]\n", &[(3, "npm ci")]);
    // The second does little: the first installed what takes long.
    late("COPY uv.lock .\nRUN uv sync --no-install-project\nCOPY . .\nRUN uv sync\n", &[]);
    late("COPY go.mod .\nRUN go mod download\nCOPY . .\nRUN apk add git\n", &[(5, "apk add")]);
    // A stage begins with what it is built on.
    late("COPY . .\nFROM a AS b\nRUN npm ci\n", &[(3, "npm ci")]);
    late("COPY . .\nFROM busybox AS b\nRUN npm ci\n", &[]);
    // A mount shows as much as a copy; single files are what to mount.
    late("RUN --mount=type=bind,target=/src,rw cd /src && npm ci\n", &[(3, "npm ci")]);
    late(
        "RUN --mount=type=bind,source=uv.lock,target=uv.lock --mount=type=cache,target=/root/.cache uv sync\nCOPY . .\n",
        &[],
    );
}

#[test]
fn very_many_warnings_are_cut_short() {
    let pairs: String = (0..20_000).map(|number| format!("n{number}=$x{number} \\\n")).collect();
    let text = format!("FROM busybox\nENV {pairs} z=$z\nLABEL l=$y\n{}", "CMD a\n".repeat(5_000));
    assert_eq!(report(&text, &options()).warnings.len(), 1000);
}

#[test]
fn checks_can_be_skipped() {
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
fn checks_can_fail_the_build() {
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
fn an_error_ends_the_checks_but_not_what_they_found() {
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
fn nothing_need_be_there_or_allowed_for_checking() {
    clean("FROM missing:1\nRUN --network=host --security=insecure x\nCOPY --from=missing:2 /a /\n");
}

#[test]
fn several_platforms_warn_once() {
    let mut options = options();
    options.platforms.push("linux/arm64".parse().expect("a platform"));
    check_with("FROM busybox\nENV a=$a\n", &options, &["2 UndefinedVar: Usage of undefined variable '$a'"]);
}

#[test]
fn triggers_are_checked_where_they_are_set_off() {
    check(
        "FROM busybox AS base\nONBUILD ENV a b\nFROM base\n",
        &[
            "3 LegacyKeyValueFormat: \"ENV key=value\" should be used instead of legacy \"ENV key value\" format",
        ],
    );
}
