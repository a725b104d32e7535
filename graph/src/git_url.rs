//! Git URLs with a reference, a directory and options: `https://host/repo.git#main:docs`.
//!
//! Source: BuildKit, `util/gitutil` and `frontend/dockerfile/dfgitutil`.

use crate::url::percent_decoded;
use crate::{Source, paths};

/// A git URL that contradicts itself or the flags of ADD. The text is BuildKit's message.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct GitUrlError(pub String);

/// A git URL taken apart.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct GitUrl {
    /// URL that git is called with.
    pub remote: String,
    /// Branch, tag or commit, or `None` for the default branch.
    pub reference: Option<String>,
    /// Directory of the repository, without slashes around it.
    pub subdir: Option<String>,
    /// Value of `keep-git-dir=`, if given.
    pub keep_git_dir: Option<bool>,
    /// Value of `checksum=` or `commit=`, if given.
    pub checksum: Option<String>,
    /// True if the query has `submodules=false`.
    pub skip_submodules: bool,
}

fn is_http(source: &str) -> bool {
    source.starts_with("http://") || source.starts_with("https://")
}

impl GitUrl {
    /// Parses a git URL. Returns `None` for any other text; an HTTP URL is a git URL only if its path ends in `.git`.
    pub fn parse(text: &str) -> Result<Option<Self>, GitUrlError> {
        let (front, fragment) = match text.split_once('#') {
            Some((front, fragment)) => (front, Some(fragment)),
            None => (text, None),
        };
        let (remote, query) = front.split_once('?').unwrap_or((front, ""));
        let is_git = remote.starts_with("git://")
            || remote.starts_with("ssh://")
            || is_scp(remote)
            || is_http(remote) && remote.ends_with(".git");
        if !is_git {
            return Ok(None);
        }
        let mut url = Self { remote: remote.to_owned(), ..Self::default() };
        url.take_fragment(fragment.unwrap_or_default());
        for pair in query.split('&').filter(|pair| !pair.is_empty()) {
            let (key, value) = pair.split_once('=').unwrap_or((pair, ""));
            url.take_query(key, &String::from_utf8_lossy(&percent_decoded(value)))?;
        }
        Ok(Some(url))
    }

    /// Parses the fragment, `[ref][:subdir]`.
    fn take_fragment(&mut self, fragment: &str) {
        let (reference, subdir) = fragment.split_once(':').unwrap_or((fragment, ""));
        self.reference = Some(reference.to_owned()).filter(|text| !text.is_empty());
        self.subdir = folder(subdir);
    }

    fn take_query(&mut self, key: &str, value: &str) -> Result<(), GitUrlError> {
        match key {
            "ref" | "branch" | "tag" | "commit" | "checksum" if value.is_empty() => {
                Err(GitUrlError(format!("query {key:?} has no value")))
            }
            "ref" => self.set_reference(value.to_owned()),
            "branch" => self.set_reference(format!("refs/heads/{value}")),
            "tag" => self.set_reference(format!("refs/tags/{value}")),
            "commit" | "checksum" => set(&mut self.checksum, value.to_owned(), "checksum"),
            "subdir" => match folder(value) {
                Some(subdir) => set(&mut self.subdir, subdir, "subdir"),
                None => Ok(()),
            },
            "keep-git-dir" => {
                self.keep_git_dir = Some(boolean(key, value)?);
                Ok(())
            }
            "submodules" => {
                self.skip_submodules = !boolean(key, value)?;
                Ok(())
            }
            // Files always get the time of the commit, since the time of a checkout differs each time.
            "mtime" if matches!(value, "checkout" | "commit") => Ok(()),
            "mtime" => Err(GitUrlError(format!("invalid mtime value: {value:?}"))),
            "fetch-by-commit" => boolean(key, value).map(drop),
            _ => Err(GitUrlError(format!("unexpected query {key:?}"))),
        }
    }

    fn set_reference(&mut self, reference: String) -> Result<(), GitUrlError> {
        set(&mut self.reference, reference, "ref")
    }
}

/// Sets a value that is not set yet, or is set to the same value.
fn set(place: &mut Option<String>, value: String, what: &str) -> Result<(), GitUrlError> {
    match place {
        Some(old) if *old != value => Err(GitUrlError(format!("{what} conflicts: {old:?} vs {value:?}"))),
        _ => {
            *place = Some(value);
            Ok(())
        }
    }
}

/// Parses a boolean of the query. A key without a value is true.
fn boolean(key: &str, value: &str) -> Result<bool, GitUrlError> {
    if value.is_empty() {
        return Ok(true);
    }
    go_bool(value).ok_or_else(|| GitUrlError(format!("invalid {key} value: {value:?}")))
}

/// Returns a directory without slashes around it, or `None` for the root.
fn folder(text: &str) -> Option<String> {
    let clean = paths::clean(text);
    let inner = clean.trim_start_matches('/');
    (!inner.is_empty()).then(|| inner.to_owned())
}

