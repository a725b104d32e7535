//! `dsbuild system df`: disk space by docker's kinds. `dsbuild du` shows the parts of the store instead.

mod verbose;

use cache::Store;
use runner::container::Container;

use super::usage::ImageUsage;
use crate::failure::Failure;
use crate::list;
use crate::output::disk_size;
use crate::setup::store;
use cli::list::ListArgs;
use cli::system::DfArgs;
use listing::{Column, List, Row};

const COLUMNS: &[Column] = &[
    Column { field: "Active", header: "ACTIVE" },
    Column { field: "Reclaimable", header: "RECLAIMABLE" },
    Column { field: "Size", header: "SIZE" },
    Column { field: "TotalCount", header: "TOTAL" },
    Column { field: "Type", header: "TYPE" },
];

const SHOWN: &[&str] = &["Type", "TotalCount", "Active", "Size", "Reclaimable"];

/// Space of a kind of thing.
struct Kind {
    name: &'static str,
    total: usize,
    active: usize,
    size_bytes: u64,
    reclaimable_bytes: u64,
    /// Whether the part that can be reclaimed is shown in percent.
    has_percent: bool,
}

/// Prints the space of each kind, or of each image, container and volume.
pub fn run(args: &DfArgs) -> Result<u8, Failure> {
    let store = store::open()?;
    let containers = Container::list(&store)?;
    let images = ImageUsage::of(&store, &containers)?;
    if args.verbose {
        verbose::print(&store, &containers, &images)?;
        return Ok(0);
    }
    let rows: Vec<Row> = kinds(&store, &containers, &images)?.iter().map(row).collect();
    let format = ListArgs { format: args.format.clone(), ..ListArgs::default() };
    list::print(&List { columns: COLUMNS, shown: SHOWN, id: "Type" }, &format, &rows)?;
    Ok(0)
}

fn kinds(store: &Store, containers: &[Container], images: &ImageUsage) -> Result<[Kind; 4], Failure> {
    let usage = store.usage();
    let image_bytes = images.size_bytes(|_| true);
    let volumes = runner::volumes::list(store)?;
    let is_linked = |name: &String| containers.iter().any(|one| one.config.uses_volume(name));
    let cache_bytes =
        usage.total_bytes().saturating_sub(image_bytes + usage.containers_bytes + usage.volumes_bytes);
    let unlinked = volumes.iter().filter(|name| !is_linked(name));
    Ok([
        Kind {
            name: "Images",
            total: images.images.len(),
            active: images.images.iter().filter(|image| image.containers > 0).count(),
            size_bytes: image_bytes,
            reclaimable_bytes: image_bytes - images.size_bytes(|image| image.containers > 0),
            has_percent: true,
        },
        Kind {
            name: "Containers",
            total: containers.len(),
            active: containers.iter().filter(|one| one.is_running()).count(),
            size_bytes: if containers.is_empty() { 0 } else { usage.containers_bytes },
            reclaimable_bytes: 0,
            has_percent: false,
        },
        Kind {
            name: "Local Volumes",
            total: volumes.len(),
            active: volumes.iter().filter(|name| is_linked(name)).count(),
            size_bytes: usage.volumes_bytes,
            reclaimable_bytes: unlinked.map(|name| store.usage_of_volume(name)).sum(),
            has_percent: true,
        },
        Kind {
            name: "Build Cache",
            total: store.record_count()?,
            active: 0,
            size_bytes: cache_bytes,
            reclaimable_bytes: cache_bytes,
            has_percent: false,
        },
    ])
}

fn row(kind: &Kind) -> Row {
    let percent = |part: u64, whole: u64| part.saturating_mul(100).checked_div(whole).unwrap_or(0);
    let reclaimable = disk_size(kind.reclaimable_bytes);
    let percents = percent(kind.reclaimable_bytes, kind.size_bytes);
    let has_percent = kind.has_percent && kind.size_bytes > 0;
    Row::new([
        ("Active", kind.active.to_string()),
        ("Reclaimable", if has_percent { format!("{reclaimable} ({percents}%)") } else { reclaimable }),
        ("Size", disk_size(kind.size_bytes)),
        ("TotalCount", kind.total.to_string()),
        ("Type", kind.name.to_owned()),
    ])
}
