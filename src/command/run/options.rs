//! The flags of `run` and the configuration of the image, as the configuration of a container.

use std::path::PathBuf;
use std::time::{SystemTime, UNIX_EPOCH};

use cache::Store;
use runner::command::{self, Overrides};
use runner::container::{ContainerConfig, NetworkMode, Publish, Volume, new_id, short};
use runner::image::Image;
use runner::supervise;

use super::publish::publish;
use crate::environment;
use crate::failure::Failure;
use crate::output;
use cli::container::CreateArgs;
use cli::values;

/// Returns the configuration of a new container. Volumes that do not exist are created.
pub fn config(args: &CreateArgs, store: &Store, image: &Image) -> Result<ContainerConfig, Failure> {
    let id = new_id()?;
    let hostname = args.network.hostname.clone().unwrap_or_else(|| short(&id).to_owned());
    let overrides = Overrides {
        entrypoint: args.process.entrypoint.clone(),
        command: args.command.clone(),
        env: variables(args)?,
        workdir: args.process.workdir.clone(),
        user: args.process.user.clone(),
        terminal: args.process.tty,
    };
    let publish: Vec<Publish> =
        args.network.publish.iter().map(|text| publish(text)).collect::<Result<_, _>>()?;
    let of_image = &image.config.config;
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    Ok(ContainerConfig {
        name: args.name.clone().unwrap_or_else(|| short(&id).to_owned()),
        id,
        image: args.image.clone(),
        manifest: image.manifest.clone(),
        layers: image.layers().to_vec(),
        args: command::args(of_image, &overrides)?,
        env: command::env(of_image, &overrides, &hostname),
        cwd: command::cwd(of_image, &overrides),
        user: command::user(of_image, &overrides),
        hostname,
        volumes: args.volumes.iter().map(|text| volume(text, store)).collect::<Result<_, _>>()?,
        network: network(&args.network.mode, args.network.fallback == "host")?,
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
        stop_signal: of_image.stop_signal.clone(),
        terminal: args.process.tty,
        remove: args.rm,
        created_ms: u64::try_from(now.as_millis()).unwrap_or(u64::MAX),
        labels: of_image.labels.clone(),
    })
}

/// Returns the variables of files, then those of flags, which win. A name without a value is taken from our environment.
fn variables(args: &CreateArgs) -> Result<Vec<String>, Failure> {
    let mut variables = Vec::new();
    for file in &args.process.env_files {
        let text = std::fs::read_to_string(file).map_err(|error| {
            Failure::input(format!("cannot read {}", output::path(file))).caused_by(&error)
        })?;
        let lines = text.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with('#'));
        variables.extend(lines.filter_map(variable));
    }
    variables.extend(args.process.env.iter().filter_map(|text| variable(text)));
    Ok(variables)
}

fn variable(text: &str) -> Option<String> {
    if text.contains('=') {
        return Some(text.to_owned());
    }
    environment::variable_even_if_empty(text).map(|value| format!("{text}={value}"))
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

/// Reads `HOST:CONTAINER[:ro|:rw]`. A HOST without a slash is the name of a volume in the store.
fn volume(text: &str, store: &Store) -> Result<Volume, Failure> {
    let bad = |why: &str| {
        Failure::usage(format!("--volume {text:?}: {why}"))
            .hint("for example --volume \"$PWD/data:/data:ro\"")
    };
    let mut parts = text.split(':');
    let (Some(source), Some(target), options, None) =
        (parts.next(), parts.next(), parts.next(), parts.next())
    else {
        return Err(bad("it is not HOST:CONTAINER[:ro]"));
    };
    if !target.starts_with('/') {
        return Err(bad("the path in the container must be absolute"));
    }
    let read_only = match options {
        None | Some("rw") => false,
        Some("ro") => true,
        Some(_) => return Err(bad("the only options are ro and rw")),
    };
    let is_named = !is_path(source);
    let source = source_of_volume(source, store)
        .ok_or_else(|| bad("the name of a volume consists of letters, digits, '_', '.' and '-'"))?;
    supervise::ensure_volume(&source)?;
    let source = std::fs::canonicalize(&source)?;
    Ok(Volume { source, target: target.to_owned(), read_only, is_named })
}

fn is_path(source: &str) -> bool {
    source.starts_with(['/', '.', '~']) || source.contains('/')
}

fn source_of_volume(source: &str, store: &Store) -> Option<PathBuf> {
    if is_path(source) {
        return Some(PathBuf::from(source));
    }
    let valid = source.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'.' | b'-'));
    (valid && !source.is_empty()).then(|| store.root().join("volumes").join(source))
}
