//! Sources of ADD that are not in a context: URLs and git repositories.
//!
//! Source: BuildKit, `util/gitutil` and `frontend/dockerfile/dfgitutil`.

use graph::git_url::GitUrl;
use graph::url::percent_decoded;
use graph::{Source, paths};
use oci::Digest;

use crate::error::Problem;

/// Kind of a source of COPY or ADD.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum SourceKind {
    /// A path in a context or stage.
    Path,
    /// URL of a file that is fetched by HTTP(S).
    Http,
    /// URL of a git repository.
    Git(GitUrl),
}

/// Returns the kind of `source`, which follows from how it is written.
pub(super) fn kind(source: &str) -> Result<SourceKind, Problem> {
    match GitUrl::parse(source)? {
        Some(url) => Ok(SourceKind::Git(url)),
        None if is_http(source) => Ok(SourceKind::Http),
        None => Ok(SourceKind::Path),
    }
}

fn is_http(source: &str) -> bool {
    source.starts_with("http://") || source.starts_with("https://")
}

/// Creates the source operation for a file that is fetched by HTTP(S).
pub(super) fn http_source(url: &str, checksum: Option<&str>) -> Result<Source, Problem> {
    let checksum = checksum.map(digest).transpose()?;
    Ok(Source::Http { url: url.to_owned(), filename: file_name(url), checksum })
}

fn digest(text: &str) -> Result<Digest, Problem> {
    match text.split_once(':') {
        Some((algorithm @ ("sha384" | "sha512"), _)) => {
            Err(Problem::ChecksumAlgorithm { algorithm: algorithm.to_owned() })
        }
        _ => text.parse().map_err(|_| Problem::BadChecksum { checksum: text.to_owned() }),
    }
}

/// Returns the last part of a URL's path, or `__unnamed__` if that is not a file name.
fn file_name(url: &str) -> String {
    let path = url.split(['?', '#']).next().unwrap_or_default();
    let path = path.split_once("://").and_then(|(_, rest)| rest.split_once('/')).map_or("", |(_, path)| path);
    let decoded = String::from_utf8_lossy(&percent_decoded(path)).into_owned();
    let name = paths::base_name(&decoded).filter(|name| !name.contains('\0'));
    name.unwrap_or("__unnamed__").to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn names(url: &str, expected: &str) {
        assert_eq!(file_name(url), expected, "{url}");
    }

    #[test]
    fn the_file_name_is_the_last_part_of_the_path() {
        names("https://h/a/b.tar?x=/y#z", "b.tar");
        names("https://h/a%20b", "a b");
        names("https://h/a%2fb", "b");
        names("https://h/a/..", "__unnamed__");
        names("https://h/%2e%2e", "__unnamed__");
        names("https://h/", "__unnamed__");
        names("https://h", "__unnamed__");
        names("https://h/%zz", "%zz");
    }

    #[test]
    fn a_checksum_must_be_a_sha256_digest() {
        let good = format!("sha256:{}", "a".repeat(64));
        assert!(http_source("https://h/f", Some(&good)).is_ok());
        let error = |checksum| http_source("https://h/f", Some(checksum)).expect_err("an error").to_string();
        assert_eq!(error("sha512:aa"), "unsupported digest algorithm \"sha512\"");
        assert_eq!(error("nonsense"), "invalid checksum digest format: \"nonsense\"");
    }
}
