//! `dsbuild run`: an image to a running process, in the foreground or watched over by a process of its own.

use std::fs::File;
use std::net::{IpAddr, Ipv4Addr, SocketAddr, TcpListener, UdpSocket};
use std::os::fd::{AsFd, OwnedFd};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

use cache::Store;
use rootfs::layers::Layers;
use runner::RunnerError;
use runner::command::{self, Overrides};
use runner::container::{Container, ContainerConfig, NetworkMode, Publish, Volume, new_id, short};
use runner::image::Image;
use runner::supervise::{self, Streams, Supervised};
use sandbox::SandboxError;

use super::{detach, store, terminal};
use crate::args::container::{MonitorArgs, RunArgs};
use crate::environment;
use crate::output;
use crate::report::{Failure, NETWORK_HINT};

/// The exit code where a container could not be started.
pub const COULD_NOT_START: u8 = 125;
/// The exit code where its program cannot be executed.
const NOT_EXECUTABLE: u8 = 126;
/// The exit code where its program is not there.
const NOT_FOUND: u8 = 127;

/// Runs an image. Whatever keeps its process from running gives one of docker's exit codes for that.
pub fn run(args: &RunArgs) -> Result<u8, Failure> {
    run_image(args).map_err(|failure| match failure.exit_code() {
        NOT_EXECUTABLE | NOT_FOUND => failure,
        _ => failure.code(COULD_NOT_START),
    })
}

fn run_image(args: &RunArgs) -> Result<u8, Failure> {
    if args.detach && (args.interactive || args.tty) {
        return Err(Failure::ours("--detach does not go together with --interactive and --tty"));
    }
    if !args.detach {
        // Before any thread exists: what is mounted from here on goes with this process.
        sandbox::privilege::enter()?;
    }
    let store = Arc::new(store::open()?);
    let image = Image::find(&store, &args.image).map_err(|error| {
        Failure::of(&error).hint("`dsbuild images` lists what is here; `dsbuild -t NAME .` builds")
    })?;
    let container = Container::create(&store, config(args, &store, &image)?)?;
    if args.detach {
        let id = container.config.id.clone();
        detach::start_monitor(&container)?;
        output::line(&id);
        return Ok(0);
    }
    let streams = if args.tty { Streams::Terminal } else { own_streams(args.interactive)? };
    let supervised = start(container, &store, streams)?;
    let exit = if args.tty { terminal::attach(supervised) } else { forward(supervised) }?;
    Ok(code(exit))
}

/// The process that watches over a container in the background.
pub fn monitor(args: &MonitorArgs) -> Result<u8, Failure> {
    sandbox::privilege::enter()?;
    let store = Arc::new(store::open()?);
    let container = Container::find(&store, &args.id)?;
    let supervised = start(container, &store, Streams::Log)?;
    detach::tell_started();
    supervised.keep_log()?;
    Ok(0)
}

fn start(container: Container, store: &Arc<Store>, streams: Streams) -> Result<Supervised, Failure> {
    let layers = Layers::new(Arc::clone(store));
    let remove = container.config.remove.then(|| container.clone());
    let started = supervise::start(container, &layers, streams).map_err(|error| {
        if let Some(container) = remove {
            // The first failure is the one to tell.
            let _ = container.remove();
        }
        let failure = Failure::of(&error).code(code(supervise::unstarted_exit_code(&error)));
        match error {
            RunnerError::Sandbox(SandboxError::Network { .. }) => failure.hint(NETWORK_HINT),
            _ => failure,
        }
    })?;
    if let Some(reason) = started.no_private_network() {
        output::note(&format!("warning: the container uses this machine's network: {reason}"));
    }
    Ok(started)
}

/// Waits, and hands on the signals that would have ended us.
fn forward(supervised: Supervised) -> Result<i32, Failure> {
    let pid = supervised.running().pid();
    terminal::forward_signals(pid)?;
    Ok(supervised.wait()?)
}

/// Exit codes are bytes.
fn code(exit: i32) -> u8 {
    u8::try_from(exit & 0xff).unwrap_or(u8::MAX)
}

/// Our own streams; stdin only where asked for.
fn own_streams(interactive: bool) -> Result<Streams, Failure> {
    let stdin = match interactive {
        true => std::io::stdin().as_fd().try_clone_to_owned()?,
        false => OwnedFd::from(File::open("/dev/null")?),
    };
    Ok(Streams::Files {
        stdin,
        stdout: std::io::stdout().as_fd().try_clone_to_owned()?,
        stderr: std::io::stderr().as_fd().try_clone_to_owned()?,
    })
}

fn config(args: &RunArgs, store: &Store, image: &Image) -> Result<ContainerConfig, Failure> {
    let id = new_id();
    let hostname = args.hostname.clone().unwrap_or_else(|| short(&id).to_owned());
    let overrides = Overrides {
        entrypoint: args.entrypoint.clone(),
        command: args.command.clone(),
        env: variables(args)?,
        workdir: args.workdir.clone(),
        user: args.user.clone(),
        terminal: args.tty,
    };
    let publish: Vec<Publish> = args.publish.iter().map(|text| publish(text)).collect::<Result<_, _>>()?;
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
        network: network(&args.network, args.network_fallback == "host")?,
        publish,
        stop_signal: of_image.stop_signal.clone(),
        terminal: args.tty,
        remove: args.rm,
        created_ms: u64::try_from(now.as_millis()).unwrap_or(u64::MAX),
        labels: of_image.labels.clone(),
    })
}

