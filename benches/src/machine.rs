//! Where it ran.

use std::fs;
use std::path::Path;
use std::process::Command;

use crate::result::Machine;

/// The facts; `load_after` is for later.
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
        file_system: said(
            Command::new("findmnt").args(["--noheadings", "--output", "FSTYPE", "--target"]).arg(dir),
        ),
        load_before: load(),
        load_after: 0.0,
    }
}

/// How many processes wanted to run, over the last minute.
pub fn load() -> f64 {
    let text = fs::read_to_string("/proc/loadavg").unwrap_or_default();
    text.split_whitespace().next().and_then(|first| first.parse().ok()).unwrap_or(0.0)
}

/// Now, in UTC.
pub fn date() -> String {
    said(Command::new("date").args(["--utc", "+%Y-%m-%d %H:%M UTC"]))
}

/// What is checked out here, and whether it was changed since; empty if this is no repository.
pub fn commit() -> String {
    let describe = ["describe", "--always", "--dirty", "--exclude", "*"];
    said(Command::new("git").arg("-C").arg(env!("CARGO_MANIFEST_DIR")).args(describe))
}

/// Room in a folder's file system, in GiB.
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
