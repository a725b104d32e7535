//! The differences as text: a minus for the first image, a plus for the second, `~` for what both have.

use std::collections::BTreeSet;
use std::fmt::{self, Write as _};

use compare::{Change, Comparison, FileState, LayerInfo, Row, fold};

use super::side::Side;
use crate::output::{number, size};

/// Number of rows of files that are shown unless the user asks for all.
const MAX_ROWS: usize = 200;
/// Number of characters to which values are cut.
const MAX_VALUE_CHARS: usize = 100;

/// Returns the text. `is_whole`: with every file.
pub fn render(before: &Side, after: &Side, found: &Comparison, is_whole: bool) -> String {
    let mut text = String::new();
    write(&mut text, before, after, found, is_whole).expect("writing to a string cannot fail");
    text
}

fn write(text: &mut String, before: &Side, after: &Side, found: &Comparison, is_whole: bool) -> fmt::Result {
    for (mark, side) in [("---", before), ("+++", after)] {
        let about = side.about().map_or_else(String::new, |about| format!("  ({about})"));
        writeln!(text, "{mark} {}  {}{about}", side.name, side.image.manifest.config.digest)?;
    }
    if found.is_empty() {
        writeln!(text, "\nno differences in files, packages and config")?;
    }
    packages(text, found)?;
    config(text, found)?;
    layers(text, found)?;
    files(text, found, is_whole)
}

/// Returns the sign of a difference.
pub fn mark(change: Change) -> char {
    match change {
        Change::Added => '+',
        Change::Removed => '-',
        Change::Changed => '~',
    }
}

fn packages(text: &mut String, found: &Comparison) -> fmt::Result {
    if found.packages.is_empty() {
        return Ok(());
    }
    writeln!(text, "\npackages: {} differ", number(found.packages.len() as u64))?;
    let width = found.packages.iter().map(|package| package.name.chars().count()).max().unwrap_or(0).min(40);
    for package in &found.packages {
        let (sign, kind) = (mark(package.change), package.kind);
        let values = transition(&joined(&package.before), &joined(&package.after), package.change);
        writeln!(text, "  {sign} {kind:<5} {:<width$}  {values}", package.name)?;
    }
    Ok(())
}

/// Returns several versions as one text.
pub fn joined(versions: &BTreeSet<String>) -> String {
    versions.iter().map(String::as_str).collect::<Vec<_>>().join(", ")
}

fn transition(before: &str, after: &str, change: Change) -> String {
    match change {
        Change::Added => after.to_owned(),
        Change::Removed => before.to_owned(),
        Change::Changed => format!("{before} -> {after}"),
    }
}

fn config(text: &mut String, found: &Comparison) -> fmt::Result {
    if found.config.is_empty() {
        return Ok(());
    }
    writeln!(text, "\nconfig: {} differ", found.config.len())?;
    for setting in &found.config {
        let value = |value: &Option<String>| value.as_deref().map_or_else(String::new, cut);
        let values = transition(&value(&setting.before), &value(&setting.after), setting.change);
        writeln!(text, "  {} {}  {values}", mark(setting.change), setting.name)?;
    }
    Ok(())
}

fn layers(text: &mut String, found: &Comparison) -> fmt::Result {
    let layers = &found.layers;
    let (removed, added) = (layers.removed.len(), layers.added.len());
    if removed + added == 0 {
        return Ok(());
    }
    writeln!(text, "\nlayers: {} in common, {removed} removed, {added} added", layers.common)?;
    let mut line = |sign: char, layer: &LayerInfo| {
        let (digest, bytes) = (&layer.diff_id.0.hex()[..12], size(layer.size_bytes));
        writeln!(text, "  {sign} {digest}  {bytes:>7}  {}", cut(&layer.created_by))
    };
    layers.removed.iter().try_for_each(|layer| line('-', layer))?;
    layers.added.iter().try_for_each(|layer| line('+', layer))
}

fn files(text: &mut String, found: &Comparison, is_whole: bool) -> fmt::Result {
    let files = &found.files;
    if files.changes.is_empty() {
        return Ok(());
    }
    writeln!(
        text,
        "\nfiles: {} added, {} removed, {} changed; {} -> {}",
        number(files.added),
        number(files.removed),
        number(files.changed),
        size(files.before_bytes),
        size(files.after_bytes)
    )?;
    if is_whole {
        return files.changes.iter().try_for_each(|change| writeln!(text, "  {}", row(&Row::of(change))));
    }
    let rows = fold(&files.changes);
    rows.iter().take(MAX_ROWS).try_for_each(|one| writeln!(text, "  {}", row(one)))?;
    match rows.len().saturating_sub(MAX_ROWS) {
        0 => Ok(()),
        more => writeln!(text, "  … and {} more; --all lists every file", number(more as u64)),
    }
}

/// Returns a row of the list of files.
fn row(row: &Row<'_>) -> String {
    let path = row.change.path.display();
    let sign = mark(row.change.change);
    match (&row.change.before, &row.change.after) {
        (Some(before), Some(after)) => {
            format!("{sign} {path}  {}", differences(&row.change.differs, before, after))
        }
        (Some(state), None) | (None, Some(state)) => {
            format!("{sign} {}", described(&path.to_string(), state, row))
        }
        (None, None) => String::new(),
    }
}

/// Describes a path that only one image has.
fn described(path: &str, state: &FileState, row: &Row<'_>) -> String {
    let owner = if (state.uid, state.gid) == (0, 0) { String::new() } else { format!(" {}", owner(state)) };
    let bytes = size(row.before_bytes.max(row.after_bytes));
    match (state.kind, &state.target) {
        ("directory", _) => {
            let below =
                if row.below > 0 { format!("  {}, {bytes}", entries(row.below)) } else { String::new() };
            format!("{path}/  {:04o}{owner}{below}", state.mode)
        }
        (_, Some(target)) => format!("{path} -> {target}"),
        ("file", None) => format!("{path}  {:04o}{owner}  {bytes}", state.mode),
        (kind, None) => format!("{path}  {:04o}{owner}  {kind}", state.mode),
    }
}

/// Returns a number of entries of a directory.
pub fn entries(count: u64) -> String {
    if count == 1 { "1 entry".to_owned() } else { format!("{} entries", number(count)) }
}

/// Describes the differences of a path that both images have: `12B -> 14B, mode 0644 -> 0755`.
pub fn differences(differs: &[&str], before: &FileState, after: &FileState) -> String {
    let one = |what: &&str| match *what {
        "type" => format!("{} -> {}", before.kind, after.kind),
        "content" if before.size_bytes == after.size_bytes => {
            format!("other content of {}", size(after.size_bytes))
        }
        "content" => format!("{} -> {}", size(before.size_bytes), size(after.size_bytes)),
        "target" => {
            let target = |state: &FileState| state.target.clone().unwrap_or_default();
            format!("target {} -> {}", target(before), target(after))
        }
        "mode" => format!("mode {:04o} -> {:04o}", before.mode, after.mode),
        "owner" => format!("owner {} -> {}", owner(before), owner(after)),
        other => format!("other {other}"),
    };
    differs.iter().map(one).collect::<Vec<_>>().join(", ")
}

/// Returns the owner of a path as `uid:gid`.
pub fn owner(state: &FileState) -> String {
    format!("{}:{}", state.uid, state.gid)
}

fn cut(value: &str) -> String {
    match value.char_indices().nth(MAX_VALUE_CHARS) {
        Some((end, _)) => format!("{}…", &value[..end]),
        None => value.to_owned(),
    }
}
