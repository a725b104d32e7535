//! Starting the process of a container in its sandbox.
//!
//! The container lives as long as the calling process: see [`sandbox::spawn`].

use std::fs::File;
use std::os::fd::OwnedFd;
use std::path::Path;

use rootfs::layers::Layers;
use rootfs::snapshot::{Snapshot, bind_host};
use sandbox::network::{Connecting, SharedNetwork};
use sandbox::{
    Capabilities, Limits, Mount, MountSource, Network, PortMap, Process, ProcessUser, Running, SandboxError,
    Seccomp, Spec, Stdio,
};
use trees::id_map::IdMap;
use users::User;

use crate::RunnerError;
use crate::container::{Container, ContainerConfig, NetworkMode, Publish, Volume};
use crate::error::io_error;
use crate::volume;

/// Returns docker's exit code for a container that could not be started: 127 if its program does not exist, 126 if the
/// program cannot be executed, 125 otherwise.
pub fn unstarted_exit_code(error: &RunnerError) -> i32 {
    match error {
        RunnerError::Sandbox(SandboxError::NotFound { .. }) => 127,
        RunnerError::Sandbox(SandboxError::NotExecutable { .. }) => 126,
        _ => 125,
    }
}

/// Everything that the runs of a container have in common: it is made once, before the first one.
pub(crate) struct Prepared {
    files: Files,
    user: User,
}

/// The files of a container, which nobody else mounts as long as this exists.
pub(crate) struct Files {
    snapshot: Snapshot,
    _lock: File,
}

impl Files {
    /// Opens the files of a container, or makes them. Waits while another process has them mounted.
    pub(crate) fn open(container: &Container, layers: &Layers) -> Result<Self, RunnerError> {
        let lock = container.lock_files()?;
        let dir = container.snapshot_dir();
        match std::fs::create_dir(&dir) {
            Err(error) if error.kind() != std::io::ErrorKind::AlreadyExists => {
                return Err(io_error("create", &dir)(error));
            }
            _ => {}
        }
        Ok(Self { snapshot: layers.keep(&container.config.layers, &dir)?, _lock: lock })
    }

    /// Returns the snapshot with the files.
    pub(crate) fn snapshot(&self) -> &Snapshot {
        &self.snapshot
    }
}

/// A started process with everything that must outlive it. Dropping it kills the process.
pub(crate) struct Launched {
    pub(crate) running: Running,
    pub(crate) streams: Streams,
    /// Reason why the container has this machine's network, if a private one was preferred and could not be connected.
    pub(crate) no_private_network: Option<String>,
    // Dropped after the process.
    _network: Network,
}

/// Our ends of the streams of a process.
pub(crate) enum Streams {
    /// Three pipes. Without standard input the process reads an empty one.
    Pipes {
        /// End that is written to, if the container has a standard input.
        stdin: Option<File>,
        /// End that standard output is read from.
        stdout: File,
        /// End that standard error is read from.
        stderr: File,
    },
    /// The controlling end of a terminal.
    Terminal(File),
}

/// Opens the files of a container, and fills its volumes.
pub(crate) fn prepare(container: &Container, layers: &Layers) -> Result<Prepared, RunnerError> {
    let config = &container.config;
    let image = layers.view(&config.layers)?;
    let user = users::resolve_user(&*image, &config.user)?;
    config.volumes.iter().try_for_each(|volume| volume::fill(volume, &*image))?;
    Ok(Prepared { files: Files::open(container, layers)?, user })
}

/// Starts the process of a container.
pub(crate) fn launch(config: &ContainerConfig, prepared: &Prepared) -> Result<Launched, RunnerError> {
    // Connecting takes a while; the rest is prepared in the meantime.
    let is_private = matches!(config.network, NetworkMode::Private | NetworkMode::Preferred);
    let connecting = (is_private && config.publish.is_empty()).then(SharedNetwork::start);
    let mounts = mounts(config)?;
    let (stdio, ours) = stdio(config).map_err(io_error("make the streams of", Path::new(&config.name)))?;
    let process = Process {
        args: config.args.iter().map(Into::into).collect(),
        env: config.env.iter().map(Into::into).collect(),
        cwd: (&config.cwd).into(),
        user: process_user(prepared.user.clone()),
        stdio,
        ..rights()
    };
    let (network, no_private_network) = network(config, connecting)?;
    let spec = Spec {
        root: prepared.files.snapshot.mount()?.into(),
        read_only_root: false,
        mounts,
        process,
        network: network.clone(),
        hostname: config.hostname.clone(),
        hosts: Vec::new(),
        shm_size_bytes: config.shm_size_bytes,
        host_ipc: config.host_ipc,
        limits: Limits {
            memory_bytes: config.memory_bytes,
            max_pids: config.max_pids,
            has_groups: true,
            ..Limits::default()
        },
        dns: sandbox::Dns::default(),
        boundary: sandbox::Boundary::default(),
        insecure: false,
        read_only_etc: false,
    };
    let mut running = sandbox::spawn(spec)?;
    let streams = match ours {
        Some(pipes) => pipes,
        None => Streams::Terminal(running.take_terminal().expect("a terminal was asked for")),
    };
    Ok(Launched { running, streams, no_private_network, _network: network })
}

/// Returns a process without a program that has the rights of every process of a container.
pub(crate) fn rights() -> Process {
    Process {
        args: Vec::new(),
        env: Vec::new(),
        cwd: "/".into(),
        user: ProcessUser { uid: 0, gid: 0, groups: Vec::new(), home: "/".into() },
        capabilities: Capabilities::Default,
        seccomp: seccomp(),
        rlimits: Vec::new(),
        stdio: Stdio::Piped,
    }
}

/// Returns the system calls that a container may make. Where there is one user ID, changes of owners and users succeed
/// without effect, as in the RUNs of a build.
fn seccomp() -> Seccomp {
    let has_single_id = IdMap::current().is_ok_and(|map| map.user_count() == 1);
    if has_single_id { Seccomp::SingleId } else { Seccomp::Default }
}

/// Returns the streams of the process, and our ends of the pipes; `None` for a terminal, which the sandbox makes.
fn stdio(config: &ContainerConfig) -> std::io::Result<(Stdio, Option<Streams>)> {
    if config.terminal {
        return Ok((Stdio::Terminal, None));
    }
    let (stdin, our_stdin) = if config.life.open_stdin {
        let (reader, writer) = std::io::pipe()?;
        (OwnedFd::from(reader), Some(File::from(OwnedFd::from(writer))))
    } else {
        (OwnedFd::from(File::open("/dev/null")?), None)
    };
    let (stdout_reader, stdout) = std::io::pipe()?;
    let (stderr_reader, stderr) = std::io::pipe()?;
    let ours = Streams::Pipes {
        stdin: our_stdin,
        stdout: File::from(OwnedFd::from(stdout_reader)),
        stderr: File::from(OwnedFd::from(stderr_reader)),
    };
    Ok((Stdio::Files { stdin, stdout: stdout.into(), stderr: stderr.into() }, Some(ours)))
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

/// Creates the directory of a volume if it does not exist, as docker does.
pub fn ensure_volume(source: &Path) -> Result<(), RunnerError> {
    if source.exists() {
        return Ok(());
    }
    std::fs::create_dir_all(source).map_err(io_error("create", source))
}
