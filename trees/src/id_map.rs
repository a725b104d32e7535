//! The user and group IDs that this process can give to files: those of its user namespace.
//!
//! Source: user_namespaces(7), "User and group ID mappings".

use std::io;
use std::ops::Range;

/// Ranges of IDs: first ID inside, first ID outside and length, in each line.
pub const UID_MAP: &str = "/proc/self/uid_map";
const GID_MAP: &str = "/proc/self/gid_map";

/// User and group IDs of a user namespace, as ranges.
#[derive(Debug)]
pub struct IdMap {
    users: Vec<Range<u64>>,
    groups: Vec<Range<u64>>,
}

impl IdMap {
    /// Returns the IDs of the user namespace of this process.
    pub fn current() -> io::Result<Self> {
        Ok(Self {
            users: ranges(&std::fs::read_to_string(UID_MAP)?),
            groups: ranges(&std::fs::read_to_string(GID_MAP)?),
        })
    }

    /// Reports whether a file can have this owner.
    pub fn contains(&self, uid: u32, gid: u32) -> bool {
        let has = |ranges: &[Range<u64>], id: u32| ranges.iter().any(|range| range.contains(&id.into()));
        has(&self.users, uid) && has(&self.groups, gid)
    }

    /// Returns the number of user IDs.
    pub fn user_count(&self) -> u64 {
        self.users.iter().map(|range| range.end - range.start).sum()
    }
}

/// Returns the ranges of IDs inside. A line that has another form counts for nothing.
fn ranges(map: &str) -> Vec<Range<u64>> {
    let range = |line: &str| {
        let numbers: Vec<u64> = line.split_whitespace().filter_map(|word| word.parse().ok()).collect();
        let [inside, _, length] = numbers[..] else { return None };
        Some(inside..inside + length)
    };
    map.lines().filter_map(range).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(map: &str, inside: &[u32], outside: &[u32], count: u64) {
        let map = IdMap { users: ranges(map), groups: ranges(map) };
        assert!(inside.iter().all(|id| map.contains(*id, *id)), "{map:?}");
        assert!(outside.iter().all(|id| !map.contains(*id, 0) && !map.contains(0, *id)), "{map:?}");
        assert_eq!(map.user_count(), count);
    }

    #[test]
    fn the_ids_inside_count() {
        check("0 1000 1\n1 100000 65536\n", &[0, 1, 65_536], &[65_537, 100_000, 2_000_000], 65_537);
        check("         0          0 4294967295\n", &[0, 2_000_000], &[u32::MAX], 4_294_967_295);
        check("0 1000 1\nbroken\n", &[0], &[1, 1000], 1);
    }
}
