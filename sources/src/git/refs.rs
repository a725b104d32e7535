//! References: from the names of a server, or the beginning of a hash, to commits.
//!
//! Source: BuildKit, `source/git/source.go`: a branch goes before a tag of the same name.

/// A name of a server, resolved.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Named {
    /// Hash of the object: a commit, or an annotated tag.
    pub object: String,
    /// Hash of the commit: the object itself, or the one that an annotated tag leads to.
    pub commit: String,
    /// Full name, as in `refs/tags/v1`; `None` for the default branch and for a commit that was named by its hash.
    pub name: Option<String>,
}

/// Shortest beginning of a hash that counts as one, as in git.
const MIN_HASH_DIGITS: usize = 4;

/// Reports whether a text is a full hash, SHA-1 or SHA-256.
pub(super) fn is_hash(text: &str) -> bool {
    matches!(text.len(), 40 | 64) && is_hex(text)
}

/// Reports whether a text can be the beginning of a hash.
pub(super) fn is_abbreviation(text: &str) -> bool {
    (MIN_HASH_DIGITS..64).contains(&text.len()) && is_hex(text)
}

fn is_hex(text: &str) -> bool {
    text.bytes().all(|byte| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte))
}

/// Finds the only commit or tag in the output of `git ls-remote` whose hash begins with `digits`.
pub(super) fn find_abbreviated(listed: &str, digits: &str) -> Option<Named> {
    let lines = listed.lines().filter_map(|line| line.split_once('\t'));
    let mut found = lines.filter(|(hash, _)| hash.starts_with(digits) && is_hash(hash));
    let (object, name) = found.next()?;
    if found.any(|(other, _)| other != object) {
        return None;
    }
    let commit = peeled(listed, name).unwrap_or_else(|| object.to_owned());
    Some(Named { object: object.to_owned(), commit, name: None })
}

/// Returns the length of the hashes in the output of `git ls-remote`; `None` for an empty repository.
pub(super) fn hash_length(listed: &str) -> Option<usize> {
    listed.lines().filter_map(|line| line.split_once('\t')).map(|(hash, _)| hash.len()).next()
}

/// Finds `reference` (the default branch if absent) in the output of `git ls-remote`.
pub(super) fn find(listed: &str, reference: Option<&str>) -> Option<Named> {
    let object = |name: &str| {
        let mut lines = listed.lines().filter_map(|line| line.split_once('\t'));
        lines.find(|(hash, listed)| *listed == name && is_hash(hash)).map(|(hash, _)| hash.to_owned())
    };
    let Some(reference) = reference else {
        return object("HEAD").map(|object| Named { commit: object.clone(), object, name: None });
    };
    if reference.contains('^') {
        return None;
    }
    let short = |kind: &str| reference.strip_prefix(kind).unwrap_or(reference).to_owned();
    let names = [
        format!("refs/{}", short("refs/")),
        format!("refs/heads/{}", short("refs/heads/")),
        format!("refs/tags/{}", short("refs/tags/")),
    ];
    names.into_iter().find_map(|name| {
        let object = object(&name)?;
        let commit = peeled(listed, &name).unwrap_or_else(|| object.clone());
        Some(Named { object, commit, name: Some(name) })
    })
}

/// Returns the commit that an annotated tag leads to.
fn peeled(listed: &str, name: &str) -> Option<String> {
    let mut lines = listed.lines().filter_map(|line| line.split_once('\t'));
    let hash = lines.find(|(_, listed)| listed.strip_suffix("^{}") == Some(name))?.0;
    is_hash(hash).then(|| hash.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn listed() -> String {
        let line = |digit: &str, name: &str| format!("{}\t{name}\n", digit.repeat(40));
        [
            line("1", "HEAD"),
            line("1", "refs/heads/main"),
            line("2", "refs/heads/both"),
            line("3", "refs/tags/both"),
            line("4", "refs/tags/v1"),
            line("5", "refs/tags/v1^{}"),
            line("6", "refs/pull/7/head"),
            line("7", "refs/heads/--upload-pack=x"),
            "zz\trefs/heads/bad\n".to_owned(),
        ]
        .concat()
    }

    #[test]
    fn a_branch_comes_before_a_tag() {
        #[track_caller]
        fn check(reference: Option<&str>, expected: Option<(&str, &str)>) {
            let found = find(&listed(), reference);
            let digits = found.as_ref().map(|named| (&named.object[..1], &named.commit[..1]));
            assert_eq!(digits, expected, "{reference:?}");
        }
        check(None, Some(("1", "1")));
        check(Some("main"), Some(("1", "1")));
        check(Some("both"), Some(("2", "2")));
        check(Some("refs/tags/both"), Some(("3", "3")));
        check(Some("v1"), Some(("4", "5")));
        check(Some("tags/v1"), Some(("4", "5")));
        check(Some("pull/7/head"), Some(("6", "6")));
        check(Some("--upload-pack=x"), Some(("7", "7")));
        for absent in ["bad", "no", "", "1111111", "v1^{}"] {
            check(Some(absent), None);
        }
    }

    #[test]
    fn the_beginning_of_a_hash_is_found_if_it_is_the_only_one() {
        #[track_caller]
        fn check(digits: &str, expected: Option<(&str, &str)>) {
            let found = find_abbreviated(&listed(), digits);
            let found = found.as_ref().map(|named| (&named.object[..1], &named.commit[..1]));
            assert_eq!(found, expected, "{digits}");
        }
        check("1111", Some(("1", "1")));
        check("4444444", Some(("4", "5")));
        check("55555", Some(("5", "5")));
        check("8888", None);
        let two = format!("{}\trefs/heads/a\n{}\trefs/heads/b\n", "12".repeat(20), "1213".repeat(10));
        assert_eq!(find_abbreviated(&two, "121"), None);
    }
}
