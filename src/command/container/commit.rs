//! `dsbuild commit`: an image of what a container is now.

use oci::{Config, Digest, Empty, Platform, Reference};
use parser::ast::{Command, Kind};
use runner::client;
use runner::commit::{CommitRequest, commit};
use runner::container::Container;
use runner::image::Image;
use runner::protocol::Request;

use super::find::find;
use super::ls::moment;
use super::store_of;
use crate::failure::Failure;
use crate::output;
use crate::setup::isolation;
use crate::setup::store;
use cli::container::CommitArgs;

/// Makes an image, and prints its ID.
pub fn run(args: &CommitArgs) -> Result<u8, Failure> {
    let name: Option<Reference> = args.image.as_deref().map(str::parse).transpose()?;
    let container = find(&args.container)?;
    isolation::enter()?;
    let request = CommitRequest {
        author: args.author.clone().unwrap_or_default(),
        message: args.message.clone().unwrap_or_default(),
        created: output::rfc3339(moment(output::now_ms())),
    };
    // Where processes cannot be frozen, files that they write meanwhile can be in the image half-written.
    let is_paused = args.pause && container.is_running() && client::ask(&container, &Request::Pause).is_ok();
    let made = made(args, &container, &request, name.as_ref());
    if is_paused {
        client::ask(&container, &Request::Unpause)?;
    }
    output::line(&made?.to_string());
    Ok(0)
}

/// Makes the image; returns its ID.
fn made(
    args: &CommitArgs,
    container: &Container,
    request: &CommitRequest,
    name: Option<&Reference>,
) -> Result<Digest, Failure> {
    let change = |config: &mut Config| args.changes.iter().try_for_each(|text| apply(text, config));
    let manifest = commit::<Failure>(container, store_of()?, request, change)?;
    let store = store::open()?;
    match name {
        Some(name) => store.tag(name, manifest.clone())?,
        None => store.keep_image(manifest.clone())?,
    }
    let image = Image::load(&store, &args.container, &manifest, &Platform::host())?;
    Ok(image.id)
}

/// Changes a configuration as an instruction of a Dockerfile does.
fn apply(text: &str, config: &mut Config) -> Result<(), Failure> {
    let bad = |why: &str| Failure::usage(format!("--change {text:?}: {why}"));
    let instruction = parser::parse_trigger(text, '\\').map_err(|error| bad(&error.to_string()))?;
    match instruction.kind {
        Kind::Cmd(command) => config.cmd = Some(words(command)),
        Kind::Entrypoint(command) => config.entrypoint = Some(words(command)),
        Kind::Env(pairs) => {
            for (name, value) in pairs.pairs {
                let prefix = format!("{name}=");
                config.env.retain(|variable| !variable.starts_with(&prefix));
                config.env.push(prefix + unquoted(&value));
            }
        }
        Kind::Label(pairs) => {
            let pairs = pairs.pairs.into_iter();
            config.labels.extend(pairs.map(|(name, value)| (name, unquoted(&value).to_owned())));
        }
        Kind::Expose(ports) => {
            let port = |port: String| if port.contains('/') { port } else { format!("{port}/tcp") };
            config.exposed_ports.extend(ports.into_iter().map(|text| (port(text), Empty {})));
        }
        Kind::Volume(paths) => config.volumes.extend(paths.into_iter().map(|path| (path, Empty {}))),
        Kind::User(user) => config.user = user,
        Kind::Workdir(dir) => config.working_dir = dir,
        Kind::Stopsignal(signal) => config.stop_signal = signal,
        Kind::Onbuild(trigger) => config.on_build.push(trigger),
        _ => return Err(bad("the instruction does not change the configuration of an image")),
    }
    Ok(())
}

fn words(command: Command) -> Vec<String> {
    match command {
        Command::Exec(words) => words,
        Command::Shell(line) => ["/bin/sh", "-c", &line].map(str::to_owned).to_vec(),
    }
}

/// Returns a value without the quotes around it.
fn unquoted(value: &str) -> &str {
    let inner = |quote| value.strip_prefix(quote).and_then(|rest| rest.strip_suffix(quote));
    inner('"').or_else(|| inner('\'')).unwrap_or(value)
}
