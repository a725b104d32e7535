//! RUN: a process on a writable snapshot of its root. The changes become a layer when the process succeeds.
//!
//! ```text
//! mounts   the mounts of the process: bind, cache, tmpfs, secret, ssh, script
//! network  the default network
//! output   the output of the process to events, and its tail for error messages
//! secret_scan  secrets that the process has left in its layer
//! single_id  files for programs that notice that there is a single user ID
//! limit    the limit that a failed process has reached
//! foreign  programs of a platform that this machine cannot run
//! error    why there is no layer
//! ```
//!
//! All mounts are gone when [`run`] returns.

mod error;
mod foreign;
mod limit;
mod mounts;
mod network;
mod output;
mod secret_scan;
mod single_id;

use std::collections::BTreeSet;
use std::ffi::OsString;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use cache::Store;
use cdi::CdiError;
use oci::{DiffId, Platform};
use rootfs::layers::Layers;
use rootfs::snapshot::{Snapshot, Stub};
use sandbox::{
    Capabilities, Exit, HostEntry, Network, Process, ProcessUser, Rlimit, Running, SandboxError, Seccomp,
    Spec, Stdio,
};
use users::User;

use crate::devices;
use crate::options::RunOptions;
use crate::result::Files;
use graph::{Exec, MountKind, NetworkMode, SecurityMode};
use progress::{Cancel, EventKind, Phase, Vertex};

use secret_scan::SecretScan;

pub use error::{ExecError, LeakedSecret};
pub use foreign::NoEmulator;
pub use limit::ReachedLimit;
pub use network::BuildNetwork;

/// Interval at which the end of the process and a cancellation are looked for.
const CANCEL_POLL: Duration = Duration::from_millis(50);

/// Parts of the build that a process needs.
pub struct ExecContext<'a> {
    /// Store for scratch directories and cache mounts.
    pub store: &'a Arc<Store>,
    /// Layers of the store.
    pub layers: &'a Layers,
    /// Secrets, agents and allowed devices.
    pub options: &'a RunOptions,
    /// Vertex that receives output, phases and usage.
    pub vertex: &'a Vertex,
    /// For a step with `--no-cache`: ids of the cache mounts that this build has emptied. `None` for other steps.
    pub renewed_caches: Option<&'a Mutex<BTreeSet<String>>>,
    /// Flag that ends the process early.
    pub cancel: &'a Cancel,
    /// Network of RUNs that do not ask for another.
    pub default_network: &'a BuildNetwork,
    /// Devices of this machine, if a RUN asks for one.
    pub inventory: &'a cdi::Inventory,
    /// Platform that the process runs on.
    pub platform: &'a Platform,
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
    if let Some(reason) = context.options.no_isolation.clone() {
        return Err(ExecError::NoIsolation { reason });
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
    if let Some(note) = context.layers.take_copying_note() {
        context.vertex.warning(&note);
    }
    let mut resources = mounts::MountResources::default();
    let spec = spec(exec, inputs, user, &snapshot, context, &mut resources)?;
    let mut running = sandbox::spawn(spec).map_err(|error| not_started(error, context.platform))?;
    let (exit, tail) = supervise(&mut running, context)?;
    context.vertex.enter(Phase::Unmount);
    if let Some(usage) = running.usage() {
        context.vertex.send(EventKind::Used { usage: consumed(&usage) });
    }
    let limits = &context.options.limits;
    let limit = || ReachedLimit::find(running.limits_reached(), limits, context.store.root());
    let limit = if exit == Exit::Code(0) { None } else { limit() };
    let stubs = stubs(&running);
    drop(running);
    drop(resources);
    match exit {
        Exit::Code(0) => {
            context.vertex.enter(Phase::Commit);
            let layer = snapshot.commit(&stubs)?;
            check_secrets(exec, &layer, context)?;
            Ok(layer)
        }
        exit => Err(ExecError::Process { command: exec.args.join(" "), exit, tail, limit }),
    }
}

/// Returns the error of a process that did not start.
fn not_started(error: SandboxError, platform: &Platform) -> ExecError {
    foreign::missing_emulator(error, platform).map_or_else(ExecError::Sandbox, ExecError::NoEmulator)
}

/// Looks for secrets in the layer: a warning, or an error with `--secrets=strict`.
fn check_secrets(exec: &Exec, layer: &DiffId, context: &ExecContext<'_>) -> Result<(), ExecError> {
    let scan = secret_scan(exec, context.options)?;
    if scan.is_empty() {
        return Ok(());
    }
    let tree = context.layers.view(std::slice::from_ref(layer))?;
    let read = |source| ExecError::Io { action: "read the new layer", source };
    match scan.find(&*tree).map_err(read)? {
        Some(leak) if context.options.strict_secrets => Err(ExecError::LeakedSecret(leak)),
        Some(leak) => {
            context.vertex.warning(&leak.to_string());
            Ok(())
        }
        None => Ok(()),
    }
}

