//! `dsbuild ps`: lists containers.

mod filter;

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use cache::Store;
use runner::container::{Container, ContainerState, HealthStatus, NetworkMode, Publish, Status, short};

use self::filter::ContainerFilter;
use crate::failure::Failure;
use crate::list;
use crate::output;
use crate::setup::store;
use cli::container::LsArgs;
use listing::{Column, List, Row};

/// Longest part of a command that is shown, in characters.
const MAX_COMMAND_CHARS: usize = 20;

/// Fields of docker's `ps`.
const COLUMNS: &[Column] = &[
    Column { field: "Command", header: "COMMAND" },
    Column { field: "CreatedAt", header: "CREATED AT" },
    Column { field: "ID", header: "CONTAINER ID" },
    Column { field: "Image", header: "IMAGE" },
    Column { field: "Labels", header: "LABELS" },
    Column { field: "LocalVolumes", header: "LOCAL VOLUMES" },
    Column { field: "Mounts", header: "MOUNTS" },
    Column { field: "Names", header: "NAMES" },
    Column { field: "Networks", header: "NETWORKS" },
    Column { field: "Ports", header: "PORTS" },
    Column { field: "RunningFor", header: "CREATED" },
    Column { field: "Size", header: "SIZE" },
    Column { field: "State", header: "STATE" },
    Column { field: "Status", header: "STATUS" },
];

/// Exit code of a container whose end nobody saw, because the machine went down.
const UNKNOWN_END: i32 = 255;

const SHOWN: &[&str] = &["ID", "Image", "Command", "RunningFor", "Status", "Ports", "Names"];

const SHOWN_WITH_SIZE: &[&str] =
    &["ID", "Image", "Command", "RunningFor", "Status", "Ports", "Names", "Size"];

/// Lists containers, the newest first.
pub fn run(args: &LsArgs) -> Result<u8, Failure> {
    let store = store::open()?;
    let filter = ContainerFilter::parse(&store, args)?;
    let shown = Container::list(&store)?.into_iter().filter(|one| filter.accepts(one));
    let limit = if args.latest { 1 } else { args.last.unwrap_or(usize::MAX) };
    let wants_size = args.size || args.list.format.as_ref().is_some_and(|format| format.contains(".Size"));
    let row = |one: Container| {
        let size = if wants_size { size(&store, &one) } else { "0B".to_owned() };
        row(&one, args.list.no_trunc, size)
    };
    let rows: Vec<Row> = shown.take(limit).map(row).collect();
    let columns = if args.size { SHOWN_WITH_SIZE } else { SHOWN };
    list::print(&List { columns: COLUMNS, shown: columns, id: "ID" }, &args.list, &rows)?;
    Ok(0)
}

/// Returns the size of what a container has changed, and of all its files.
fn size(store: &Store, container: &Container) -> String {
    let layers = container.config.layers.iter().filter_map(|layer| store.stat_blob(&layer.0).ok().flatten());
    let changed_bytes = container.changed_bytes();
    let all_bytes = changed_bytes + layers.sum::<u64>();
    format!("{} (virtual {})", output::size(changed_bytes), output::size(all_bytes))
}

fn row(container: &Container, no_trunc: bool, size: String) -> Row {
    let config = &container.config;
    let ports: Vec<String> = config.publish.iter().map(port).collect();
    let mounts: Vec<String> = config.volumes.iter().map(|one| one.source.display().to_string()).collect();
    let local = config.volumes.iter().filter(|one| one.is_named).count();
    let created = moment(config.created_ms);
    Row::new([
        ("Command", command(&config.args, no_trunc)),
        ("CreatedAt", output::date(created)),
        ("ID", if no_trunc { config.id.clone() } else { short(&config.id).to_owned() }),
        ("Image", config.image.clone()),
        ("LocalVolumes", local.to_string()),
        ("Mounts", mounts.join(",")),
        ("Names", config.name.clone()),
        ("Networks", network(config.network).to_owned()),
        ("Ports", ports.join(", ")),
        ("RunningFor", output::ago(Some(created))),
        ("Size", size),
        ("State", container.status().name().to_owned()),
        ("Status", status(container)),
    ])
    .with_labels(&config.labels)
}

/// Returns a time that a document of a container has, in milliseconds since 1970.
pub fn moment(ms: u64) -> SystemTime {
    UNIX_EPOCH + Duration::from_millis(ms)
}

fn network(mode: NetworkMode) -> &'static str {
    match mode {
        NetworkMode::Private | NetworkMode::Preferred => "default",
        NetworkMode::Host => "host",
        NetworkMode::None => "none",
    }
}

/// Returns the beginning of a command in quotes, or all of it.
pub fn command(args: &[String], no_trunc: bool) -> String {
    let joined = output::sanitized(&args.join(" "));
    match joined.char_indices().nth(MAX_COMMAND_CHARS - 1) {
        Some((end, _)) if !no_trunc && joined.chars().count() > MAX_COMMAND_CHARS => {
            format!("\"{}…\"", &joined[..end])
        }
        _ => format!("\"{joined}\""),
    }
}

/// Returns docker's words for what a container does, and since when.
pub fn status(container: &Container) -> String {
    let state = container.state();
    let up = |end: &str| match state.started_ms {
        Some(started_ms) => format!("Up {}{end}", output::since(moment(started_ms))),
        None => "Starting".to_owned(),
    };
    let exited = |word: &str| {
        format!(
            "{word} ({}) {}",
            state.exit_code.unwrap_or(UNKNOWN_END),
            output::ago(state.ended_ms.map(moment))
        )
    };
    match container.status() {
        Status::Created if container.is_running() => "Starting".to_owned(),
        Status::Created => "Created".to_owned(),
        Status::Running => up(&health(&state)),
        Status::Paused => up(" (Paused)"),
        Status::Restarting => exited("Restarting"),
        Status::Exited if state.error.is_some() => "Failed to start".to_owned(),
        Status::Exited if state.ended_ms.is_none() => format!("Exited ({UNKNOWN_END})"),
        Status::Exited => exited("Exited"),
        Status::Dead => "Dead".to_owned(),
    }
}

/// Returns docker's words for the health of a container with a check, in parentheses.
fn health(state: &ContainerState) -> String {
    match state.health.as_ref().map(|health| health.status) {
        None => String::new(),
        Some(HealthStatus::Starting) => " (health: starting)".to_owned(),
        Some(status) => format!(" ({})", status.name()),
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
        let check = |text: &str, no_trunc: bool, expected: &str| {
            let args: Vec<String> = text.split(' ').map(str::to_owned).collect();
            assert_eq!(command(&args, no_trunc), expected);
        };
        check("python app.py", false, "\"python app.py\"");
        check("python -m http.server 8080", false, "\"python -m http.serv…\"");
        check("python -m http.server 8080", true, "\"python -m http.server 8080\"");
    }
}
