//! The rules: name, description, advice, and the page that explains each.
//!
//! Names, descriptions and pages are those of BuildKit, except for a few rules of dsbuild, so that editors,
//! `# check=skip=...` comments and searches work as they do with BuildKit.
//!
//! Source: BuildKit, `frontend/dockerfile/linter/ruleset.go`.

/// A rule of the build checks.
#[derive(Debug, PartialEq, Eq)]
pub struct Rule {
    /// Name in directives and warnings, such as `LegacyKeyValueFormat`.
    pub name: &'static str,
    /// Demand of the rule, a sentence without full stop.
    pub description: &'static str,
    /// Advice for the user, a clause without full stop.
    pub fix: &'static str,
    /// URL of the page that explains the rule; empty if there is none.
    pub url: &'static str,
    /// Condition under which the rule is enabled.
    pub enabled: Enabled,
}

/// Condition under which a rule is enabled.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Enabled {
    /// Enabled unless `skip=` names the rule.
    ByDefault,
    /// Enabled if `experimental=` names the rule or is `all`. `skip=` does not disable it again, as in BuildKit.
    Experimental,
    /// A rule of dsbuild, enabled if `experimental=` names it or is `own`.
    OnRequest,
}

macro_rules! rules {
    ($($constant:ident = $name:literal, $page:literal, $description:literal, $fix:literal $(, $experimental:ident)?;)*) => {
        $(pub(crate) static $constant: Rule = Rule {
            name: $name,
            description: $description,
            fix: $fix,
            url: concat!("https://docs.docker.com/go/dockerfile/rule/", $page, "/"),
            enabled: rules!(@enabled $($experimental)?),
        };)*

        /// Rules that have a page, in BuildKit's order.
        static WITH_PAGE: &[&Rule] = &[$(&$constant),*];
    };
    (@enabled experimental) => { Enabled::Experimental };
    (@enabled) => { Enabled::ByDefault };
}

rules! {
    STAGE_NAME_CASING = "StageNameCasing", "stage-name-casing",
        "Stage names should be lowercase",
        "write the name in lower case";
    FROM_AS_CASING = "FromAsCasing", "from-as-casing",
        "The 'as' keyword should match the case of the 'from' keyword",
        "write `AS` in the case of `FROM`";
    NO_EMPTY_CONTINUATION = "NoEmptyContinuation", "no-empty-continuation",
        "Empty continuation lines will become errors in a future release",
        "delete the empty lines, as `dsbuild fmt` does, or turn them into comments";
    CONSISTENT_INSTRUCTION_CASING = "ConsistentInstructionCasing", "consistent-instruction-casing",
        "All commands within the Dockerfile should use the same casing (either upper or lower)",
        "write all keywords in the same case; `dsbuild fmt` does";
    DUPLICATE_STAGE_NAME = "DuplicateStageName", "duplicate-stage-name",
        "Stage names should be unique",
        "give each stage a name of its own";
    RESERVED_STAGE_NAME = "ReservedStageName", "reserved-stage-name",
        "Reserved words should not be used as stage names",
        "give the stage a name other than `scratch` or `context`";
    JSON_ARGS_RECOMMENDED = "JSONArgsRecommended", "json-args-recommended",
        "JSON arguments recommended for ENTRYPOINT/CMD to prevent unintended behavior related to OS signals",
        "write it as a JSON array, [\"program\", \"argument\"], so that the program itself gets the signals; or set SHELL if it needs a shell";
    MAINTAINER_DEPRECATED = "MaintainerDeprecated", "maintainer-deprecated",
        "The MAINTAINER instruction is deprecated, use a label instead to define an image author",
        "write LABEL org.opencontainers.image.authors=\"...\" instead";
    UNDEFINED_ARG_IN_FROM = "UndefinedArgInFrom", "undefined-arg-in-from",
        "FROM command must use declared ARGs",
        "declare the name with ARG above the first FROM";
    WORKDIR_RELATIVE_PATH = "WorkdirRelativePath", "workdir-relative-path",
        "Relative workdir without an absolute workdir declared within the build can have unexpected results if the base image changes",
        "start the path with a slash";
    UNDEFINED_VAR = "UndefinedVar", "undefined-var",
        "Variables should be defined before their use",
        "define the name with ARG or ENV in this stage, or correct it";
    MULTIPLE_INSTRUCTIONS_DISALLOWED = "MultipleInstructionsDisallowed", "multiple-instructions-disallowed",
        "Multiple instructions of the same type should not be used in the same stage",
        "delete this one: a later one replaces it";
    LEGACY_KEY_VALUE_FORMAT = "LegacyKeyValueFormat", "legacy-key-value-format",
        "Legacy key/value format with whitespace separator should not be used",
        "write key=value, with quotes around a value that has blanks";
    REDUNDANT_TARGET_PLATFORM = "RedundantTargetPlatform", "redundant-target-platform",
        "Setting platform to predefined $TARGETPLATFORM in FROM is redundant as this is the default behavior",
        "delete --platform";
    SECRETS_USED_IN_ARG_OR_ENV = "SecretsUsedInArgOrEnv", "secrets-used-in-arg-or-env",
        "Sensitive data should not be used in the ARG or ENV commands",
        "mount it where it is needed: RUN --mount=type=secret,id=ID, and --secret id=ID for the build";
    INVALID_DEFAULT_ARG_IN_FROM = "InvalidDefaultArgInFrom", "invalid-default-arg-in-from",
        "Default value for global ARG results in an empty or invalid base image name",
        "give the ARG a default that results in an image name";
    FROM_PLATFORM_FLAG_CONST_DISALLOWED = "FromPlatformFlagConstDisallowed", "from-platform-flag-const-disallowed",
        "FROM --platform flag should not use a constant value",
        "use $BUILDPLATFORM or $TARGETPLATFORM, or name the stage after the platform";
    COPY_IGNORED_FILE = "CopyIgnoredFile", "copy-ignored-file",
        "Attempting to Copy file that is excluded by .dockerignore",
        "take the file back in with a line `!FILE` in .dockerignore, or do not copy it; `dsbuild context` shows which line excludes it";
    INVALID_DEFINITION_DESCRIPTION = "InvalidDefinitionDescription", "invalid-definition-description",
        "Comment for build stage or argument should follow the format: `# <arg/stage name> <description>`. If this is not intended to be a description comment, add an empty line or comment between the instruction and the comment.",
        "begin the comment with the name, or put an empty line below it",
        experimental;
    EXPOSE_PROTO_CASING = "ExposeProtoCasing", "expose-proto-casing",
        "Protocol in EXPOSE instruction should be lowercase",
        "write tcp or udp";
    EXPOSE_INVALID_FORMAT = "ExposeInvalidFormat", "expose-invalid-format",
        "IP address and host-port mapping should not be used in EXPOSE instruction. This will become an error in a future release",
        "name the container's port only; `run -p` publishes it";
}

