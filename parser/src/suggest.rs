//! "Did you mean": the candidate that a misspelt word is closest to.
//!
//! Source: BuildKit's `util/suggest`, which takes HCL's rule: a distance of at most two edits.

/// Distances from here on are too far to be a misspelling.
const TOO_FAR: usize = 3;

/// Longer words are no misspelling of anything, and comparing them would cost their square.
const LONGEST_WORD: usize = 64;

/// Returns the candidate closest to `word`, or `None` if none is near or one is the word itself.
///
/// Upper and lower case differ. Of equally close candidates the first wins.
pub fn suggest<'c>(word: &str, candidates: &[&'c str]) -> Option<&'c str> {
    if word.chars().count() > LONGEST_WORD || candidates.contains(&word) {
        return None;
    }
    let near = candidates.iter().map(|candidate| (distance(word, candidate), *candidate));
    near.filter(|(edits, _)| *edits < TOO_FAR).min_by_key(|(edits, _)| *edits).map(|(_, candidate)| candidate)
}

/// As [`suggest`], but ignores case; the answer has the case of `word`, if that has one.
pub fn suggest_ignoring_case(word: &str, candidates: &[&str]) -> Option<String> {
    let lower: Vec<String> = candidates.iter().map(|candidate| candidate.to_lowercase()).collect();
    let lower: Vec<&str> = lower.iter().map(String::as_str).collect();
    let found = suggest(&word.to_lowercase(), &lower)?;
    Some(if word == word.to_lowercase() { found.to_string() } else { found.to_uppercase() })
}

/// The number of insertions, deletions and substitutions that lead from one word to the other.
fn distance(from: &str, to: &str) -> usize {
    let to: Vec<char> = to.chars().collect();
    let mut row: Vec<usize> = (0..=to.len()).collect();
    for (done, have) in from.chars().enumerate() {
        let mut diagonal = row[0];
        row[0] = done + 1;
        for (column, want) in to.iter().enumerate() {
            let substituted = diagonal + usize::from(have != *want);
            diagonal = row[column + 1];
            row[column + 1] = substituted.min(diagonal + 1).min(row[column] + 1);
        }
    }
    row[to.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(word: &str, candidates: &[&str], expected: Option<&str>) {
        assert_eq!(suggest(word, candidates), expected, "{word}");
    }

    #[test]
    fn the_closest_candidate_is_found() {
        check("foo", &["chmod", "chown", "from", "link"], Some("from"));
        check("mont", &["mount", "network"], Some("mount"));
        check("typ", &["type", "from"], Some("type"));
        check("tmp", &["bind", "cache", "tmpfs"], Some("tmpfs"));
        check("LINK", &["link"], None);
        check("user", &["from"], None);
        check("link", &["link", "lint"], None);
        check("", &["id", "uid"], Some("id"));
        check(&"x".repeat(100), &["x"], None);
    }

    #[test]
    fn case_follows_the_word() {
        let names = ["ADD", "CMD", "ENTRYPOINT", "RUN"];
        assert_eq!(suggest_ignoring_case("FNTRYPOINT", &names).as_deref(), Some("ENTRYPOINT"));
        assert_eq!(suggest_ignoring_case("RUNN", &names).as_deref(), Some("RUN"));
        assert_eq!(suggest_ignoring_case("rin", &names).as_deref(), Some("run"));
        assert_eq!(suggest_ignoring_case("INVALID", &names), None);
    }
}
