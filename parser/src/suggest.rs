//! Suggestions ("did you mean"): the candidate closest to a misspelled word.
//!
//! Source: BuildKit, `util/suggest`, which follows HCL: at most two edits.

/// Maximum number of edits between a word and its suggestion.
const MAX_EDITS: usize = 2;

/// Maximum length of a word in characters; the comparison takes (length of the word) × (length of the candidate) steps.
const MAX_WORD_CHARS: usize = 64;

/// Returns the candidate closest to `word`, or `None` if none is close or `word` is itself a candidate.
///
/// Upper and lower case differ. If several candidates are equally close, the first one is returned.
pub fn suggest<'c>(word: &str, candidates: &[&'c str]) -> Option<&'c str> {
    if word.chars().count() > MAX_WORD_CHARS || candidates.contains(&word) {
        return None;
    }
    let distances = candidates.iter().map(|candidate| (distance(word, candidate), *candidate));
    let close = distances.filter(|(edits, _)| *edits <= MAX_EDITS);
    close.min_by_key(|(edits, _)| *edits).map(|(_, candidate)| candidate)
}

/// Does the same as [`suggest`] without regard to case.
///
/// The suggestion is in lower case if `word` is, otherwise in upper case.
pub fn suggest_ignoring_case(word: &str, candidates: &[&str]) -> Option<String> {
    let lower: Vec<String> = candidates.iter().map(|candidate| candidate.to_lowercase()).collect();
    let lower: Vec<&str> = lower.iter().map(String::as_str).collect();
    let found = suggest(&word.to_lowercase(), &lower)?;
    Some(if word == word.to_lowercase() { found.to_string() } else { found.to_uppercase() })
}

/// Returns the Levenshtein distance: the number of insertions, deletions and substitutions from one word to the other.
fn distance(from: &str, to: &str) -> usize {
    let to: Vec<char> = to.chars().collect();
    // Distances from the characters of `from` so far to each prefix of `to`.
    let mut row: Vec<usize> = (0..=to.len()).collect();
    for (index, from_char) in from.chars().enumerate() {
        let mut diagonal = row[0];
        row[0] = index + 1;
        for (column, to_char) in to.iter().enumerate() {
            let substituted = diagonal + usize::from(from_char != *to_char);
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
    fn the_closest_candidate_is_suggested() {
        check("foo", &["chmod", "chown", "from", "link"], Some("from"));
        check("mont", &["mount", "network"], Some("mount"));
        check("typ", &["type", "from"], Some("type"));
        check("tmp", &["bind", "cache", "tmpfs"], Some("tmpfs"));
        check("", &["id", "uid"], Some("id"));
    }

    #[test]
    fn distant_candidates_are_not_suggested() {
        check("LINK", &["link"], None);
        check("user", &["from"], None);
        check(&"x".repeat(100), &["x"], None);
    }

    #[test]
    fn a_correct_word_gets_no_suggestion() {
        check("link", &["link", "lint"], None);
    }

    #[test]
    fn the_suggestion_has_the_case_of_the_word() {
        let names = ["ADD", "CMD", "ENTRYPOINT", "RUN"];
        assert_eq!(suggest_ignoring_case("FNTRYPOINT", &names).as_deref(), Some("ENTRYPOINT"));
        assert_eq!(suggest_ignoring_case("RUNN", &names).as_deref(), Some("RUN"));
        assert_eq!(suggest_ignoring_case("rin", &names).as_deref(), Some("run"));
        assert_eq!(suggest_ignoring_case("INVALID", &names), None);
    }
}
