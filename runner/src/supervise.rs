//! The monitor's work: starting a container and watching over it until it has ended.
//!
//! The container lives as long as the calling process: see [`sandbox::spawn`].

use std::fs::File;
use std::os::fd::OwnedFd;
use std::path::Path;

use rootfs::layers::Layers;
use rootfs::snapshot::{Snapshot, bind_host};
use sandbox::network::{Connecting, SharedNetwork};
use sandbox::{
    Capabilities, Exit, Limits, LimitsReached, Mount, MountSource, Network, PortMap, Process, ProcessUser,
    Running, SandboxError, Seccomp, Spec, Stdio,
};
use users::User;

use crate::RunnerError;
use crate::clock::now_ms;
use crate::container::{
    Container, ContainerConfig, ContainerState, MonitorLock, NetworkMode, Publish, Volume,
};
use crate::error::io_error;
use crate::log::{LogWriter, STDERR, STDOUT};
use crate::signal::started_ticks;
use crate::volume;

/// A running container that this process watches over. Dropping it kills the container.
pub struct Supervised {
    container: Container,
    running: Running,
    state: ContainerState,
    no_private_network: Option<String>,
    // Fields are dropped in order: after the process its network, then its files, then its lock.
    _network: Network,
    _snapshot: Snapshot,
    _lock: MonitorLock,
}

/// End of a container.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Ended {
    /// Exit code as a shell reports it: for a signal, 128 and its number.
    pub code: i32,
    /// Limits that the container has run into.
    pub limits_reached: LimitsReached,
}

/// Standard streams of a container.
#[derive(Debug)]
pub enum Streams {
    /// Output goes to the log, and input is empty.
    Log,
    /// Three descriptors of the caller. Nothing goes to the log.
    Files {
        /// Descriptor that the process reads as standard input.
        stdin: OwnedFd,
        /// Descriptor that the process writes to as standard output.
        stdout: OwnedFd,
        /// Descriptor that the process writes to as standard error.
        stderr: OwnedFd,
    },
    /// A terminal, whose other end [`Supervised::take_terminal`] returns.
    Terminal,
}

/// Starts `container`. If that fails, the error is also written to its state.
pub fn start(container: Container, layers: &Layers, streams: Streams) -> Result<Supervised, RunnerError> {
    let lock = container.watch()?;
    match launch(&container, layers, streams) {
        Ok(Launched { running, snapshot, network, no_private_network }) => {
            let pid = running.pid();
            let state = ContainerState {
                pid: Some(pid),
                pid_started_ticks: started_ticks(pid),
                started_ms: Some(now_ms()),
                ..ContainerState::default()
            };
            container.save_state(&state)?;
            // A container that runs for weeks must not keep others from collecting.
            layers.store().stand_aside()?;
            Ok(Supervised {
                container,
                running,
                state,
                no_private_network,
                _network: network,
                _snapshot: snapshot,
                _lock: lock,
            })
        }
        Err(error) => {
            container.save_state(&unstarted_state(&error))?;
            Err(error)
        }
    }
}

fn unstarted_state(error: &RunnerError) -> ContainerState {
    ContainerState {
        ended_ms: Some(now_ms()),
        exit_code: Some(unstarted_exit_code(error)),
        error: Some(error.to_string()),
        ..ContainerState::default()
    }
}

/// Returns docker's exit code for a container that could not be started: 127 if its program does not exist, 126 if the
/// program cannot be executed, 125 otherwise.
pub fn unstarted_exit_code(error: &RunnerError) -> i32 {
    match error {
        RunnerError::Sandbox(SandboxError::NotFound { .. }) => 127,
        RunnerError::Sandbox(SandboxError::NotExecutable { .. }) => 126,
        _ => 125,
    }
}

/// A started process with everything that must outlive it.
struct Launched {
    running: Running,
    snapshot: Snapshot,
    network: Network,
    no_private_network: Option<String>,
}

fn launch(container: &Container, layers: &Layers, streams: Streams) -> Result<Launched, RunnerError> {
    let config = &container.config;
    // Connecting takes a while; the rest is prepared in the meantime.
    let is_private = matches!(config.network, NetworkMode::Private | NetworkMode::Preferred);
    let connecting = (is_private && config.publish.is_empty()).then(SharedNetwork::start);
    let image = layers.view(&config.layers)?;
    let user = users::resolve_user(&*image, &config.user)?;
    config.volumes.iter().try_for_each(|volume| volume::fill(volume, &*image))?;
    let snapshot = layers.prepare(&config.layers)?;
    let mounts = mounts(config)?;
    let stdio = match streams {
        Streams::Log => Stdio::Piped,
        Streams::Files { stdin, stdout, stderr } => Stdio::Files { stdin, stdout, stderr },
        Streams::Terminal => Stdio::Terminal,
    };
    let process = Process {
        args: config.args.iter().map(Into::into).collect(),
        env: config.env.iter().map(Into::into).collect(),
        cwd: (&config.cwd).into(),
        user: process_user(user),
        capabilities: Capabilities::Default,
        seccomp: Seccomp::Default,
        rlimits: Vec::new(),
        stdio,
    };
    let (network, no_private_network) = network(config, connecting)?;
    let spec = Spec {
        root: snapshot.mount()?.into(),
        read_only_root: false,
        mounts,
        process,
        network: network.clone(),
        hostname: config.hostname.clone(),
        hosts: Vec::new(),
        shm_size_bytes: config.shm_size_bytes,
        host_ipc: config.host_ipc,
        limits: Limits { memory_bytes: config.memory_bytes, max_pids: config.max_pids },
        insecure: false,
        read_only_etc: false,
    };
    Ok(Launched { running: sandbox::spawn(spec)?, snapshot, network, no_private_network })
}

