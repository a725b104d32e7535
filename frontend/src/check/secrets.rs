//! `SecretsUsedInArgOrEnv`: names that sound as if their values were confidential.

use super::{Finding, rules};

/// Words of such names.
const TELLING: [&str; 10] =
    ["apikey", "auth", "credential", "credentials", "key", "password", "pword", "passwd", "secret", "token"];

/// Words that say that it is not the secret itself.
const HARMLESS: [&str; 3] = ["public", "file", "version"];

/// A name of ARG or ENV, one of whose words between underscores is telling, and none harmless.
pub(crate) fn secret_name(keyword: &str, name: &str) -> Option<Finding> {
    let has = |words: &[&str]| {
        name.split('_').any(|word| words.iter().any(|other| word.eq_ignore_ascii_case(other)))
    };
    let message = format!("Do not use ARG or ENV instructions for sensitive data ({keyword} {name:?})");
    (has(&TELLING) && !has(&HARMLESS)).then(|| Finding::new(&rules::SECRETS_USED_IN_ARG_OR_ENV, message))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(name: &str, expected: bool) {
        assert_eq!(secret_name("ENV", name).is_some(), expected, "{name}");
    }

    #[test]
    fn names_tell() {
        for name in ["KEY", "api_key", "ApiKey", "GITHUB_TOKEN", "secret_message", "db_PWORD_", "AUTH"] {
            check(name, true);
        }
        for name in
            ["KEYS", "TOKENS", "authority", "MY-SECRET", "TOKEN_FILE", "public_key", "", "API_KEY_VERSION"]
        {
            check(name, false);
        }
    }
}
