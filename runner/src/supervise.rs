//! Starting a container and watching over it until it has ended.
//!
//! The calling process and thread are the container's life: see [`sandbox::spawn`].

use std::fs::File;
use std::os::fd::OwnedFd;
use std::path::Path;

use rootfs::layers::Layers;
use rootfs::snapshot::{Snapshot, bind_host};
use rootfs::users::{self, User};
use sandbox::network::{Connecting, SharedNetwork};
use sandbox::{
    Capabilities, Exit, Mount, MountSource, Network, PortMap, Process, ProcessUser, Running, SandboxError,
    Seccomp, Spec, Stdio,
};

use crate::RunnerError;
use crate::container::{Container, ContainerConfig, ContainerState, NetworkMode, Volume, Watch};
use crate::error::io_error;
use crate::log::{LogWriter, now_ms};
use crate::signal::started_ticks;

/// A container that runs.
pub struct Supervised {
    container: Container,
    running: Running,
    state: ContainerState,
    no_private_network: Option<String>,
    // Dropped in this order, after the process: its network, its files, its lock.
    _network: Network,
    _snapshot: Snapshot,
    _watch: Watch,
}

/// What the standard streams of a container are.
#[derive(Debug)]
pub enum Streams {
    /// Into the log.
    Log,
    /// These three, and nothing into the log.
    Files {
        /// Standard input.
        stdin: OwnedFd,
        /// Standard output.
        stdout: OwnedFd,
        /// Standard error.
        stderr: OwnedFd,
    },
    /// A terminal: [`Supervised::take_terminal`].
    Terminal,
}

/// Starts `container`. On an error its state says why.
pub fn start(container: Container, layers: &Layers, streams: Streams) -> Result<Supervised, RunnerError> {
    let watch = container.watch()?;
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
            // What runs for weeks must not keep others from collecting.
            layers.store().stand_aside()?;
            Ok(Supervised {
                container,
                running,
                state,
                no_private_network,
                _network: network,
                _snapshot: snapshot,
                _watch: watch,
            })
        }
        Err(error) => {
            let state = ContainerState {
                ended_ms: Some(now_ms()),
                exit_code: Some(unstarted_exit_code(&error)),
                error: Some(error.to_string()),
                ..ContainerState::default()
            };
            container.save_state(&state)?;
            Err(error)
        }
    }
}

/// docker's exit code for a container that could not be started: 127 if its program is not there, 126 if that cannot be
/// executed, else 125.
pub fn unstarted_exit_code(error: &RunnerError) -> i32 {
    match error {
        RunnerError::Sandbox(SandboxError::NotFound { .. }) => 127,
        RunnerError::Sandbox(SandboxError::NotExecutable { .. }) => 126,
        _ => 125,
    }
}

struct Launched {
    running: Running,
    snapshot: Snapshot,
    network: Network,
    no_private_network: Option<String>,
}

fn launch(container: &Container, layers: &Layers, streams: Streams) -> Result<Launched, RunnerError> {
    let config = &container.config;
    // It takes a while, in which we go on.
    let connecting = (config.network == NetworkMode::Preferred).then(SharedNetwork::start);
    let user = users::resolve_user(&*layers.view(&config.layers)?, &config.user)?;
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
    let (network, no_private_network) = network(config, connecting);
    let spec = Spec {
        root: snapshot.mount()?.into(),
        read_only_root: false,
        mounts,
        process,
        network: network.clone(),
        hostname: config.hostname.clone(),
        hosts: Vec::new(),
        shm_size_bytes: None,
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

/// The network, and why it is not a private one where that was preferred.
fn network(
    config: &ContainerConfig,
    connecting: Option<Result<Connecting, SandboxError>>,
) -> (Network, Option<String>) {
    match connecting.map(|begun| begun.and_then(Connecting::finish)) {
        Some(Ok(network)) => (Network::Shared(network), None),
        Some(Err(error)) => (Network::Host, Some(error.to_string())),
        None => (network_as_told(config), None),
    }
}

fn network_as_told(config: &ContainerConfig) -> Network {
    let port = |one: &crate::container::Publish| PortMap {
        host: one.host,
        container_port: one.container_port,
        udp: one.udp,
    };
    match config.network {
        NetworkMode::Private | NetworkMode::Preferred => {
            Network::Private { publish: config.publish.iter().map(port).collect() }
        }
        NetworkMode::Host => Network::Host,
        NetworkMode::None => Network::None,
    }
}

impl Supervised {
    /// The process, for forwarding signals.
    pub fn running(&self) -> &Running {
        &self.running
    }

    /// Why it has this machine's network instead of a private one, where that was preferred.
    pub fn no_private_network(&self) -> Option<&str> {
        self.no_private_network.as_deref()
    }

    /// Our end of its terminal, once.
    pub fn take_terminal(&mut self) -> Option<File> {
        self.running.take_terminal()
    }

    /// Keeps the log until the container has ended; returns its exit code.
    pub fn keep_log(mut self) -> Result<i32, RunnerError> {
        let Some((stdout, stderr)) = self.running.take_output() else { return self.wait() };
        let dir = self.container.dir().to_owned();
        let log = LogWriter::create(&dir).map_err(io_error("create", &dir.join("log")))?;
        let exit = std::thread::scope(|scope| {
            // A log that cannot be written must not hold the container up: its pipes are read all the same.
            scope.spawn(|| log.copy(stdout, 1).ok());
            scope.spawn(|| log.copy(stderr, 2).ok());
            self.running.wait()
        })?;
        self.ended(exit)
    }

    /// Waits until the container has ended; returns its exit code.
    pub fn wait(mut self) -> Result<i32, RunnerError> {
        let exit = self.running.wait()?;
        self.ended(exit)
    }

    fn ended(mut self, exit: Exit) -> Result<i32, RunnerError> {
        let code = exit_code(exit);
        self.state.ended_ms = Some(now_ms());
        self.state.exit_code = Some(code);
        self.container.save_state(&self.state)?;
        if self.container.config.remove {
            self.container.remove_dir()?;
        }
        Ok(code)
    }
}

/// As a shell tells it: a signal is 128 and its number.
fn exit_code(exit: Exit) -> i32 {
    match exit {
        Exit::Code(code) => code,
        Exit::Signal(signal) => 128 + signal,
    }
}

/// Makes the folder of a volume that does not exist, as docker does.
pub fn ensure_volume(source: &Path) -> Result<(), RunnerError> {
    match source.exists() {
        true => Ok(()),
        false => std::fs::create_dir_all(source).map_err(io_error("create", source)),
    }
}
