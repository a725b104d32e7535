//! RUN: a process on a writable snapshot of its root, which becomes a layer when the process succeeds.
//!
//! ```text
//! mounts   what the process finds in its root: bind, cache, tmpfs, secret, ssh, script
//! network  the one that a process has by default
//! output   the process's streams -> events, and the tail that an error shows
//! ```
//!
//! A process that fails is an [`Outcome`], not an error. Whatever was mounted is gone when [`run`] returns.

mod mounts;
mod network;
mod output;

pub(crate) use mounts::secret_bytes;

use std::ffi::OsString;
use std::sync::Arc;
use std::time::Duration;

use cache::Store;
use cdi::CdiError;
use oci::DiffId;
use rootfs::layers::Layers;
use rootfs::snapshot::Stub;
use rootfs::users::{self, User};
use sandbox::{
    Capabilities, Exit, HostEntry, Network, Process, ProcessUser, Rlimit, Running, Seccomp, Spec, Stdio,
};

use crate::cancel::Cancel;
use crate::devices;
use crate::event::{EventKind, Phase, Vertex};
use crate::graph::{Exec, NetworkMode, SecurityMode};
use crate::options::BuildOptions;
use crate::step::{Files, StepError};

pub use network::BuildNetwork;

/// How often a running process looks whether the build was canceled.
const CANCEL_POLL: Duration = Duration::from_millis(50);

/// What a process needs from around it.
pub struct Around<'a> {
    /// The store.
    pub store: &'a Arc<Store>,
    /// Its layers.
    pub layers: &'a Layers,
    /// Secrets and agents.
    pub options: &'a BuildOptions,
    /// Where its output goes.
    pub vertex: &'a Vertex,
    /// Whether to stop.
    pub cancel: &'a Cancel,
    /// The network that `RUN` has by default.
    pub default_network: &'a BuildNetwork,
    /// The devices of this machine.
    pub devices: &'a cdi::Inventory,
}

/// How a process ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// It succeeded, and left this layer.
    Done(DiffId),
    /// It failed.
    Failed {
        /// How.
        exit: Exit,
        /// The last lines of its output.
        tail: String,
    },
}

/// Runs `exec` on the results of the step's inputs.
pub fn run(exec: &Exec, inputs: &[Files], around: &Around<'_>) -> Result<Outcome, StepError> {
    let root = match exec.root {
        Some(input) => &inputs[input.0].layers()?[..],
        None => &[],
    };
    if exec.network == NetworkMode::Default {
        around.default_network.begin();
    }
    around.vertex.enter(Phase::Mount);
    let tree = around.layers.view(root)?;
    let user = users::resolve_user(&*tree, &exec.user)?;
    around.vertex.enter(Phase::Unpack);
    let snapshot = around.layers.prepare(root)?;
    around.vertex.enter(Phase::Mount);
    let mut held = mounts::Held::default();
    let mounts = mounts::prepare(exec, inputs, around, &mut held)?;
    let mut spec = Spec {
        root: snapshot.mount_volatile()?.into(),
        read_only_root: false,
        mounts,
        process: process(exec, user, environment(exec, around.options)?),
        network: network(exec.network, around),
        hostname: exec.hostname.clone(),
        hosts: hosts(exec),
        shm_size_bytes: exec.shm_size_bytes,
        insecure: exec.security == SecurityMode::Insecure,
        read_only_etc: true,
    };
    let missing = |error: &CdiError| around.vertex.warning(&format!("{error}; the step runs without it"));
    devices::edits(exec, around.options, around.devices, missing)?.apply(&mut spec)?;
    let mut running = sandbox::spawn(spec)?;
    around.vertex.enter(Phase::Exec);
    let (exit, tail) = supervise(&mut running, around)?;
    around.vertex.enter(Phase::Unmount);
    if let Some(usage) = running.usage() {
        around.vertex.send(EventKind::Used { usage });
    }
    let stubs = stubs(&running);
    drop(running);
    drop(held);
    match exit {
        Exit::Code(0) => {
            around.vertex.enter(Phase::Commit);
            Ok(Outcome::Done(snapshot.commit(&stubs)?))
        }
        exit => Ok(Outcome::Failed { exit, tail }),
    }
}

/// Forwards the output until the process has ended; kills it when the build is canceled.
fn supervise(running: &mut Running, around: &Around<'_>) -> Result<(Exit, String), StepError> {
    let (stdout, stderr) = running.take_output().expect("its streams are pipes, and not taken yet");
    let tail = output::Tail::default();
    let exit = std::thread::scope(|scope| {
        scope.spawn(|| output::forward(stdout, 1, around.vertex, &tail));
        scope.spawn(|| output::forward(stderr, 2, around.vertex, &tail));
        loop {
            if let Some(exit) = running.wait_timeout(CANCEL_POLL)? {
                return Ok(exit);
            }
            if around.cancel.is_canceled() {
                running.signal(SIGKILL)?;
                running.wait()?;
                return Err(StepError::Canceled);
            }
        }
    })?;
    Ok((exit, tail.text()))
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

fn rlimit((name, soft, hard): &(String, u64, u64)) -> Rlimit {
    Rlimit { name: name.clone(), soft: *soft, hard: *hard }
}

/// The variables of the process: image and ARGs, then proxies, then secrets. A missing optional secret is empty.
fn environment(exec: &Exec, options: &BuildOptions) -> Result<Vec<OsString>, StepError> {
    let mut env: Vec<OsString> = exec.env.iter().chain(&exec.proxy_env).map(OsString::from).collect();
    for secret in &exec.secret_env {
        let value = secret_bytes(options, &secret.id, secret.required)?.unwrap_or_default();
        // A secret beats a variable of the same name: the later entry of the two would be undefined.
        let prefix = format!("{}=", secret.variable);
        env.retain(|entry| !entry.as_encoded_bytes().starts_with(prefix.as_bytes()));
        let mut entry = OsString::from(prefix);
        entry.push(std::os::unix::ffi::OsStrExt::from_bytes(value.as_slice()) as &std::ffi::OsStr);
        env.push(entry);
    }
    Ok(env)
}

fn network(mode: NetworkMode, around: &Around<'_>) -> Network {
    match mode {
        NetworkMode::Default => {
            around.vertex.enter(Phase::Connect);
            let network = around.default_network.get(around.vertex);
            around.vertex.enter(Phase::Mount);
            network
        }
        NetworkMode::Host => Network::Host,
        NetworkMode::None => Network::None,
    }
}

fn hosts(exec: &Exec) -> Vec<HostEntry> {
    let entry = |(name, address): &(String, crate::graph::SkippedInKey)| {
        let address = address.0.parse().ok()?;
        Some(HostEntry { name: name.clone(), address })
    };
    exec.hosts.iter().filter_map(entry).collect()
}
