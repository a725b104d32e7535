//! `dsbuild images`: lists images.

mod filter;

use images::PulledFrom;
use images::catalog::{self, Entry};
use oci::Reference;

use self::filter::ImageFilter;
use super::summary::Summary;
use crate::failure::Failure;
use crate::list;
use crate::output::{self, ago};
use crate::setup::store;
use cli::image::LsArgs;
use listing::{Column, List, Row};

/// Cell for an image without a name, tag or digest.
const NONE: &str = "<none>";

/// Cell for a number that is not counted.
const NOT_COUNTED: &str = "N/A";

/// Fields of docker's `images`.
const COLUMNS: &[Column] = &[
    Column { field: "Containers", header: "CONTAINERS" },
    Column { field: "CreatedAt", header: "CREATED AT" },
    Column { field: "CreatedSince", header: "CREATED" },
    Column { field: "Digest", header: "DIGEST" },
    Column { field: "ID", header: "IMAGE ID" },
    Column { field: "Repository", header: "REPOSITORY" },
    Column { field: "SharedSize", header: "SHARED SIZE" },
    Column { field: "Size", header: "SIZE" },
    Column { field: "Tag", header: "TAG" },
    Column { field: "UniqueSize", header: "UNIQUE SIZE" },
    Column { field: "VirtualSize", header: "SIZE" },
];

const SHOWN: &[&str] = &["Repository", "Tag", "ID", "CreatedSince", "Size"];
const SHOWN_WITH_DIGESTS: &[&str] = &["Repository", "Tag", "Digest", "ID", "CreatedSince", "Size"];

/// Lists images, the newest first.
pub fn run(args: &LsArgs) -> Result<u8, Failure> {
    let store = store::open()?;
    let filter = ImageFilter::parse(&store, args)?;
    let entries = catalog::entries(&store)?;
    let mut images: Vec<(&Entry, Summary)> =
        entries.iter().map(|entry| (entry, Summary::of(&store, &entry.root))).collect();
    images.sort_by_key(|(_, summary)| std::cmp::Reverse(summary.created_ms));
    let mut rows = Vec::new();
    for (entry, summary) in &images {
        if !filter.accepts(entry, summary) {
            continue;
        }
        let names = entry.names.iter().filter(|name| filter.accepts_name(name)).map(Some);
        let names: Vec<_> = if entry.names.is_empty() { vec![None] } else { names.collect() };
        rows.extend(names.into_iter().map(|name| row(name, entry, summary, args)));
    }
    let shown = if args.digests { SHOWN_WITH_DIGESTS } else { SHOWN };
    list::print(&List { columns: COLUMNS, shown, id: "ID" }, &args.list, &rows)?;
    Ok(0)
}

fn row(name: Option<&Reference>, entry: &Entry, summary: &Summary, args: &LsArgs) -> Row {
    let none = || NONE.to_owned();
    let id = if args.list.no_trunc { summary.id.to_string() } else { summary.id.hex()[..12].to_owned() };
    let created = summary.created();
    let size = output::size(summary.size_bytes);
    Row::new([
        ("Containers", NOT_COUNTED.to_owned()),
        ("CreatedAt", created.map_or_else(none, output::date)),
        ("CreatedSince", ago(created)),
        ("Digest", PulledFrom::of(&entry.root).map_or_else(none, |from| from.root.to_string())),
        ("ID", id),
        ("Repository", name.map_or_else(none, repository)),
        ("SharedSize", NOT_COUNTED.to_owned()),
        ("Size", size.clone()),
        ("Tag", name.and_then(|name| name.tag.clone()).unwrap_or_else(none)),
        ("UniqueSize", NOT_COUNTED.to_owned()),
        ("VirtualSize", size),
    ])
}

/// Returns a name without tag and digest, as people write it.
fn repository(name: &Reference) -> String {
    Reference { tag: None, digest: None, ..name.clone() }.familiar()
}
