//! What a server's names stand for.
//!
//! Source: BuildKit, `source/git/source.go`: a branch goes before a tag of the same name.

/// A name of a server, resolved.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Named {
    /// The object: a commit, or an annotated tag.
    pub object: String,
    /// The commit: what an annotated tag leads to, else the object.
    pub commit: String,
    /// Its whole name: `refs/tags/v1`; `None` for the default branch.
    pub name: Option<String>,
}

/// True for a whole hash, of either kind.
pub(super) fn is_hash(text: &str) -> bool {
    matches!(text.len(), 40 | 64)
        && text.bytes().all(|byte| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte))
}

/// Finds what `reference` (the default branch if absent) stands for in what `git ls-remote` has said.
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

/// What an annotated tag leads to.
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
    fn names() {
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
        for none in ["bad", "no", "", "1111111", "v1^{}"] {
            check(Some(none), None);
        }
    }
}