/// Those of files first, then those of flags; a name without a value is taken from our environment.
fn variables(args: &RunArgs) -> Result<Vec<String>, Failure> {
    let mut variables = Vec::new();
    for file in &args.env_files {
        let text = std::fs::read_to_string(file)
            .map_err(|error| Failure::user(format!("cannot read {}", file.display())).caused_by(&error))?;
        let lines = text.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with('#'));
        variables.extend(lines.filter_map(variable));
    }
    variables.extend(args.env.iter().filter_map(|text| variable(text)));
    Ok(variables)
}

fn variable(text: &str) -> Option<String> {
    match text.contains('=') {
        true => Some(text.to_owned()),
        false => environment::variable_even_if_empty(text).map(|value| format!("{text}={value}")),
    }
}

/// A private network; only where the user allows the machine's network as a substitute, that one.
fn network(mode: &str, allow_host: bool) -> Result<NetworkMode, Failure> {
    match mode {
        "none" => Ok(NetworkMode::None),
        "host" => Ok(NetworkMode::Host),
        "default" | "bridge" | "private" if allow_host => Ok(NetworkMode::Preferred),
        "default" | "bridge" | "private" => Ok(NetworkMode::Private),
        other => {
            Err(Failure::ours(format!("network mode {other:?} is unknown")).hint("use default, none or host"))
        }
    }
}

/// `HOST:CONTAINER[:ro|:rw]`; a HOST without a slash is a volume of the store.
fn volume(text: &str, store: &Store) -> Result<Volume, Failure> {
    let bad = |why: &str| {
        Failure::ours(format!("--volume {text:?}: {why}")).hint("for example --volume \"$PWD/data:/data:ro\"")
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
    let source = source_of_volume(source, store)
        .ok_or_else(|| bad("a volume's name has letters, digits, '_', '.', '-'"))?;
    supervise::ensure_volume(&source)?;
    let source = std::fs::canonicalize(&source)?;
    Ok(Volume { source, target: target.to_owned(), read_only })
}

fn source_of_volume(source: &str, store: &Store) -> Option<PathBuf> {
    if source.starts_with(['/', '.', '~']) || source.contains('/') {
        return Some(PathBuf::from(source));
    }
    let valid = source.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'.' | b'-'));
    (valid && !source.is_empty()).then(|| store.root().join("volumes").join(source))
}

/// `[IP:][HOST:]CONTAINER[/tcp|/udp]`; without HOST, or with 0, it is a free port.
fn publish(text: &str) -> Result<Publish, Failure> {
    let bad = || {
        Failure::ours(format!("--publish {text:?} is not [IP:][HOST:]CONTAINER[/udp]"))
            .hint("for example -p 8080:80")
    };
    let (ports, protocol) = text.split_once('/').unwrap_or((text, "tcp"));
    let udp = match protocol {
        "tcp" => false,
        "udp" => true,
        _ => return Err(bad()),
    };
    let number = |text: &str| text.parse::<u16>().ok().filter(|port| *port > 0).ok_or_else(bad);
    let parts: Vec<&str> = ports.rsplitn(3, ':').collect();
    let container_port = number(parts[0])?;
    let address = match parts.get(2) {
        Some(text) => {
            text.trim_start_matches('[').trim_end_matches(']').parse::<IpAddr>().map_err(|_| bad())?
        }
        None => IpAddr::V4(Ipv4Addr::UNSPECIFIED),
    };
    let host_port = match parts.get(1) {
        Some(text) if !text.is_empty() && *text != "0" => number(text)?,
        _ => free_port(address, udp)?,
    };
    Ok(Publish { host: SocketAddr::new(address, host_port), container_port, udp })
}

/// Returns a port of this machine that nobody listens on.
fn free_port(address: IpAddr, udp: bool) -> Result<u16, Failure> {
    let bound = if udp {
        UdpSocket::bind((address, 0)).and_then(|socket| socket.local_addr())
    } else {
        TcpListener::bind((address, 0)).and_then(|socket| socket.local_addr())
    };
    match bound {
        Ok(found) => Ok(found.port()),
        Err(error) => Err(Failure::user(format!("cannot publish a port on {address}")).caused_by(&error)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ports_are_written_as_in_docker() {
        let check = |text: &str, expected: Option<(&str, u16, bool)>| {
            let got = publish(text).ok().map(|one| (one.host.to_string(), one.container_port, one.udp));
            assert_eq!(got, expected.map(|(host, port, udp)| (host.to_owned(), port, udp)), "{text}");
        };
        check("5000:5000", Some(("0.0.0.0:5000", 5000, false)));
        check("127.0.0.1:8080:80", Some(("127.0.0.1:8080", 80, false)));
        check("[::1]:8080:80", Some(("[::1]:8080", 80, false)));
        check("53:53/udp", Some(("0.0.0.0:53", 53, true)));
        check("x:80", None);
        check("80/sctp", None);
    }

    #[test]
    fn a_port_without_a_port_of_this_machine_gets_a_free_one() {
        for text in ["80", "0:80", ":80", "127.0.0.1::80", "80/udp"] {
            let Ok(published) = publish(text) else { panic!("{text} is valid") };
            assert_eq!(published.container_port, 80, "{text}");
            assert!(published.host.port() > 1023, "{text}: {}", published.host);
        }
    }
}
