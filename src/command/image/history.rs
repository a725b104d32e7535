//! `dsbuild history`: the instructions that an image was made by, the newest first.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use images::Image;
use jiff::Timestamp;
use oci::History;

use super::find::{find_for, platform};
use crate::command::versions;
use crate::failure::Failure;
use crate::list;
use crate::output;
use crate::setup::store;
use cli::inspect::HistoryArgs;
use listing::{Column, List, Row};

/// Longest part of an instruction that is shown, in characters.
const MAX_INSTRUCTION_CHARS: usize = 45;

/// Cell for an instruction whose result is no image of its own.
const MISSING: &str = "<missing>";

const COLUMNS: &[Column] = &[
    Column { field: "Comment", header: "COMMENT" },
    Column { field: "CreatedAt", header: "CREATED AT" },
    Column { field: "CreatedBy", header: "CREATED BY" },
    Column { field: "CreatedSince", header: "CREATED" },
    Column { field: "ID", header: "IMAGE" },
    Column { field: "Size", header: "SIZE" },
];

const SHOWN: &[&str] = &["ID", "CreatedSince", "CreatedBy", "Size", "Comment"];

/// Prints the history of an image.
pub fn run(args: &HistoryArgs) -> Result<u8, Failure> {
    if args.versions {
        return versions::list::run(&args.image, &args.list);
    }
    let store = store::open()?;
    let found = find_for(&store, &args.image, &platform(args.platform.as_deref())?)?;
    let mut rows: Vec<Row> =
        steps(&found.image).into_iter().map(|(entry, size_bytes)| row(args, entry, size_bytes)).collect();
    rows.reverse();
    if let Some(newest) = rows.first_mut() {
        let id = found.id();
        newest.set("ID", if args.list.no_trunc { id.to_string() } else { id.hex()[..12].to_owned() });
    }
    list::print(&List { columns: COLUMNS, shown: SHOWN, id: "ID" }, &args.list, &rows)?;
    Ok(0)
}

/// Returns the entries of the history with the sizes of their layers, the oldest first.
fn steps(image: &Image) -> Vec<(&History, u64)> {
    let mut layers = image.manifest.layers.iter();
    let size = |entry: &History| {
        if entry.empty_layer { 0 } else { layers.next().map_or(0, |layer| layer.size_bytes) }
    };
    let sizes: Vec<u64> = image.config.history.iter().map(size).collect();
    image.config.history.iter().zip(sizes).collect()
}

fn row(args: &HistoryArgs, entry: &History, size_bytes: u64) -> Row {
    let created = entry.created.as_deref().and_then(|text| text.parse::<Timestamp>().ok());
    let created_at = created.map(|moment| moment.to_string()).unwrap_or_default();
    let since =
        created.and_then(known).map(|time| output::ago(Some(time))).unwrap_or_else(|| "N/A".to_owned());
    Row::new([
        ("Comment", entry.comment.clone()),
        ("CreatedSince", if args.human { since } else { created_at.clone() }),
        ("CreatedAt", created_at),
        ("CreatedBy", instruction(&entry.created_by, args.list.no_trunc)),
        ("ID", MISSING.to_owned()),
        ("Size", if args.human { output::size(size_bytes) } else { size_bytes.to_string() }),
    ])
}

/// Returns the time of an entry, or `None` for the fixed date of reproducible builds, which says nothing.
fn known(moment: Timestamp) -> Option<SystemTime> {
    /// 1980-01-02, the first day that every zip file can hold.
    const FIXED_DATE_S: i64 = 315_619_200;
    let seconds = u64::try_from(moment.as_second()).ok()?;
    (moment.as_second() > FIXED_DATE_S).then(|| UNIX_EPOCH + Duration::from_secs(seconds))
}

/// Returns the beginning of an instruction as one line.
fn instruction(text: &str, no_trunc: bool) -> String {
    let line = text.replace('\t', " ");
    if no_trunc || line.chars().count() <= MAX_INSTRUCTION_CHARS {
        return line;
    }
    let start: String = line.chars().take(MAX_INSTRUCTION_CHARS - 1).collect();
    format!("{start}…")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_instruction_is_cut() {
        let check = |text: &str, no_trunc: bool, expected: &str| {
            assert_eq!(instruction(text, no_trunc), expected);
        };
        check("ENV A=1\tB=2", false, "ENV A=1 B=2");
        let long = "HEALTHCHECK {Test:[CMD true] Interval:0s Timeout:0s}";
        check(long, false, "HEALTHCHECK {Test:[CMD true] Interval:0s Tim…");
        check(long, true, long);
    }

    #[test]
    fn the_fixed_date_is_not_a_time() {
        let at = |text: &str| known(text.parse().expect("a time")).is_some();
        assert!(!at("1980-01-02T00:00:00Z") && !at("0001-01-01T00:00:00Z") && at("2024-05-01T00:00:00Z"));
    }
}
