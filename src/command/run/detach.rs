//! Starting the monitor of a container in the background, and learning whether the container started.

use std::fs::File;
use std::io::{BufRead, BufReader, Read, Write};
use std::os::fd::OwnedFd;
use std::os::unix::process::CommandExt;
use std::process::{Command, Stdio};

use runner::container::Container;

use crate::environment;
use crate::exit::Fault;
use crate::failure::Failure;
use crate::output;

/// Line that the monitor writes to its stdout when the container runs.
const STARTED: &str = "started";

/// Starts `dsbuild __monitor ID` and waits until the container runs. Its failure to start is returned.
pub fn start_monitor(container: &Container) -> Result<(), Failure> {
    let (reader, writer) = std::io::pipe()?;
    let errors = tempfile()?;
    let mut command = Command::new("/proc/self/exe");
    command
        .args(["__monitor", &container.config.id])
        .env_clear()
        .envs(environment::of_monitor()?)
        .stdin(Stdio::null())
        .stdout(OwnedFd::from(writer))
        .stderr(errors.try_clone()?)
        .process_group(0)
        .current_dir("/");
    let mut child = command.spawn()?;
    drop(command);
    let mut line = String::new();
    BufReader::new(reader).read_line(&mut line)?;
    if line.trim_end() == STARTED {
        // The monitor wrote warnings only.
        read_all(errors)?.lines().for_each(output::note);
        return Ok(());
    }
    let status = child.wait()?;
    let report = read_all(errors)?;
    let title = report.trim().trim_start_matches("error: ").to_owned();
    Err(Failure::new(Fault::of_unstarted(status.code().unwrap_or(1)), title))
}

/// Reports to [`start_monitor`] that the container runs, and leaves its terminal and session.
pub fn report_started() {
    let mut out = std::io::stdout().lock();
    // The container runs even if the process that started it has gone away.
    let _ = writeln!(out, "{STARTED}").and_then(|()| out.flush());
    if let Ok(null) = File::options().read(true).write(true).open("/dev/null") {
        let _ = rustix::stdio::dup2_stdout(&null);
        let _ = rustix::stdio::dup2_stderr(&null);
    }
    let _ = rustix::process::setsid();
}

/// Returns a file in memory.
fn tempfile() -> Result<File, Failure> {
    let name = rustix::fs::memfd_create("monitor errors", rustix::fs::MemfdFlags::CLOEXEC)?;
    Ok(File::from(name))
}

fn read_all(mut file: File) -> Result<String, Failure> {
    use std::io::Seek as _;
    let mut text = String::new();
    file.rewind()?;
    file.read_to_string(&mut text)?;
    Ok(text)
}
