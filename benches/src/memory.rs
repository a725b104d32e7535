//! Memory of running processes, read from `/proc`. A process that has ended counts as 0 bytes.

use std::fs;

/// Returns the resident memory of the processes now, added up.
pub fn resident_bytes(pids: &[u32]) -> u64 {
    pids.iter().map(|&pid| status_bytes(pid, "VmRSS:")).sum()
}

/// Returns the largest resident memory of each process since [`forget_peak`], added up.
pub fn peak_bytes(pids: &[u32]) -> u64 {
    pids.iter().map(|&pid| status_bytes(pid, "VmHWM:")).sum()
}

/// Resets the peaks of the processes to their memory now.
pub fn forget_peak(pids: &[u32]) {
    for pid in pids {
        // Without the right to do this the peak is that since the start of the process.
        let _ = fs::write(format!("/proc/{pid}/clear_refs"), "5");
    }
}

/// The children of a process.
pub fn children(pid: u32) -> Vec<u32> {
    let tasks = fs::read_dir(format!("/proc/{pid}/task")).into_iter().flatten().filter_map(Result::ok);
    let lists = tasks.filter_map(|task| fs::read_to_string(task.path().join("children")).ok());
    lists
        .flat_map(|list| list.split_whitespace().filter_map(|pid| pid.parse().ok()).collect::<Vec<_>>())
        .collect()
}

fn status_bytes(pid: u32, key: &str) -> u64 {
    let status = fs::read_to_string(format!("/proc/{pid}/status")).unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix(key)).unwrap_or_default();
    line.split_whitespace().next().and_then(|kib| kib.parse::<u64>().ok()).unwrap_or(0) * 1024
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn our_own_memory_is_found() {
        let own = [std::process::id()];
        let now = resident_bytes(&own);
        assert!(now > 100_000 && peak_bytes(&own) >= now);
        assert_eq!(resident_bytes(&[u32::MAX]), 0);
    }

    #[test]
    fn a_child_is_found() {
        let mut child = std::process::Command::new("sleep").arg("60").spawn().unwrap();
        assert!(children(std::process::id()).contains(&child.id()));
        child.kill().unwrap();
        child.wait().unwrap();
        assert!(!children(std::process::id()).contains(&child.id()));
    }
}
