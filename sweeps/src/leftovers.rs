//! Processes, mounts and temporary files that a command leaves behind. The sweep is alone in its process namespace, so
//! that every other process comes from the binary under test.

use std::fs;
use std::path::Path;
use std::time::{Duration, Instant};

use crate::report::Fault;

/// Time in which processes of a killed command have to end.
const SETTLE: Duration = Duration::from_secs(3);

/// A process of the namespace.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Process {
    /// Process ID in the namespace of the sweep.
    pub pid: i32,
    /// Process ID of the parent.
    pub parent: i32,
    /// Command name, at most 15 bytes.
    pub name: String,
}

/// Returns all processes except zombies, kernel threads, process 1, this process and its parent.
pub fn processes() -> Vec<Process> {
    let own = i32::try_from(std::process::id()).unwrap_or_default();
    let entries = fs::read_dir("/proc").into_iter().flatten().flatten();
    let pids = entries.filter_map(|entry| entry.file_name().to_str()?.parse::<i32>().ok());
    let stats = pids.filter_map(|pid| parsed(&fs::read_to_string(format!("/proc/{pid}/stat")).ok()?));
    stats.filter(|process| process.pid != own && process.pid != 1).collect()
}

/// Parses a line of `/proc/<pid>/stat`; returns `None` for a zombie.
fn parsed(stat: &str) -> Option<Process> {
    let (pid, rest) = stat.split_once(" (")?;
    let (name, fields) = rest.rsplit_once(") ")?;
    let mut fields = fields.split(' ');
    let state = fields.next()?;
    let parent = fields.next()?.parse().ok()?;
    let process = Process { pid: pid.parse().ok()?, parent, name: name.to_owned() };
    (!matches!(state, "Z" | "X")).then_some(process)
}

/// Returns the descendants of a process, nearest first.
pub fn descendants(pid: i32) -> Vec<Process> {
    let all = processes();
    let mut found: Vec<Process> = Vec::new();
    let mut parents = vec![pid];
    while let Some(parent) = parents.pop() {
        let children = all.iter().filter(|process| process.parent == parent);
        children.for_each(|child| {
            parents.push(child.pid);
            found.push(child.clone());
        });
    }
    found
}

/// Waits until no process is left, and returns a fault for every process and mount that stays.
pub fn check(store: &Path) -> Vec<Fault> {
    let start = Instant::now();
    let mut left = processes();
    while !left.is_empty() && start.elapsed() < SETTLE {
        std::thread::sleep(Duration::from_millis(5));
        left = processes();
    }
    let mut faults = Vec::new();
    if !left.is_empty() {
        faults.push(Fault::new("a process is left behind", format!("{left:?}")));
        end(&left);
    }
    faults.extend(mounts(store).map(|line| Fault::new("a mount is left behind", line)));
    faults
}

/// Kills the processes, so that they do not disturb the next point.
fn end(processes: &[Process]) {
    for pid in processes.iter().filter_map(|process| rustix::process::Pid::from_raw(process.pid)) {
        // A process that has ended meanwhile needs no signal.
        let _ = rustix::process::kill_process(pid, rustix::process::Signal::KILL);
    }
}

/// Returns the lines of this namespace's mounts below the store.
fn mounts(store: &Path) -> impl Iterator<Item = String> {
    let text = fs::read_to_string("/proc/self/mountinfo").unwrap_or_default();
    let below = format!(" {}/", store.display());
    text.lines().filter(|line| line.contains(&below)).map(str::to_owned).collect::<Vec<_>>().into_iter()
}

/// Returns a fault if the store's directory of temporary files is not empty.
pub fn check_temporary(store: &Path) -> Vec<Fault> {
    let names = || fs::read_dir(store.join("tmp")).into_iter().flatten().flatten().count();
    // The next process that opens the store removes what a killed process left, in the background.
    let start = Instant::now();
    while names() > 0 && start.elapsed() < SETTLE {
        std::thread::sleep(Duration::from_millis(20));
    }
    let count = names();
    if count == 0 {
        Vec::new()
    } else {
        vec![Fault::new("temporary files are left behind", count.to_string())]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_can_hold_blanks_and_parentheses() {
        let expected = Process { pid: 12, parent: 3, name: "a) (b".to_owned() };
        assert_eq!(parsed("12 (a) (b) S 3 12 12 0"), Some(expected));
    }

    #[test]
    fn a_zombie_is_not_left_behind() {
        assert_eq!(parsed("12 (sh) Z 3 12 12 0"), None);
    }

    #[test]
    fn descendants_include_a_child() {
        let own = i32::try_from(std::process::id()).unwrap();
        let mut child = std::process::Command::new("sleep").arg("30").spawn().unwrap();
        let found = descendants(own).iter().any(|process| process.pid == child.id().cast_signed());
        child.kill().unwrap();
        child.wait().unwrap();
        assert!(found);
    }
}
