//! The flags of `run` and the configuration of the image, as the configuration of a container.

use std::collections::BTreeMap;
use std::time::{SystemTime, UNIX_EPOCH};

use cache::Store;
use runner::command::{self, Overrides};
use runner::container::{ContainerConfig, LifeConfig, NetworkMode, Publish, new_id, short};
use runner::image::Image;

use super::publish::publish;
use super::{isolation, lifetime, mounts};
use crate::failure::Failure;
use crate::setup::variables::{lines_of, variables};
use cli::container::CreateArgs;
use cli::values;

/// Returns the configuration of a new container. Volumes that do not exist are created.
pub fn config(
    args: &CreateArgs,
    store: &Store,
    image: &Image,
    is_detached: bool,
) -> Result<ContainerConfig, Failure> {
    let id = new_id()?;
    let hostname = args.network.hostname.clone().unwrap_or_else(|| short(&id).to_owned());
    let overrides = Overrides {
        entrypoint: args.process.entrypoint.clone(),
        command: args.command.clone(),
        env: variables(&args.process.env_files, &args.process.env)?,
        workdir: args.process.workdir.clone(),
        user: args.process.user.clone(),
        terminal: args.process.tty,
    };
    let publish: Vec<Publish> =
        args.network.publish.iter().map(|text| publish(text)).collect::<Result<_, _>>()?;
    let of_image = &image.config.config;
    let network = network(&args.network.mode, args.network.fallback == "host")?;
    let mut publish = publish;
    publish.extend(super::publish::exposed(&args.network, of_image.exposed_ports.keys())?);
    let mounts = mounts::read(&args.mounts, &of_image.volumes, store)?;
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    Ok(ContainerConfig {
        // An empty name is replaced by a made-up one.
        name: args.name.clone().unwrap_or_default(),
        id,
        image: args.image.clone(),
        manifest: image.manifest.clone(),
        layers: image.layers().to_vec(),
        args: command::args(of_image, &overrides)?,
        env: command::env(of_image, &overrides, &hostname),
        cwd: command::cwd(of_image, &overrides),
        user: command::user(of_image, &overrides),
        hostname,
        volumes: mounts.volumes,
        tmpfs: mounts.tmpfs,
        network,
        shm_size_bytes: args
            .isolation
            .shm_size
            .as_deref()
            .map(|text| values::size_bytes(text, "--shm-size"))
            .transpose()?,
        host_ipc: args.isolation.ipc == "host",
        memory_bytes: values::memory(args.resources.memory.as_deref())?,
        max_pids: values::pids_limit(args.resources.pids_limit),
        publish,
        stop_signal: args.lifetime.stop_signal.clone().unwrap_or_else(|| of_image.stop_signal.clone()),
        terminal: args.process.tty,
        remove: args.lifetime.rm,
        created_ms: u64::try_from(now.as_millis()).unwrap_or(u64::MAX),
        labels: labels(args, &of_image.labels)?,
        life: life(args, image, is_detached)?,
        isolation: isolation::isolation(args, network)?,
        resources: isolation::resources(&args.resources)?,
    })
}

/// Returns the settings about the life of the container.
fn life(args: &CreateArgs, image: &Image, is_detached: bool) -> Result<LifeConfig, Failure> {
    let of_image = &image.config.config;
    let entrypoint = match &args.process.entrypoint {
        Some(program) => Vec::from_iter((!program.is_empty()).then(|| program.clone())),
        None => of_image.entrypoint.clone().unwrap_or_default(),
    };
    let keeps_cmd = args.command.is_empty() && args.process.entrypoint.is_none();
    Ok(LifeConfig {
        restart: lifetime::restart(&args.lifetime)?,
        log: lifetime::log(&args.lifetime)?,
        stop_timeout_s: args.lifetime.stop_timeout,
        health: lifetime::health(&args.lifetime, of_image.healthcheck.as_ref())?,
        open_stdin: args.process.interactive,
        stdin_once: args.process.interactive && !is_detached,
        entrypoint,
        cmd: if keeps_cmd { of_image.cmd.clone().unwrap_or_default() } else { args.command.clone() },
        image_id: Some(image.id),
        exposed: of_image.exposed_ports.keys().cloned().collect(),
    })
}

/// Returns the labels of the image with those of files and flags over them.
fn labels(
    args: &CreateArgs,
    of_image: &BTreeMap<String, String>,
) -> Result<BTreeMap<String, String>, Failure> {
    let mut labels = of_image.clone();
    let mut set = |text: &str| {
        let (key, value) = text.split_once('=').unwrap_or((text, ""));
        labels.insert(key.to_owned(), value.to_owned());
    };
    for file in &args.label_files {
        lines_of(file)?.iter().for_each(|line| set(line));
    }
    args.labels.iter().for_each(|text| set(text));
    Ok(labels)
}

/// Reads `--network`. A container gets the network of this machine in place of a private one only if `allow_host`.
fn network(mode: &str, allow_host: bool) -> Result<NetworkMode, Failure> {
    match mode {
        "none" => Ok(NetworkMode::None),
        "host" => Ok(NetworkMode::Host),
        "default" | "bridge" | "private" if allow_host => Ok(NetworkMode::Preferred),
        "default" | "bridge" | "private" => Ok(NetworkMode::Private),
        other => {
            Err(Failure::usage(format!("unknown network mode {other:?}")).hint("use default, none or host"))
        }
    }
}