macro_rules! rules_without_page {
    ($($(#[$doc:meta])* $constant:ident = $name:literal, $description:literal, $fix:literal, $enabled:ident;)*) => {
        $($(#[$doc])* pub(crate) static $constant: Rule =
            Rule { name: $name, description: $description, fix: $fix, url: "", enabled: Enabled::$enabled };)*

        /// Rules without a page: those of dsbuild, and one that BuildKit explains nowhere.
        static WITHOUT_PAGE: &[&Rule] = &[$(&$constant),*];
    };
}

rules_without_page! {
    /// A rule of BuildKit, which has no page for it.
    INVALID_BASE_IMAGE_PLATFORM = "InvalidBaseImagePlatform",
        "Base image platform does not match expected target platform",
        "ask for the platform that the image has, or name an image that has the platform",
        ByDefault;
    BIDIRECTIONAL_TEXT = "BidirectionalText",
        "Text should not hold characters that change the order in which it is shown",
        "delete the character, or write it as an escape that the program understands",
        ByDefault;
    SECRET_FILE_COPIED = "SecretFileCopied",
        "Files that hold secrets should be mounted where they are needed, not copied into the image",
        "mount it where it is needed: RUN --mount=type=secret,id=ID, and --secret id=ID,src=FILE for the build",
        ByDefault;
    COPY_BEFORE_INSTALL = "CopyBeforeInstall",
        "The dependencies of a project should be installed before the rest of it is copied",
        "copy or mount the files that the install reads, run it, and copy the rest after it",
        OnRequest;
    GITIGNORE_HABIT = "GitignoreHabit",
        "Lines of .dockerignore that have another meaning in .gitignore should be unambiguous",
        "write **/NAME for any depth, NAME/** for the content of folders of that name, [^a] for any character but a",
        OnRequest;
}

/// Returns all rules, those with a page first.
pub fn all() -> impl Iterator<Item = &'static Rule> {
    WITH_PAGE.iter().chain(WITHOUT_PAGE).copied()
}

/// Finds the rule with exactly this name.
pub fn find(name: &str) -> Option<&'static Rule> {
    all().find(|rule| rule.name == name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_unique_and_pages_are_named_after_them() {
        let mut names: Vec<&str> = all().map(|rule| rule.name).collect();
        assert_eq!(names.len(), 26);
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), 26);
        assert!(all().all(|rule| !rule.fix.is_empty() && !rule.fix.ends_with('.')));
        for rule in WITH_PAGE {
            let page = rule.url.trim_end_matches('/').rsplit('/').next().unwrap_or_default();
            assert_eq!(page.replace('-', ""), rule.name.to_lowercase());
        }
    }

    #[test]
    fn a_rule_is_found_by_its_exact_name() {
        assert_eq!(find("UndefinedVar"), Some(&UNDEFINED_VAR));
        assert_eq!(find("undefinedvar"), None);
        let experimental = find("InvalidDefinitionDescription").map(|rule| rule.enabled);
        assert_eq!(experimental, Some(Enabled::Experimental));
    }
}
