//! Git URLs of ADD and of contexts.

use graph::git_url::{GitUrl, git_source};

/// Checks these properties:
///
/// - A directory of a repository is relative and has no `..`, so that it stays in the repository.
/// - The URL that git is called with does not look like an option of git.
/// - A source is made of a URL and the flags of ADD, or the error says which of them disagree.
pub fn check(input: &[u8]) {
    let text = String::from_utf8_lossy(input);
    let Ok(Some(url)) = GitUrl::parse(&text) else { return };
    assert!(!url.remote.starts_with('-'), "{:?}", url.remote);
    assert!(text.starts_with(&url.remote));
    if let Some(subdir) = &url.subdir {
        assert!(subdir.split('/').all(|part| !matches!(part, "" | "." | "..")), "{subdir:?}");
    }
    assert_ne!(url.reference.as_deref(), Some(""));
    for keep_git_dir in [None, Some(true), Some(false)] {
        match git_source(url.clone(), keep_git_dir, None) {
            Ok(source) => {
                assert_eq!(Ok(source), git_source(url.clone(), keep_git_dir, url.checksum.as_deref()))
            }
            Err(error) => assert!(!error.0.is_empty()),
        }
    }
}
