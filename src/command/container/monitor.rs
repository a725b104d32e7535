//! Starting the monitor of a container, and being one: the hidden command `__monitor`.
//!
//! The monitor inherits the connection of its first client as its stdin. Its stderr is a file in memory: warnings if the
//! container starts, the failure if it does not.

use std::fs::File;
use std::io::{Read, Seek};
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::net::UnixStream;
use std::os::unix::process::CommandExt;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::time::Duration;

use rootfs::layers::Layers;
use runner::client::{Attached, Connection};
use runner::container::Container;
use runner::protocol::Request;
use runner::{RunnerError, launch};
use sandbox::SandboxError;

use crate::environment;
use crate::exit::Fault;
use crate::failure::{Failure, PRIVATE_NETWORK_HINT};
use crate::output;
use crate::setup::store;
use cli::container::MonitorArgs;

/// Time that a monitor gets to end after its last client was told the end, before it is left to itself.
const LAST_BREATH: Duration = Duration::from_millis(200);

/// A monitor that this process has started.
pub struct Monitor(Child);

/// Starts a container, with a client that asks for `request`. Returns once it runs; its failure to start is returned.
pub fn start(container: &Container, request: &Request) -> Result<(Attached, Monitor), Failure> {
    if container.is_running() {
        return Err(Failure::input(format!("container {} is running", container.config.name)));
    }
    let (ours, theirs) = UnixStream::pair()?;
    let errors = memory_file()?;
    let mut command = Command::new("/proc/self/exe");
    command
        .arg0("dsbuild")
        .args(["__monitor", &container.config.id])
        .env_clear()
        .envs(environment::of_monitor()?)
        .stdin(OwnedFd::from(theirs))
        .stdout(Stdio::null())
        .stderr(errors.try_clone()?)
        .process_group(0)
        .current_dir("/");
    let mut child = command.spawn()?;
    drop(command);
    let connection = Connection::of(ours, &container.config.name)?;
    let mut attached = Attached::new(connection, request);
    if attached.wait_for_start()? {
        // The monitor wrote warnings only.
        read_all(errors)?.lines().for_each(output::note);
        return Ok((attached, Monitor(child)));
    }
    let status = child.wait()?;
    let report = read_all(errors)?;
    let title = report.trim().trim_start_matches("error: ").to_owned();
    Err(Failure::new(Fault::of_unstarted(status.code().unwrap_or(1)), title))
}

impl Monitor {
    /// Waits for the end of the monitor of a container that has ended, so that no zombie is left.
    pub fn reap(mut self) {
        const POLL: Duration = Duration::from_millis(1);
        let begin = std::time::Instant::now();
        while matches!(self.0.try_wait(), Ok(None)) && begin.elapsed() < LAST_BREATH {
            std::thread::sleep(POLL);
        }
    }
}

/// Becomes the monitor of a container until that has ended.
pub fn run(args: &MonitorArgs) -> Result<u8, Failure> {
    // The name is for `ps` only.
    let _ = rustix::thread::set_name(c"dsbuild-monitor");
    // Before any thread exists: mounts made from here on disappear with this process.
    sandbox::privilege::enter()?;
    let client = UnixStream::from(std::io::stdin().as_fd().try_clone_to_owned()?);
    let null = File::options().read(true).write(true).open("/dev/null")?;
    rustix::stdio::dup2_stdin(&null)?;
    let _ = rustix::process::setsid();
    let store = Arc::new(store::open()?);
    let container = Container::find(&store, &args.id)?;
    let layers = Layers::new(Arc::clone(&store));
    let mut started = |no_private_network: Option<&str>| {
        if let Some(reason) = no_private_network {
            output::note(&format!("warning: the container uses this machine's network: {reason}"));
        }
        if let Some(note) = layers.take_copying_note() {
            output::note(&format!("warning: {note}"));
        }
        let _ = rustix::stdio::dup2_stderr(&null);
    };
    runner::monitor::run(container, &layers, client, &mut started).map_err(|error| unstarted(&error))?;
    Ok(0)
}

fn unstarted(error: &RunnerError) -> Failure {
    let failure = Failure::of(Fault::of_unstarted(launch::unstarted_exit_code(error)), error);
    match error {
        RunnerError::Sandbox(SandboxError::Network { .. }) => failure.hint(PRIVATE_NETWORK_HINT),
        _ => failure,
    }
}

/// Returns a file in memory.
fn memory_file() -> Result<File, Failure> {
    let name = rustix::fs::memfd_create("monitor errors", rustix::fs::MemfdFlags::CLOEXEC)?;
    Ok(File::from(name))
}

fn read_all(mut file: File) -> Result<String, Failure> {
    let mut text = String::new();
    file.rewind()?;
    file.read_to_string(&mut text)?;
    Ok(text)
}
