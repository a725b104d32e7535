//! `dsbuild volume ls`: lists volumes.

use runner::container::Container;

use crate::failure::Failure;
use crate::list;
use crate::output;
use crate::setup::store;
use cli::filters::Filters;
use cli::volume::LsArgs;
use listing::{Column, List, Row};

/// Filters of docker's `volume ls` that mean something here.
const KNOWN: &[&str] = &["dangling", "driver", "label", "label!", "name"];

const COLUMNS: &[Column] = &[
    Column { field: "Driver", header: "DRIVER" },
    Column { field: "Labels", header: "LABELS" },
    Column { field: "Links", header: "LINKS" },
    Column { field: "Mountpoint", header: "MOUNTPOINT" },
    Column { field: "Name", header: "VOLUME NAME" },
    Column { field: "Scope", header: "SCOPE" },
    Column { field: "Size", header: "SIZE" },
];

/// Lists volumes by name.
pub fn run(args: &LsArgs) -> Result<u8, Failure> {
    let filters = Filters::parse(&args.filters, KNOWN)?;
    let dangling = filters.switch("dangling")?;
    let store = store::open()?;
    let containers = Container::list(&store)?;
    let links = |name: &str| containers.iter().filter(|one| one.config.uses_volume(name)).count();
    let mut rows = Vec::new();
    for name in runner::volumes::list(&store)? {
        let links = links(&name);
        let volume = runner::volumes::find(&store, &name)?;
        if dangling.is_some_and(|dangling| dangling == (links > 0))
            || !filters.accepts("driver", |value| value == "local")
            || !filters.accepts_labels(&volume.labels)
            || !filters.accepts("name", |value| name.contains(value))
        {
            continue;
        }
        rows.push(Row::new([
            ("Driver", "local".to_owned()),
            ("Labels", labels(&volume.labels)),
            ("Links", links.to_string()),
            ("Mountpoint", runner::volumes::path(&store, &name).display().to_string()),
            ("Scope", "local".to_owned()),
            ("Size", output::disk_size(store.usage_of_volume(&name))),
            ("Name", name),
        ]));
    }
    list::print(&List { columns: COLUMNS, shown: &["Driver", "Name"], id: "Name" }, &args.list, &rows)?;
    Ok(0)
}

/// Returns labels as docker lists them: `KEY=VALUE`, separated by commas.
fn labels(labels: &std::collections::BTreeMap<String, String>) -> String {
    labels.iter().map(|(key, value)| format!("{key}={value}")).collect::<Vec<_>>().join(",")
}
