//! `dsbuild ps`, `logs`, `stop`, `rm`: containers that are there.

use std::io::Write;
use std::time::{Duration, UNIX_EPOCH};

use runner::container::{Container, ContainerState, Publish, short};
use runner::log::{LogReader, Piece};
use runner::signal;

use super::{images, store, table};
use crate::args::container::{LogsArgs, PsArgs, RmArgs, StopArgs};
use crate::output;
use crate::report::Failure;

/// How often `logs -f` looks for more.
const FOLLOW_POLL: Duration = Duration::from_millis(50);

/// Lists containers, the newest first.
pub fn list(args: &PsArgs) -> Result<u8, Failure> {
    let store = store::open()?;
    let shown = |one: &Container| args.all || one.is_running();
    let containers: Vec<Container> = Container::list(&store)?.into_iter().filter(shown).collect();
    if args.quiet {
        containers.iter().for_each(|one| output::line(short(&one.config.id)));
        return Ok(0);
    }
    let header =
        ["CONTAINER ID", "IMAGE", "COMMAND", "CREATED", "STATUS", "PORTS", "NAMES"].map(str::to_owned);
    table::print(&header, containers.iter().map(row));
    Ok(0)
}

fn row(container: &Container) -> [String; 7] {
    let config = &container.config;
    let created = UNIX_EPOCH + Duration::from_millis(config.created_ms);
    let ports: Vec<String> = config.publish.iter().map(port).collect();
    [
        short(&config.id).to_owned(),
        output::sanitized(&config.image),
        command(&config.args),
        images::ago(Some(created)),
        status(container),
        ports.join(", "),
        config.name.clone(),
    ]
}

/// The first letters of the command, in quotes.
fn command(args: &[String]) -> String {
    let joined = output::sanitized(&args.join(" "));
    match joined.char_indices().nth(19) {
        Some((end, _)) if joined.chars().count() > 20 => format!("\"{}…\"", &joined[..end]),
        _ => format!("\"{joined}\""),
    }
}

fn status(container: &Container) -> String {
    let state = container.state();
    let since = |ms: Option<u64>| ms.map(|ms| UNIX_EPOCH + Duration::from_millis(ms));
    if container.is_running() {
        return match since(state.started_ms) {
            Some(_) => format!("Up {}", images::ago(since(state.started_ms)).trim_end_matches(" ago")),
            None => "Starting".to_owned(),
        };
    }
    match state {
        ContainerState { error: Some(_), .. } => "Failed to start".to_owned(),
        ContainerState { exit_code: Some(code), ended_ms, .. } => {
            format!("Exited ({code}) {}", images::ago(since(ended_ms)))
        }
        ContainerState { started_ms: Some(_), .. } => "Dead".to_owned(),
        _ => "Created".to_owned(),
    }
}

fn port(publish: &Publish) -> String {
    let protocol = if publish.udp { "udp" } else { "tcp" };
    format!("{}->{}/{protocol}", publish.host, publish.container_port)
}

/// Prints what a container wrote, each stream to its own.
pub fn logs(args: &LogsArgs) -> Result<u8, Failure> {
    let container = find(&args.container)?;
    let mut reader = match LogReader::open(container.dir()) {
        Ok(reader) => reader,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(0),
        Err(error) => return Err(Failure::of(&error)),
    };
    let mut pieces = Vec::new();
    while let Some(piece) = reader.next_piece()? {
        match args.tail {
            Some(_) => pieces.push(piece),
            None => write(&piece)?,
        }
    }
    if let Some(tail) = args.tail {
        pieces[pieces.len().saturating_sub(tail)..].iter().try_for_each(write)?;
    }
    if args.follow {
        follow(&container, &mut reader)?;
    }
    Ok(0)
}

/// Writes what comes until the container has ended.
fn follow(container: &Container, reader: &mut LogReader) -> Result<(), Failure> {
    loop {
        // Looked at before the reading: what is written before the end is read.
        let ended = !container.is_running();
        while let Some(piece) = reader.next_piece()? {
            write(&piece)?;
        }
        if ended {
            return Ok(());
        }
        std::thread::sleep(FOLLOW_POLL);
    }
}

fn write(piece: &Piece) -> std::io::Result<()> {
    match piece.stream {
        2 => std::io::stderr().lock().write_all(piece.text.as_bytes()),
        _ => {
            let mut out = std::io::stdout().lock();
            out.write_all(piece.text.as_bytes())?;
            out.flush()
        }
    }
}

/// Asks containers to stop; kills those that do not.
pub fn stop(args: &StopArgs) -> Result<u8, Failure> {
    for name in &args.containers {
        signal::stop(&find(name)?, Duration::from_secs(args.time_s))?;
        output::line(name);
    }
    Ok(0)
}

/// Removes containers.
pub fn remove(args: &RmArgs) -> Result<u8, Failure> {
    for name in &args.containers {
        let container = find(name)?;
        if container.is_running() {
            if !args.force {
                return Err(Failure::user(format!("container {name} is running"))
                    .hint(format!("stop it first (dsbuild stop {name}), or use --force")));
            }
            signal::kill(&container)?;
        }
        container.remove()?;
        output::line(name);
    }
    Ok(0)
}

/// Finds a container by name or id.
pub(super) fn find(name: &str) -> Result<Container, Failure> {
    Container::find(&store::open()?, name)
        .map_err(|error| Failure::of(&error).code(1).hint("`dsbuild ps --all` lists all containers"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_commands_are_cut() {
        let check = |text: &str, expected: &str| {
            assert_eq!(command(&text.split(' ').map(str::to_owned).collect::<Vec<_>>()), expected);
        };
        check("python app.py", "\"python app.py\"");
        check("python -m http.server 8080", "\"python -m http.serv…\"");
    }
}
