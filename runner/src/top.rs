//! The processes of a container, as this machine sees them.

use std::fs;
use std::path::Path;

use crate::RunnerError;
use crate::container::{Container, Status};
use crate::error::io_error;

/// A process of a container.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProcessRow {
    /// User ID, as this machine numbers it.
    pub uid: u32,
    /// Process ID, as this machine numbers it.
    pub pid: u32,
    /// Process ID of the parent.
    pub parent: u32,
    /// Start, in clock ticks since boot.
    pub started_ticks: u64,
    /// Terminal as the kernel numbers it; 0 without one.
    pub terminal: u32,
    /// Time on processors, in clock ticks.
    pub time_ticks: u64,
    /// Program and its arguments.
    pub command: String,
}

/// Lists the processes of a container that runs, by their IDs: all that are in the pid namespace of its first process.
pub fn processes(container: &Container) -> Result<Vec<ProcessRow>, RunnerError> {
    let name = || container.config.name.clone();
    let (Status::Running | Status::Paused, Some(first)) = (container.status(), container.state().pid) else {
        return Err(RunnerError::NotRunning { name: name() });
    };
    let namespace = |pid: &str| fs::read_link(format!("/proc/{pid}/ns/pid"));
    let own = namespace(&first.to_string());
    let own = own.map_err(io_error("look at the processes of", Path::new(&name())))?;
    let mut rows = Vec::new();
    for entry in fs::read_dir("/proc").map_err(io_error("read", Path::new("/proc")))?.filter_map(Result::ok) {
        let Some(pid) = entry.file_name().to_str().map(str::to_owned) else { continue };
        // A process can end at any moment.
        if pid.parse::<u32>().is_ok() && namespace(&pid).is_ok_and(|other| other == own) {
            rows.extend(row(&pid));
        }
    }
    rows.sort_by_key(|row| row.pid);
    Ok(rows)
}

/// Source: proc_pid_stat(5), proc_pid_status(5), proc_pid_cmdline(5).
fn row(pid: &str) -> Option<ProcessRow> {
    let read = |name: &str| fs::read_to_string(format!("/proc/{pid}/{name}")).ok();
    let stat = read("stat")?;
    let (head, rest) = stat.rsplit_once(')')?;
    let fields: Vec<&str> = rest.split_whitespace().collect();
    let field = |index: usize| fields.get(index)?.parse::<u64>().ok();
    let status = read("status")?;
    let uid =
        status.lines().find_map(|line| line.strip_prefix("Uid:")?.split_whitespace().nth(1)?.parse().ok())?;
    let command = read("cmdline").unwrap_or_default().trim_end_matches('\0').replace('\0', " ");
    let name = head.split_once('(').map_or("", |(_, name)| name);
    Some(ProcessRow {
        uid,
        pid: pid.parse().ok()?,
        parent: u32::try_from(field(1)?).ok()?,
        started_ticks: field(19)?,
        terminal: fields.get(4)?.parse::<i64>().ok().and_then(|tty| u32::try_from(tty).ok()).unwrap_or(0),
        time_ticks: field(11)? + field(12)?,
        command: if command.is_empty() { format!("[{name}]") } else { command },
    })
}