fn process_user(User { uid, gid, groups, home }: User) -> ProcessUser {
    ProcessUser { uid, gid, groups, home }
}

fn mounts(config: &ContainerConfig) -> Result<Vec<Mount>, RunnerError> {
    let mount = |volume: &Volume| {
        let source = MountSource::Detached(bind_host(&volume.source, Path::new(""))?.into());
        Ok(Mount { target: (&volume.target).into(), source, read_only: volume.read_only })
    };
    config.volumes.iter().map(mount).collect()
}

/// Returns the network, and the reason why it is not a private one where that was preferred.
fn network(
    config: &ContainerConfig,
    connecting: Option<Result<Connecting, SandboxError>>,
) -> Result<(Network, Option<String>), SandboxError> {
    match connecting.map(|begun| begun.and_then(|connecting| connecting.finish(&|| false))) {
        Some(Ok(network)) => Ok((Network::Shared(network), None)),
        Some(Err(error)) if config.network == NetworkMode::Preferred => {
            Ok((Network::HostRestricted, Some(error.to_string())))
        }
        Some(Err(error)) => Err(error),
        None if config.network == NetworkMode::Preferred => Ok(network_with_ports(config)),
        None => Ok((requested_network(config), None)),
    }
}

/// Returns a private network with published ports, or the host's where no private one can exist.
fn network_with_ports(config: &ContainerConfig) -> (Network, Option<String>) {
    match sandbox::network::check_available() {
        Ok(()) => (requested_network(config), None),
        Err(error) => {
            let reason =
                format!("{error}; published ports are not forwarded: the process listens on its own");
            (Network::HostRestricted, Some(reason))
        }
    }
}

fn requested_network(config: &ContainerConfig) -> Network {
    let port = |one: &Publish| PortMap { host: one.host, container_port: one.container_port, udp: one.udp };
    match config.network {
        NetworkMode::Private | NetworkMode::Preferred => {
            Network::Private { publish: config.publish.iter().map(port).collect() }
        }
        NetworkMode::Host => Network::Host,
        NetworkMode::None => Network::None,
    }
}

impl Supervised {
    /// Returns the process, so that the caller can forward signals to it.
    pub fn running(&self) -> &Running {
        &self.running
    }

    /// Returns why the container has this machine's network, if a private one was preferred and could not be connected.
    pub fn no_private_network(&self) -> Option<&str> {
        self.no_private_network.as_deref()
    }

    /// Returns this process's end of the container's terminal; `None` without a terminal and at the second call.
    pub fn take_terminal(&mut self) -> Option<File> {
        self.running.take_terminal()
    }

    /// Writes the log until the container has ended.
    ///
    /// Output that the log cannot take, on a full disk for example, is dropped: the container goes on undisturbed.
    pub fn keep_log(mut self) -> Result<Ended, RunnerError> {
        let Some((stdout, stderr)) = self.running.take_output() else { return self.wait() };
        let log = LogWriter::new(self.container.dir());
        let running = &mut self.running;
        let exit = std::thread::scope(|scope| {
            let copy = |pipe, stream| {
                let log = &log;
                // Only reading a pipe can fail, and a pipe that cannot be read has no more output.
                let copying = move || drop(log.copy(pipe, stream));
                std::thread::Builder::new().spawn_scoped(scope, copying)
            };
            if let Err(source) = copy(stdout, STDOUT).and(copy(stderr, STDERR)) {
                running.signal(SIGKILL)?;
                running.wait()?;
                return Err(RunnerError::Thread { source });
            }
            Ok(running.wait()?)
        });
        log.sync();
        match exit {
            Ok(exit) => self.ended(exit),
            Err(error) => {
                self.container.save_state(&unstarted_state(&error))?;
                Err(error)
            }
        }
    }

    /// Waits until the container has ended.
    pub fn wait(mut self) -> Result<Ended, RunnerError> {
        let exit = self.running.wait()?;
        self.ended(exit)
    }

    fn ended(mut self, exit: Exit) -> Result<Ended, RunnerError> {
        let code = exit_code(exit);
        let limits_reached = self.running.limits_reached();
        self.state.oom_killed = limits_reached.memory;
        self.state.ended_ms = Some(now_ms());
        self.state.exit_code = Some(code);
        if self.container.config.remove {
            self.container.remove_dir()?;
        } else {
            self.container.save_state(&self.state)?;
        }
        Ok(Ended { code, limits_reached })
    }
}

const SIGKILL: i32 = 9;

/// Returns the exit code that a shell would report: for a signal, 128 and its number.
fn exit_code(exit: Exit) -> i32 {
    match exit {
        Exit::Code(code) => code,
        Exit::Signal(signal) => 128 + signal,
    }
}

/// Creates the directory of a volume if it does not exist, as docker does.
pub fn ensure_volume(source: &Path) -> Result<(), RunnerError> {
    if source.exists() {
        return Ok(());
    }
    std::fs::create_dir_all(source).map_err(io_error("create", source))
}
