//! Freezing all processes of a group, and letting them go on.

use std::io;
use std::path::Path;
use std::time::{Duration, Instant};

use super::files::{count, read, write};

/// Longest time until all processes stand still, and the pause between two looks at them.
const PATIENCE: Duration = Duration::from_secs(5);
const PAUSE: Duration = Duration::from_millis(2);

/// Freezes the group `dir`, or lets its processes go on, and waits until that is done.
pub(super) fn set(dir: &Path, is_frozen: bool) -> io::Result<()> {
    let is_first = dir.join("freezer.state").exists();
    let begun = Instant::now();
    loop {
        // In version 1, a process that appears at the wrong moment keeps a group from freezing until it is told again.
        match (is_first, is_frozen) {
            (true, true) => write(dir, "freezer.state", "FROZEN")?,
            (true, false) => write(dir, "freezer.state", "THAWED")?,
            (false, true) => write(dir, "cgroup.freeze", "1")?,
            (false, false) => write(dir, "cgroup.freeze", "0")?,
        }
        let state = read(dir, "freezer.state");
        let is_done = match (is_first, is_frozen) {
            (true, true) => state == "FROZEN",
            (true, false) => state == "THAWED",
            (false, _) => (count(dir, "cgroup.events", "frozen") == 1) == is_frozen,
        };
        if is_done {
            return Ok(());
        }
        if begun.elapsed() > PATIENCE {
            // Half of the processes standing still is nobody's wish.
            if is_frozen {
                set(dir, false)?;
            }
            return Err(io::ErrorKind::TimedOut.into());
        }
        std::thread::sleep(PAUSE);
    }
}
