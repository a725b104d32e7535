//! `dsbuild stats`: the resources that containers use.

use std::time::{Duration, Instant};

use listing::{Column, List, Row};
use runner::client;
use runner::container::{Container, short};
use runner::protocol::{Request, UsedResources};

use super::find::find;
use crate::failure::Failure;
use crate::list;
use crate::output;
use crate::setup::store;
use cli::container::StatsArgs;
use cli::list::ListArgs;

/// Time between two looks, from which the use of processors follows.
const INTERVAL: Duration = Duration::from_millis(500);

/// Fields of docker's `stats`.
const COLUMNS: &[Column] = &[
    Column { field: "BlockIO", header: "BLOCK I/O" },
    Column { field: "CPUPerc", header: "CPU %" },
    Column { field: "Container", header: "CONTAINER" },
    Column { field: "ID", header: "CONTAINER ID" },
    Column { field: "MemPerc", header: "MEM %" },
    Column { field: "MemUsage", header: "MEM USAGE / LIMIT" },
    Column { field: "Name", header: "NAME" },
    Column { field: "NetIO", header: "NET I/O" },
    Column { field: "PIDs", header: "PIDS" },
];

const SHOWN: &[&str] = &["ID", "Name", "CPUPerc", "MemUsage", "MemPerc", "NetIO", "BlockIO", "PIDs"];

/// Lists containers that run with what they use; again and again, unless it is to be done once.
pub fn run(args: &StatsArgs) -> Result<u8, Failure> {
    let list = ListArgs { quiet: false, no_trunc: args.no_trunc, format: args.format.clone() };
    loop {
        let rows = rows(args)?;
        list::print(&List { columns: COLUMNS, shown: SHOWN, id: "ID" }, &list, &rows)?;
        if args.no_stream {
            return Ok(0);
        }
    }
}

fn rows(args: &StatsArgs) -> Result<Vec<Row>, Failure> {
    let containers: Vec<Container> = if args.containers.is_empty() {
        Container::list(&store::open()?)?.into_iter().filter(|one| args.all || one.is_running()).collect()
    } else {
        args.containers.iter().map(|name| find(name)).collect::<Result<_, _>>()?
    };
    let before: Vec<UsedResources> = containers.iter().map(used).collect();
    let begin = Instant::now();
    std::thread::sleep(INTERVAL);
    let now = containers.iter().zip(before);
    Ok(now
        .map(|(container, before)| row(container, &before, &used(container), begin.elapsed(), args))
        .collect())
}

/// Returns what a container uses; nothing for one that does not run.
fn used(container: &Container) -> UsedResources {
    let answer = client::ask(container, &Request::Stats);
    answer.ok().and_then(|json| serde_json::from_slice(&json).ok()).unwrap_or_default()
}

fn row(
    container: &Container,
    before: &UsedResources,
    now: &UsedResources,
    elapsed: Duration,
    args: &StatsArgs,
) -> Row {
    let id = &container.config.id;
    let percent =
        |part: f64, whole: f64| format!("{:.2}%", if whole > 0.0 { 100.0 * part / whole } else { 0.0 });
    let cpu_ns = now.cpu_ns.saturating_sub(before.cpu_ns);
    let limit_bytes = now.memory_limit_bytes.unwrap_or_else(machine_memory_bytes);
    let pair = |left: u64, right: u64| format!("{} / {}", output::size(left), output::size(right));
    let id = if args.no_trunc { id.as_str() } else { short(id) };
    Row::new([
        ("BlockIO", pair(now.read_bytes, now.written_bytes)),
        ("CPUPerc", percent(cpu_ns as f64, elapsed.as_nanos() as f64)),
        ("Container", id.to_owned()),
        ("ID", id.to_owned()),
        ("MemPerc", percent(now.memory_bytes as f64, limit_bytes as f64)),
        ("MemUsage", pair(now.memory_bytes, limit_bytes)),
        ("Name", container.config.name.clone()),
        ("NetIO", pair(0, 0)),
        ("PIDs", now.pids.to_string()),
    ])
}

fn machine_memory_bytes() -> u64 {
    let info = rustix::system::sysinfo();
    u64::from(info.mem_unit) * info.totalram
}
