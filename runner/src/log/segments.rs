//! The files of a log: `log`, then `log.1`, `log.2` and so on, the newest with the largest number.

use std::io;
use std::path::{Path, PathBuf};

/// Name of the first segment.
const FIRST: &str = "log";

/// Returns the path of a segment in the directory of its container.
pub(super) fn path(dir: &Path, number: u64) -> PathBuf {
    if number == 0 { dir.join(FIRST) } else { dir.join(format!("{FIRST}.{number}")) }
}

/// Lists the numbers of the segments that exist, the oldest first.
pub(super) fn list(dir: &Path) -> io::Result<Vec<u64>> {
    let mut numbers = Vec::new();
    for entry in std::fs::read_dir(dir)? {
        numbers.extend(entry?.file_name().to_str().and_then(number_of));
    }
    numbers.sort_unstable();
    Ok(numbers)
}

/// Reports whether a file of a container is a segment of its log.
pub(crate) fn is_segment_name(name: &str) -> bool {
    number_of(name).is_some()
}

fn number_of(name: &str) -> Option<u64> {
    match name.strip_prefix(FIRST)? {
        "" => Some(0),
        rest => rest.strip_prefix('.')?.parse().ok(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_segment_is_known_by_its_name() {
        let check = |name: &str, expected: Option<u64>| assert_eq!(number_of(name), expected, "{name}");
        check("log", Some(0));
        check("log.12", Some(12));
        check("log.tmp", None);
        check("lock", None);
        check("state.json", None);
    }
}