/// Returns the scan for the secrets that `exec` gets, as mounts and in its environment.
fn secret_scan(exec: &Exec, options: &RunOptions) -> Result<SecretScan, ExecError> {
    let mounted = exec.mounts.iter().filter_map(|mount| match &mount.kind {
        MountKind::Secret { id, .. } => Some(id),
        _ => None,
    });
    let mut scan = SecretScan::default();
    for id in mounted.chain(exec.secret_env.iter().map(|secret| &secret.id)) {
        if let Some(value) = read_secret(options, id, false)? {
            scan.add(id, &value);
        }
    }
    Ok(scan)
}

/// Assembles the sandbox: root, mounts, process, network and devices.
fn spec(
    exec: &Exec,
    inputs: &[Files],
    user: User,
    snapshot: &Snapshot,
    context: &ExecContext<'_>,
    resources: &mut mounts::MountResources,
) -> Result<Spec, ExecError> {
    context.vertex.enter(Phase::Mount);
    let mut mounts = mounts::prepare(exec, inputs, context, resources)?;
    mounts.extend(single_id::mounts(exec, inputs, context)?);
    let mut spec = Spec {
        root: snapshot.mount_volatile()?.into(),
        read_only_root: false,
        mounts,
        process: process(exec, user, context.options)?,
        network: network(exec.network, context)?,
        hostname: exec.hostname.clone(),
        hosts: hosts(exec),
        shm_size_bytes: exec.shm_size_bytes,
        host_ipc: false,
        dns: sandbox::Dns::default(),
        limits: context.options.limits.clone(),
        insecure: exec.security == SecurityMode::Insecure,
        read_only_etc: true,
        boundary: sandbox::Boundary::default(),
    };
    let missing = |error: &CdiError| context.vertex.warning(&format!("{error}; the step runs without it"));
    devices::edits(exec, context.options, context.inventory, missing)?.apply(&mut spec)?;
    Ok(spec)
}

/// Forwards the output until the process has ended. Kills the process when the build is canceled.
fn supervise(running: &mut Running, context: &ExecContext<'_>) -> Result<(Exit, String), ExecError> {
    context.vertex.enter(Phase::Exec);
    let (stdout, stderr) = running.take_output().expect("its streams are pipes, and not taken yet");
    let tail = output::Tail::default();
    let exit = std::thread::scope(|scope| {
        let (vertex, tail) = (context.vertex, &tail);
        let spawn = |stream, pipe| {
            let forward = move || output::forward(pipe, stream, vertex, tail);
            std::thread::Builder::new().spawn_scoped(scope, forward)
        };
        if let Err(source) = spawn(1, stdout).and(spawn(2, stderr)) {
            running.signal(SIGKILL)?;
            running.wait()?;
            return Err(ExecError::Io { action: "start a thread for the output of the process", source });
        }
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

fn process(exec: &Exec, user: User, options: &RunOptions) -> Result<Process, ExecError> {
    let insecure = exec.security == SecurityMode::Insecure;
    Ok(Process {
        args: exec.args.iter().map(OsString::from).collect(),
        env: environment(exec, options)?,
        cwd: (&exec.cwd).into(),
        user: process_user(user),
        capabilities: if insecure { Capabilities::All } else { Capabilities::Default },
        seccomp: match (insecure, options.has_single_id) {
            (true, _) => Seccomp::Unconfined,
            (false, true) => Seccomp::SingleId,
            (false, false) => Seccomp::Default,
        },
        rlimits: exec.ulimits.iter().map(rlimit).collect(),
        stdio: Stdio::Piped,
    })
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

/// Returns the environment of the process: image and ARGs, then proxies, then secrets. A missing optional secret is
/// empty.
fn environment(exec: &Exec, options: &RunOptions) -> Result<Vec<OsString>, ExecError> {
    let mut env: Vec<OsString> = exec.env.iter().chain(&exec.proxy_env).map(OsString::from).collect();
    for secret in &exec.secret_env {
        let value = read_secret(options, &secret.id, secret.required)?.unwrap_or_default();
        // A secret replaces a variable of the same name: programs differ in which of two entries they use.
        let prefix = format!("{}=", secret.variable);
        env.retain(|entry| !entry.as_encoded_bytes().starts_with(prefix.as_bytes()));
        let mut entry = OsString::from(prefix);
        entry.push(std::os::unix::ffi::OsStrExt::from_bytes(value.as_slice()) as &std::ffi::OsStr);
        env.push(entry);
    }
    Ok(env)
}

fn network(mode: NetworkMode, context: &ExecContext<'_>) -> Result<Network, ExecError> {
    match mode {
        NetworkMode::Default => {
            context.vertex.enter(Phase::Connect);
            let allow_host = context.options.host_network_fallback;
            let network = context.default_network.get(allow_host, context.cancel, context.vertex);
            context.vertex.enter(Phase::Mount);
            network.map_err(
                |error| if context.cancel.is_canceled() { ExecError::Canceled } else { error.into() },
            )
        }
        NetworkMode::Host => Ok(Network::Host),
        NetworkMode::None => Ok(Network::None),
    }
}

fn hosts(exec: &Exec) -> Vec<HostEntry> {
    exec.hosts.iter().map(|(name, address)| HostEntry { name: name.clone(), address: address.0 }).collect()
}
