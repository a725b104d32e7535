//! `SecretsUsedInArgOrEnv`: names that sound as if their values were confidential.

use super::{Finding, rules};

/// Words that make a name sound confidential.
const CONFIDENTIAL: [&str; 10] =
    ["apikey", "auth", "credential", "credentials", "key", "password", "pword", "passwd", "secret", "token"];

/// Words that show that the variable is not the secret itself.
const HARMLESS: [&str; 3] = ["public", "file", "version"];

/// Reports whether a name of a variable has a confidential word between underscores and no harmless one.
pub fn sounds_confidential(name: &str) -> bool {
    let has = |words: &[&str]| {
        name.split('_').any(|word| words.iter().any(|other| word.eq_ignore_ascii_case(other)))
    };
    has(&CONFIDENTIAL) && !has(&HARMLESS)
}

/// Finds a name of ARG or ENV that sounds confidential.
pub(crate) fn secret_name(keyword: &str, name: &str) -> Option<Finding> {
    let message = format!("Do not use ARG or ENV instructions for sensitive data ({keyword} {name:?})");
    sounds_confidential(name).then(|| Finding::new(&rules::SECRETS_USED_IN_ARG_OR_ENV, message))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(name: &str, expected: bool) {
        assert_eq!(secret_name("ENV", name).is_some(), expected, "{name}");
    }

    #[test]
    fn a_confidential_word_without_a_harmless_one_is_reported() {
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