/// Reports whether a text has the form of scp, `user@host:path`. It never looks like an option of git or ssh.
fn is_scp(text: &str) -> bool {
    let Some((user, rest)) = text.split_once('@') else { return false };
    let Some((host, _)) = rest.split_once(':') else { return false };
    let is_word = |text: &str, more: &str| {
        !text.is_empty()
            && !text.starts_with('-')
            && text.chars().all(|c| c.is_ascii_alphanumeric() || more.contains(c))
    };
    is_word(user, "-_") && is_word(host, ".-")
}

/// Combines a git URL with the flags of ADD into a source.
pub fn git_source(
    url: GitUrl,
    keep_git_dir: Option<bool>,
    checksum: Option<&str>,
) -> Result<Source, GitUrlError> {
    let keep = match (url.keep_git_dir, keep_git_dir) {
        (Some(of_url), Some(flag)) if of_url != flag => {
            return Err(GitUrlError("inconsistent keep-git-dir configuration".to_owned()));
        }
        (of_url, flag) => of_url.or(flag).unwrap_or(false),
    };
    let checksum = match (url.checksum, checksum) {
        (Some(of_url), Some(flag)) if of_url != flag => {
            return Err(GitUrlError(format!("checksum conflicts: {of_url:?} vs {flag:?}")));
        }
        (of_url, flag) => of_url.or(flag.map(str::to_owned)),
    };
    if let Some(checksum) = checksum.as_ref().filter(|checksum| !is_commit(checksum)) {
        return Err(GitUrlError(format!("invalid checksum {checksum:?}, expected hex commit hash")));
    }
    let GitUrl { remote, reference, subdir, skip_submodules, .. } = url;
    // A known commit is fetched if no branch or tag is named.
    let reference = reference.or_else(|| checksum.clone());
    Ok(Source::Git { remote, reference, subdir, keep_git_dir: keep, checksum, skip_submodules })
}

/// Reports whether a text is the hash of a commit or the beginning of one.
fn is_commit(text: &str) -> bool {
    (7..=64).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_hexdigit())
}

/// Parses a boolean as Go's `strconv.ParseBool` does.
pub fn go_bool(text: &str) -> Option<bool> {
    match text {
        "1" | "t" | "T" | "true" | "TRUE" | "True" => Some(true),
        "0" | "f" | "F" | "false" | "FALSE" | "False" => Some(false),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn git(text: &str) -> Option<GitUrl> {
        GitUrl::parse(text).expect("a URL without contradictions")
    }

    #[track_caller]
    fn check(text: &str, remote: &str, reference: Option<&str>, subdir: Option<&str>) {
        let expected = GitUrl {
            remote: remote.to_owned(),
            reference: reference.map(str::to_owned),
            subdir: subdir.map(str::to_owned),
            ..GitUrl::default()
        };
        assert_eq!(git(text), Some(expected), "{text}");
    }

    #[test]
    fn git_urls() {
        check("https://h/r.git", "https://h/r.git", None, None);
        check("https://h/r.git#v1:docs/", "https://h/r.git", Some("v1"), Some("docs"));
        check("https://h/r.git#:/docs", "https://h/r.git", None, Some("docs"));
        check("https://h/r.git?tag=v1", "https://h/r.git", Some("refs/tags/v1"), None);
        check("https://h/r.git?branch=b&subdir=a/b", "https://h/r.git", Some("refs/heads/b"), Some("a/b"));
        check("git@h:o/r#x", "git@h:o/r", Some("x"), None);
        check("git@h:o/r?branch=b", "git@h:o/r", Some("refs/heads/b"), None);
        check("git://h/r", "git://h/r", None, None);
        check("ssh://git@h/r", "ssh://git@h/r", None, None);
        assert!(git("https://h/r.git?submodules=0&mtime=commit").is_some_and(|url| url.skip_submodules));
        assert_eq!(git("https://h/file.tar"), None);
        assert_eq!(git("github.com/o/r"), None);
        assert_eq!(git("./r.git"), None);
        assert_eq!(git("a@b"), None);
        assert_eq!(git("--upload-pack@h:r"), None);
        assert_eq!(git("git@-oX:r"), None);
    }

    #[track_caller]
    fn fails(text: &str, flag: Option<bool>, checksum: Option<&str>, expected: &str) {
        let parsed = GitUrl::parse(text).and_then(|url| git_source(url.expect("a git URL"), flag, checksum));
        assert_eq!(parsed.expect_err("an error").to_string(), expected);
    }

    #[test]
    fn contradictions() {
        fails("https://h/r.git?tag=v1#v2", None, None, "ref conflicts: \"v2\" vs \"refs/tags/v1\"");
        fails("https://h/r.git?ref", None, None, "query \"ref\" has no value");
        fails("https://h/r.git?branch=&tag=v1", None, None, "query \"branch\" has no value");
        fails("https://h/r.git?x=1", None, None, "unexpected query \"x\"");
        fails("https://h/r.git?keep-git-dir", Some(false), None, "inconsistent keep-git-dir configuration");
        fails("https://h/r.git", None, Some("main"), "invalid checksum \"main\", expected hex commit hash");
        fails("https://h/r.git?submodules=x", None, None, "invalid submodules value: \"x\"");
        fails("https://h/r.git?mtime=x", None, None, "invalid mtime value: \"x\"");
    }
}
