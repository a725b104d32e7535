//! The time of a commit, from its object.

use super::command::Git;
use super::error::GitError;

/// Returns the time of the committer, in seconds since 1970.
pub(super) fn time(git: &Git<'_>, commit: &str) -> Result<i64, GitError> {
    let object = git.run("read the commit", &["cat-file", "commit", commit])?;
    time_of(&object).ok_or_else(|| GitError::Tree { reason: "it has no time".to_owned() })
}

/// Parses the time in a commit object, whose headers end with the first empty line.
fn time_of(object: &[u8]) -> Option<i64> {
    let mut headers = object.split(|&byte| byte == b'\n').take_while(|line| !line.is_empty());
    let line = headers.find(|line| line.starts_with(b"committer "))?;
    // `committer Name <mail> 1700000000 +0100`: a name can hold any character, but the end of the line is fixed.
    let end = line.iter().rposition(|&byte| byte == b'>')?;
    std::str::from_utf8(&line[end + 1..]).ok()?.split_whitespace().next()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_time_is_that_of_the_committer() {
        let check = |text: &str, expected| assert_eq!(time_of(text.as_bytes()), expected, "{text}");
        check(
            "tree x\nauthor A <a> 1 +0000\ncommitter B C <b@c> 1700000000 +0100\n\ntext",
            Some(1_700_000_000),
        );
        check("tree x\ncommitter B > 5 <b> -7 +0000\n\n", Some(-7));
        check("tree x\n\ncommitter B <b> 5 +0000\n", None);
        check("committer B <b>\n", None);
        check("", None);
    }
}
