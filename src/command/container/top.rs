//! `dsbuild top`: the processes of a container.

use std::time::{Duration, SystemTime};

use runner::top::{ProcessRow, processes};

use super::find::find;
use super::ls::moment;
use crate::failure::Failure;
use crate::output;
use cli::container::TopArgs;

/// Clock ticks in a second, on every machine that Linux runs on (`USER_HZ`).
const TICKS: u64 = 100;

/// Lists processes in the columns of `ps -ef`, as docker does.
pub fn run(args: &TopArgs) -> Result<u8, Failure> {
    let rows = processes(&find(&args.container)?)?;
    let boot = boot_time();
    let header = ["UID", "PID", "PPID", "C", "STIME", "TTY", "TIME", "CMD"].map(str::to_owned).to_vec();
    let lines = std::iter::once(header).chain(rows.iter().map(|row| columns(row, boot)));
    output::lines(&printable::table::render(lines));
    Ok(0)
}

fn columns(row: &ProcessRow, boot: SystemTime) -> Vec<String> {
    let user = nix::unistd::User::from_uid(row.uid.into()).ok().flatten();
    let seconds = row.time_ticks / TICKS;
    let started = boot + Duration::from_millis(row.started_ticks * 1000 / TICKS);
    let date = output::date(started);
    vec![
        user.map_or_else(|| row.uid.to_string(), |user| user.name),
        row.pid.to_string(),
        row.parent.to_string(),
        "0".to_owned(),
        date.get(11..16).unwrap_or_default().to_owned(),
        if row.terminal == 0 { "?".to_owned() } else { format!("pts/{}", row.terminal & 0xff) },
        format!("{:02}:{:02}:{:02}", seconds / 3600, seconds / 60 % 60, seconds % 60),
        output::sanitized(&row.command),
    ]
}

/// Returns the time at which the machine was started.
fn boot_time() -> SystemTime {
    let uptime = rustix::time::clock_gettime(rustix::time::ClockId::Boottime);
    let uptime = Duration::new(u64::try_from(uptime.tv_sec).unwrap_or(0), 0);
    moment(output::now_ms()) - uptime
}
