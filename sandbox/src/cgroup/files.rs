//! Reading and writing the files of a control group.

use std::fs::{self, File};
use std::io::{self, Write};
use std::path::Path;

use super::limits::Setting;

/// Writes a value in one piece, as the kernel demands.
pub(super) fn write(dir: &Path, name: &str, value: &str) -> io::Result<()> {
    File::options().write(true).open(dir.join(name))?.write_all(value.as_bytes())
}

/// Writes a setting into the group `dir`. An optional one is left out where the kernel lacks its file.
pub(super) fn apply(dir: &Path, setting: &Setting) -> io::Result<()> {
    let exists = |name: &&&str| dir.join(**name).exists();
    match setting.files.iter().find(exists) {
        Some(name) => write(dir, name, &setting.value),
        None if setting.is_optional => Ok(()),
        None => Err(io::Error::other(format!("this kernel has no {}", setting.files[0]))),
    }
}

/// Returns the text of a file without blanks around it; empty if it cannot be read.
pub(super) fn read(dir: &Path, name: &str) -> String {
    fs::read_to_string(dir.join(name)).unwrap_or_default().trim().to_owned()
}

/// Returns the number that is all of a file; `None` for `max` and for a file that cannot be read.
pub(super) fn number(dir: &Path, name: &str) -> Option<u64> {
    read(dir, name).parse().ok()
}

/// Returns the number after `name` in a file of lines `NAME NUMBER`; 0 if no line has that name.
pub(super) fn count(dir: &Path, file: &str, name: &str) -> u64 {
    let number = |line: &str| line.strip_prefix(name)?.strip_prefix(' ')?.trim().parse().ok();
    read(dir, file).lines().find_map(number).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn events_are_counted_by_their_whole_name() {
        let dir = tempfile::tempdir().unwrap();
        fs::write(dir.path().join("memory.events"), "low 0\noom 3\noom_kill 2\noom_group_kill 1\n").unwrap();
        let counted = |name| count(dir.path(), "memory.events", name);
        assert_eq!([counted("oom"), counted("oom_kill"), counted("max")], [3, 2, 0]);
        assert_eq!(count(dir.path(), "absent", "oom"), 0);
    }
}
