//! RUN: a process on a writable snapshot of its root, which becomes a layer when the process succeeds.
//!
//! ```text
//! mounts   what the process finds in its root: bind, cache, tmpfs, secret, ssh, script
//! network  the one that a process has by default
//! output   the process's streams -> events, and the tail that an error shows
//! ```
//!
//! Whatever was mounted is gone when [`run`] returns.

mod mounts;
mod network;
mod output;

use std::ffi::OsString;
use std::io;
use std::sync::Arc;
use std::time::Duration;

use cache::{Store, StoreError};
use cdi::CdiError;
use oci::DiffId;
use rootfs::RootfsError;
use rootfs::layers::Layers;
use rootfs::snapshot::Stub;
use rootfs::users::{self, User, UserError};
use sandbox::{
    Capabilities, Exit, HostEntry, Network, Process, ProcessUser, Rlimit, Running, SandboxError, Seccomp,
    Spec, Stdio,
};

use sources::SecretError;

use crate::devices;
use crate::options::RunOptions;
use crate::result::{Files, InputError};
use graph::{Exec, NetworkMode, SecurityMode};
use progress::Cancel;
use progress::{EventKind, Phase, Vertex};

pub use network::BuildNetwork;

/// How often a running process looks whether the build was canceled.
const CANCEL_POLL: Duration = Duration::from_millis(50);

/// What a process needs from context it.
pub struct ExecContext<'a> {
    /// The store.
    pub store: &'a Arc<Store>,
    /// Its layers.
    pub layers: &'a Layers,
    /// Secrets and agents.
    pub options: &'a RunOptions,
    /// Where its output goes.
    pub vertex: &'a Vertex,
    /// Whether to stop.
    pub cancel: &'a Cancel,
    /// The network that `RUN` has by default.
    pub default_network: &'a BuildNetwork,
    /// The devices of this machine.
    pub inventory: &'a cdi::Inventory,
}

