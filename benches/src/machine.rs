//! Facts about the machine, which every result carries: processor, memory, kernel, file system, load.

use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::process::Command;

use crate::result::Machine;

/// Collects the facts; `load_after` is filled in at the end.
pub fn facts(dir: &Path) -> Machine {
    Machine {
        processor: field("/proc/cpuinfo", "model name"),
        cores: std::thread::available_parallelism().map_or(1, std::num::NonZero::get),
        memory_bytes: field("/proc/meminfo", "MemTotal")
            .split_whitespace()
            .next()
            .and_then(|kib| kib.parse::<u64>().ok())
            .unwrap_or(0)
            * 1024,
        kernel: fs::read_to_string("/proc/sys/kernel/osrelease").unwrap_or_default().trim().to_owned(),
        file_system: file_system(dir),
        load_before: load(),
        load_after: 0.0,
    }
}

/// Returns the type of the file system, and whether it is an ext4 without a journal.
///
/// Such an ext4 creates files many times more slowly for minutes after as many were removed (it looks at each removed inode
/// again for every new one), and between cold runs everything that a tool has is removed. Docker's cold row of 50,000 files
/// took 42 s there, and 21 s elsewhere.
fn file_system(dir: &Path) -> String {
    let kind =
        said(Command::new("findmnt").args(["--noheadings", "--output", "FSTYPE", "--target"]).arg(dir));
    match (kind.as_str(), has_journal(dir)) {
        ("ext4", Some(false)) => "ext4 without a journal".to_owned(),
        _ => kind,
    }
}

/// Reports whether the ext4 below `dir` has a journal; `None` for other file systems.
fn has_journal(dir: &Path) -> Option<bool> {
    let device = fs::metadata(dir).ok()?.dev();
    let (major, minor) = (rustix::fs::major(device), rustix::fs::minor(device));
    let link = fs::canonicalize(format!("/sys/dev/block/{major}:{minor}")).ok()?;
    let task = fs::read_to_string(Path::new("/sys/fs/ext4").join(link.file_name()?).join("journal_task"));
    Some(task.ok()?.trim() != "<none>")
}

/// Returns the load: the mean number of processes that wanted to run over the last minute.
pub fn load() -> f64 {
    let text = fs::read_to_string("/proc/loadavg").unwrap_or_default();
    text.split_whitespace().next().and_then(|first| first.parse().ok()).unwrap_or(0.0)
}

/// Returns the current time in UTC.
pub fn date() -> String {
    said(Command::new("date").args(["--utc", "+%Y-%m-%d %H:%M UTC"]))
}

/// Returns the commit of this checkout, `-dirty` if files differ from it; empty outside of a repository.
pub fn commit() -> String {
    let describe = ["describe", "--always", "--dirty", "--exclude", "*"];
    said(Command::new("git").arg("-C").arg(env!("CARGO_MANIFEST_DIR")).args(describe))
}

/// Returns the free space in GiB of the file system that holds `dir`.
pub fn free_gib(dir: &Path) -> Option<u64> {
    let stat = rustix::fs::statvfs(dir).ok()?;
    Some((stat.f_bavail * stat.f_frsize) >> 30)
}

fn field(file: &str, key: &str) -> String {
    let text = fs::read_to_string(file).unwrap_or_default();
    let line = text.lines().find_map(|line| line.strip_prefix(key)).unwrap_or_default();
    line.trim_start_matches([' ', '\t', ':']).to_owned()
}

fn said(command: &mut Command) -> String {
    let output = command.output().map(|output| output.stdout).unwrap_or_default();
    String::from_utf8_lossy(&output).trim().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_missing_journal_is_reported_for_ext4_only() {
        assert_eq!(file_system(Path::new("/proc")), "proc");
        assert_eq!(has_journal(Path::new("/proc")), None);
        let here = Path::new(env!("CARGO_MANIFEST_DIR"));
        assert_eq!(file_system(here).ends_with("without a journal"), has_journal(here) == Some(false));
    }
}
