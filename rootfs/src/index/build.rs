//! Building an index from rows: adds implied directories, and finds out how rows refer to each other.

use std::collections::HashMap;

use super::encode::Encoder;
use super::limits::{MAX_ENTRIES, too_many_entries};
use super::row::{Origin, Row};
use super::{Index, common_directory};
use crate::RootfsError;
use trees::entry::Kind;
use trees::path::{is_below, split};

impl Index {
    /// Makes an index of rows, which are in the order of their paths without duplicates. Parent directories can be
    /// missing.
    pub(crate) fn build(rows: Vec<Row>, origin: Origin) -> Result<Self, RootfsError> {
        let rows = with_parents(without_idle_whiteouts(rows));
        if rows.len() > MAX_ENTRIES {
            return Err(too_many_entries());
        }
        let mut encoder = Encoder::new(origin);
        let ends = ends(&rows);
        let groups = first_names(&rows);
        let mut opaque_until = 0;
        for (number, row) in rows.into_iter().enumerate() {
            if matches!(row.entry.kind, Kind::Directory { opaque: true }) {
                opaque_until = ends[number].max(opaque_until);
            }
            encoder.row(&row, ends[number], groups.get(&row.group).copied(), number < opaque_until)?;
        }
        Ok(encoder.finish())
    }
}

/// Leaves out whiteouts below an opaque directory: nothing of lower layers is left there, and overlayfs would list them.
fn without_idle_whiteouts(mut rows: Vec<Row>) -> Vec<Row> {
    let mut opaque: Option<Vec<u8>> = None;
    rows.retain(|row| {
        if opaque.as_ref().is_some_and(|opaque| is_below(&row.path, opaque)) {
            return row.entry.kind != Kind::Whiteout;
        }
        if row.entry.kind == (Kind::Directory { opaque: true }) {
            opaque = Some(row.path.clone());
        }
        true
    });
    rows
}

/// Adds a row for each directory that a path leads through and that has none.
fn with_parents(rows: Vec<Row>) -> Vec<Row> {
    let mut all: Vec<Row> = Vec::with_capacity(rows.len() + 1);
    if rows.first().is_none_or(|row| !row.path.is_empty()) {
        all.push(Row::implied(&[]));
    }
    for row in rows {
        let previous = all.last().map_or(&b""[..], |row| &row.path);
        let mut known = common_directory(previous, &row.path).len();
        let parent = split(&row.path).map_or(0, |(parent, _)| parent.len());
        while known < parent {
            let from = known + usize::from(known > 0);
            let next =
                row.path[from..].iter().position(|&byte| byte == b'/').unwrap_or(row.path.len() - from);
            known = from + next;
            all.push(Row::implied(&row.path[..known]));
        }
        all.push(row);
    }
    all
}

/// Returns for each row the first row that is not below it.
fn ends(rows: &[Row]) -> Vec<usize> {
    let mut ends = vec![rows.len(); rows.len()];
    let mut open: Vec<usize> = Vec::new();
    for (number, row) in rows.iter().enumerate() {
        while let Some(&last) = open.last().filter(|&&last| !is_below(&row.path, &rows[last].path)) {
            ends[last] = number;
            open.pop();
        }
        open.push(number);
    }
    ends
}

/// Returns the first row of each group that has several.
fn first_names(rows: &[Row]) -> HashMap<u32, usize> {
    let mut seen: HashMap<u32, (usize, usize)> = HashMap::new();
    for (number, row) in rows.iter().enumerate().filter(|(_, row)| row.group != 0) {
        seen.entry(row.group).or_insert((number, 0)).1 += 1;
    }
    seen.into_iter().filter(|(_, (_, names))| *names > 1).map(|(group, (first, _))| (group, first)).collect()
}
