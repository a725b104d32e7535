//! Made-up names of containers: an adjective and the surname of somebody who made computing what it is.

use std::collections::BTreeSet;

use crate::RunnerError;

const ADJECTIVES: [&str; 64] = [
    "able", "amber", "ample", "apt", "avid", "blithe", "bold", "brave", "brisk", "bright", "calm", "candid",
    "cheery", "civil", "clever", "cosy", "crisp", "daring", "deft", "eager", "earnest", "easy", "fair",
    "fleet", "fond", "frank", "fresh", "gentle", "glad", "golden", "grand", "handy", "happy", "hardy",
    "honest", "humble", "jolly", "keen", "kind", "lively", "loyal", "lucid", "mellow", "merry", "mild",
    "modest", "neat", "nimble", "noble", "patient", "placid", "polite", "quick", "quiet", "ready", "serene",
    "sharp", "steady", "sunny", "tidy", "trusty", "vivid", "warm", "wise",
];

const SURNAMES: [&str; 64] = [
    "allen",
    "babbage",
    "backus",
    "bartik",
    "berners",
    "boole",
    "borg",
    "brooks",
    "cerf",
    "church",
    "clarke",
    "codd",
    "conway",
    "curry",
    "dahl",
    "diffie",
    "dijkstra",
    "easley",
    "eckert",
    "engelbart",
    "estrin",
    "floyd",
    "gauss",
    "goldberg",
    "goedel",
    "granville",
    "hamilton",
    "hamming",
    "hellman",
    "hilbert",
    "hoare",
    "holberton",
    "hopper",
    "huffman",
    "iverson",
    "jackson",
    "johnson",
    "karp",
    "kay",
    "keller",
    "kleene",
    "knuth",
    "lamarr",
    "lamport",
    "liskov",
    "lovelace",
    "mauchly",
    "mccarthy",
    "meitner",
    "milner",
    "minsky",
    "naur",
    "neumann",
    "noether",
    "nygaard",
    "perlman",
    "post",
    "ritchie",
    "scott",
    "shannon",
    "thompson",
    "turing",
    "wilkes",
    "zuse",
];

/// Returns a name that no container has: `brisk_hopper`, with a number if chance does not find a free one.
pub(super) fn free_name(taken: &BTreeSet<String>) -> Result<String, RunnerError> {
    for attempt in 0_u32.. {
        let bytes = super::random::<3>()?;
        let mut name = name_of(bytes);
        if attempt >= 8 {
            name.push_str(&bytes[2].to_string());
        }
        if !taken.contains(&name) {
            return Ok(name);
        }
    }
    unreachable!("every name is taken only in a store with more containers than numbers")
}

fn name_of(bytes: [u8; 3]) -> String {
    let pick = |list: &[&'static str; 64], byte: u8| list[usize::from(byte) % list.len()];
    format!("{}_{}", pick(&ADJECTIVES, bytes[0]), pick(&SURNAMES, bytes[1]))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_word_is_there_once() {
        for list in [ADJECTIVES, SURNAMES] {
            assert_eq!(list.iter().collect::<BTreeSet<_>>().len(), 64);
        }
    }

    #[test]
    fn a_name_that_is_taken_is_not_given_again() {
        let all = || ADJECTIVES.iter().flat_map(|one| SURNAMES.iter().map(move |two| format!("{one}_{two}")));
        let mut taken: BTreeSet<String> = all().collect();
        assert!(!taken.contains(&free_name(&taken).expect("random bytes")));
        taken.remove("wise_turing");
        assert!(!free_name(&taken).expect("random bytes").is_empty());
    }
}