/// A process that could not be run.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ExecError {
    /// The process ran and failed.
    #[error("process {command:?} did not complete successfully: {}", status(exit))]
    Process {
        /// Command line as BuildKit shows it.
        command: String,
        /// Exit code or signal.
        exit: Exit,
        /// Last lines of its output.
        tail: String,
    },
    /// `RUN []`, which is an error only when it is run, as with BuildKit.
    #[error("RUN needs a command")]
    NoCommand,
    /// A required secret was not given.
    #[error("secret {id}: not found")]
    NoSecret {
        /// Id of the secret.
        id: String,
    },
    /// A required SSH agent was not given.
    #[error("unset ssh forward key {id}")]
    NoSshAgent {
        /// Id of the agent.
        id: String,
    },
    /// The build was canceled.
    #[error("canceled")]
    Canceled,
    /// A secret cannot be read.
    #[error(transparent)]
    Secret(#[from] SecretError),
    /// A device does not exist or cannot be described.
    #[error(transparent)]
    Device(#[from] CdiError),
    /// An input cannot be used as the process needs it.
    #[error(transparent)]
    Input(#[from] InputError),
    /// The layer store refused.
    #[error(transparent)]
    Rootfs(#[from] RootfsError),
    /// The user of the process cannot be resolved.
    #[error(transparent)]
    User(#[from] UserError),
    /// The sandbox could not be built.
    #[error(transparent)]
    Sandbox(#[from] SandboxError),
    /// The store refused.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The file system refused. `action` is a verb phrase.
    #[error("cannot {action}")]
    Io {
        /// Verb phrase that says what was tried.
        action: &'static str,
        /// Error of the operating system.
        source: io::Error,
    },
}

/// Formats the end of a process as a shell does: a signal is 128 plus its number.
fn status(exit: &Exit) -> String {
    match exit {
        Exit::Code(code) => format!("exit code: {code}"),
        Exit::Signal(signal) => format!("exit code: {} (signal {signal})", 128 + signal),
    }
}

/// Reads a secret. Returns `None` for an optional one that was not given.
fn read_secret(options: &RunOptions, id: &str, required: bool) -> Result<Option<Vec<u8>>, ExecError> {
    let secret = options.fetch.secrets.read(id)?;
    if secret.is_none() && required {
        return Err(ExecError::NoSecret { id: id.to_owned() });
    }
    Ok(secret)
}

/// Runs `exec` on the results of the step's inputs; returns the layer with its changes.
pub fn run(exec: &Exec, inputs: &[Files], context: &ExecContext<'_>) -> Result<DiffId, ExecError> {
    if exec.args.is_empty() {
        return Err(ExecError::NoCommand);
    }
    let root = match exec.root {
        Some(input) => &inputs[input.0].layers()?[..],
        None => &[],
    };
    if exec.network == NetworkMode::Default {
        context.default_network.begin();
    }
    context.vertex.enter(Phase::Mount);
    let tree = context.layers.view(root)?;
    let user = users::resolve_user(&*tree, &exec.user)?;
    context.vertex.enter(Phase::Unpack);
    let snapshot = context.layers.prepare(root)?;
    context.vertex.enter(Phase::Mount);
    let mut held = mounts::Held::default();
    let mounts = mounts::prepare(exec, inputs, context, &mut held)?;
    let mut spec = Spec {
        root: snapshot.mount_volatile()?.into(),
        read_only_root: false,
        mounts,
        process: process(exec, user, environment(exec, context.options)?),
        network: network(exec.network, context),
        hostname: exec.hostname.clone(),
        hosts: hosts(exec),
        shm_size_bytes: exec.shm_size_bytes,
        insecure: exec.security == SecurityMode::Insecure,
        read_only_etc: true,
    };
    let missing = |error: &CdiError| context.vertex.warning(&format!("{error}; the step runs without it"));
    devices::edits(exec, context.options, context.inventory, missing)?.apply(&mut spec)?;
    let mut running = sandbox::spawn(spec)?;
    context.vertex.enter(Phase::Exec);
    let (exit, tail) = supervise(&mut running, context)?;
    context.vertex.enter(Phase::Unmount);
    if let Some(usage) = running.usage() {
        context.vertex.send(EventKind::Used { usage: consumed(&usage) });
    }
    let stubs = stubs(&running);
    drop(running);
    drop(held);
    match exit {
        Exit::Code(0) => {
            context.vertex.enter(Phase::Commit);
            Ok(snapshot.commit(&stubs)?)
        }
        exit => Err(ExecError::Process { command: exec.args.join(" "), exit, tail }),
    }
}

/// Forwards the output until the process has ended; kills it when the build is canceled.
fn supervise(running: &mut Running, context: &ExecContext<'_>) -> Result<(Exit, String), ExecError> {
    let (stdout, stderr) = running.take_output().expect("its streams are pipes, and not taken yet");
    let tail = output::Tail::default();
    let exit = std::thread::scope(|scope| {
        scope.spawn(|| output::forward(stdout, 1, context.vertex, &tail));
        scope.spawn(|| output::forward(stderr, 2, context.vertex, &tail));
        loop {
            if let Some(exit) = running.wait_timeout(CANCEL_POLL)? {
                return Ok(exit);
            }
            if context.cancel.is_canceled() {
                running.signal(SIGKILL)?;
                running.wait()?;
                return Err(ExecError::Canceled);
            }
        }
    })?;
    Ok((exit, tail.text()))
}

fn consumed(usage: &sandbox::Usage) -> progress::Usage {
    progress::Usage {
        user_us: usage.user_us,
        system_us: usage.system_us,
        max_rss_bytes: usage.max_rss_bytes,
        read_bytes: usage.read_bytes,
        written_bytes: usage.written_bytes,
    }
}

const SIGKILL: i32 = 9;

fn process(exec: &Exec, user: User, env: Vec<OsString>) -> Process {
    let insecure = exec.security == SecurityMode::Insecure;
    Process {
        args: exec.args.iter().map(OsString::from).collect(),
        env,
        cwd: (&exec.cwd).into(),
        user: process_user(user),
        capabilities: if insecure { Capabilities::All } else { Capabilities::Default },
        seccomp: if insecure { Seccomp::Unconfined } else { Seccomp::Default },
        rlimits: exec.ulimits.iter().map(rlimit).collect(),
        stdio: Stdio::Piped,
    }
}

fn process_user(User { uid, gid, groups, home }: User) -> ProcessUser {
    ProcessUser { uid, gid, groups, home }
}

/// Mount points that the sandbox created in the snapshot; they must not become part of the layer.
fn stubs(running: &Running) -> Vec<Stub> {
    let created = running.created_mount_points().iter().cloned();
    created.map(|mount_point| Stub { path: mount_point.path, is_dir: mount_point.is_dir }).collect()
}

fn rlimit(limit: &graph::Ulimit) -> Rlimit {
    Rlimit { name: limit.name.clone(), soft: limit.soft, hard: limit.hard }
}

/// The variables of the process: image and ARGs, then proxies, then secrets. A missing optional secret is empty.
fn environment(exec: &Exec, options: &RunOptions) -> Result<Vec<OsString>, ExecError> {
    let mut env: Vec<OsString> = exec.env.iter().chain(&exec.proxy_env).map(OsString::from).collect();
    for secret in &exec.secret_env {
        let value = read_secret(options, &secret.id, secret.required)?.unwrap_or_default();
        // A secret beats a variable of the same name: the later entry of the two would be undefined.
        let prefix = format!("{}=", secret.variable);
        env.retain(|entry| !entry.as_encoded_bytes().starts_with(prefix.as_bytes()));
        let mut entry = OsString::from(prefix);
        entry.push(std::os::unix::ffi::OsStrExt::from_bytes(value.as_slice()) as &std::ffi::OsStr);
        env.push(entry);
    }
    Ok(env)
}

fn network(mode: NetworkMode, context: &ExecContext<'_>) -> Network {
    match mode {
        NetworkMode::Default => {
            context.vertex.enter(Phase::Connect);
            let network = context.default_network.get(context.vertex);
            context.vertex.enter(Phase::Mount);
            network
        }
        NetworkMode::Host => Network::Host,
        NetworkMode::None => Network::None,
    }
}

fn hosts(exec: &Exec) -> Vec<HostEntry> {
    exec.hosts.iter().map(|(name, address)| HostEntry { name: name.clone(), address: address.0 }).collect()
}
