//! `dsbuild ps`: lists containers.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use runner::container::{Container, ContainerState, Publish, short};

use crate::args::container::PsArgs;
use crate::failure::Failure;
use crate::output::{self, table};
use crate::setup::store;

/// Longest part of a command that is shown, in characters.
const MAX_COMMAND_CHARS: usize = 20;

/// Lists containers, the newest first.
pub fn run(args: &PsArgs) -> Result<u8, Failure> {
    let store = store::open()?;
    let is_shown = |one: &Container| args.all || one.is_running();
    let containers: Vec<Container> = Container::list(&store)?.into_iter().filter(is_shown).collect();
    if args.quiet {
        containers.iter().for_each(|one| output::line(short(&one.config.id)));
        return Ok(0);
    }
    let header = ["CONTAINER ID", "IMAGE", "COMMAND", "CREATED", "STATUS", "PORTS", "NAMES"];
    table::print(header, containers.iter().map(row));
    Ok(0)
}

fn row(container: &Container) -> [String; 7] {
    let config = &container.config;
    let ports: Vec<String> = config.publish.iter().map(port).collect();
    [
        short(&config.id).to_owned(),
        config.image.clone(),
        command(&config.args),
        output::ago(Some(moment(config.created_ms))),
        status(container),
        ports.join(", "),
        config.name.clone(),
    ]
}

fn moment(ms: u64) -> SystemTime {
    UNIX_EPOCH + Duration::from_millis(ms)
}

/// Returns the beginning of a command in quotes.
fn command(args: &[String]) -> String {
    let joined = output::sanitized(&args.join(" "));
    match joined.char_indices().nth(MAX_COMMAND_CHARS - 1) {
        Some((end, _)) if joined.chars().count() > MAX_COMMAND_CHARS => format!("\"{}…\"", &joined[..end]),
        _ => format!("\"{joined}\""),
    }
}

fn status(container: &Container) -> String {
    let state = container.state();
    if container.is_running() {
        return match state.started_ms {
            Some(started_ms) => format!("Up {}", output::since(moment(started_ms))),
            None => "Starting".to_owned(),
        };
    }
    match state {
        ContainerState { error: Some(_), .. } => "Failed to start".to_owned(),
        ContainerState { exit_code: Some(code), ended_ms, .. } => {
            format!("Exited ({code}) {}", output::ago(ended_ms.map(moment)))
        }
        ContainerState { started_ms: Some(_), .. } => "Dead".to_owned(),
        _ => "Created".to_owned(),
    }
}

fn port(publish: &Publish) -> String {
    let protocol = if publish.udp { "udp" } else { "tcp" };
    format!("{}->{}/{protocol}", publish.host, publish.container_port)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_command_is_cut() {
        let check = |text: &str, expected: &str| {
            assert_eq!(command(&text.split(' ').map(str::to_owned).collect::<Vec<_>>()), expected);
        };
        check("python app.py", "\"python app.py\"");
        check("python -m http.server 8080", "\"python -m http.serv…\"");
    }
}
