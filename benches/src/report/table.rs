//! The tables: medians and ratios first, then memory, then the runs behind the medians.

use std::fmt::Write as _;

use super::{columns, curve};
use crate::engine::OURS;
use crate::result::{Cell, Results, RowResult};
use crate::runner::FLOOR;
use crate::stats::{self, Summary};

/// Returns all tables and the header as text.
pub fn table(results: &Results) -> String {
    let mut text = head(results);
    if !results.rows.is_empty() {
        let _ = write!(text, "\nMedians; ratios: other / dsbuild, dsbuild / floor\n\n{}", medians(results));
        let _ = write!(text, "\nPeak memory of a run\n\n{}", memory(results));
        let _ = write!(text, "\nRuns\n\n{}", runs(results));
    }
    if let Some(curves) = curve::curves(results) {
        let _ = write!(text, "\nCurves of dsbuild\n\n{curves}");
    }
    if !results.parts.is_empty() {
        let _ = write!(text, "\nParts of dsbuild, in one process\n\n{}", parts(results));
    }
    let troubles = troubles(results);
    if !troubles.is_empty() {
        let _ = write!(text, "\nNot measured\n\n{troubles}");
    }
    text
}

fn head(results: &Results) -> String {
    let machine = &results.machine;
    let mut text = format!(
        "{}, commit {}: {} cores ({}), {} memory, Linux {}, {}; load {:.1} before, {:.1} after\n",
        results.date,
        results.commit,
        machine.cores,
        machine.processor,
        stats::bytes(machine.memory_bytes),
        machine.kernel,
        machine.file_system,
        machine.load_before,
        machine.load_after
    );
    for tool in &results.tools {
        let _ = writeln!(text, "  {}: {}", tool.name, tool.version);
    }
    text
}

/// Returns the tools that have a column, dsbuild first.
pub fn shown_tools(results: &Results) -> Vec<&str> {
    results.tools.iter().filter(|tool| tool.is_here).map(|tool| tool.name.as_str()).collect()
}

fn medians(results: &Results) -> String {
    let tools = shown_tools(results);
    let others = || tools.iter().copied().filter(|tool| *tool != OURS);
    let mut title = vec![String::new()];
    title.extend(tools.iter().map(|&tool| tool.to_owned()));
    title.extend(["floor", "goal", "met"].map(ToOwned::to_owned));
    title.extend(others().map(|tool| format!("{tool}/ours")));
    title.push("ours/floor".to_owned());
    let mut lines = vec![title];
    for row in &results.rows {
        let mut line = vec![row.title.clone()];
        line.extend(tools.iter().map(|tool| time(row.cell(tool))));
        line.push(time(row.cell(FLOOR)));
        line.push(row.goal_s.map(stats::seconds).unwrap_or_default());
        line.push(met(row.goal_s, row.median_s(OURS)));
        line.extend(others().map(|tool| ratio(row, tool, OURS)));
        line.push(ratio(row, OURS, FLOOR));
        lines.push(line);
    }
    columns(&lines)
}

fn time(cell: Option<&Cell>) -> String {
    match cell {
        None => String::new(),
        Some(cell) => cell.wall().map_or_else(|| "-".to_owned(), |wall| stats::seconds(wall.median)),
    }
}

/// Returns `yes` or `NO`, or an empty text where there is no goal or no figure.
fn met(goal_s: Option<f64>, value_s: Option<f64>) -> String {
    match (goal_s, value_s) {
        (Some(goal_s), Some(value_s)) => if value_s <= goal_s { "yes" } else { "NO" }.to_owned(),
        _ => String::new(),
    }
}

fn ratio(row: &RowResult, above: &str, below: &str) -> String {
    match (row.median_s(above), row.median_s(below)) {
        (Some(above), Some(below)) if below > 0.0 => stats::ratio(above / below),
        _ => String::new(),
    }
}

fn memory(results: &Results) -> String {
    let tools = shown_tools(results);
    let title = std::iter::once(String::new()).chain(tools.iter().map(|&tool| tool.to_owned()));
    let mut lines = vec![title.collect::<Vec<_>>()];
    for row in &results.rows {
        let mut line = vec![row.title.clone()];
        line.extend(tools.iter().map(|tool| {
            row.cell(tool).and_then(Cell::peak_rss_bytes).map_or_else(|| "-".to_owned(), stats::bytes)
        }));
        lines.push(line);
    }
    let mut text = columns(&lines);
    for tool in results.tools.iter().filter(|tool| tool.is_here) {
        let _ = writeln!(text, "  {}: {}", tool.name, tool.memory);
    }
    text
}

fn runs(results: &Results) -> String {
    let title =
        ["", "", "runs", "median", "least", "most", "processor", "written"].map(ToOwned::to_owned).to_vec();
    let mut lines = vec![title];
    for row in &results.rows {
        for cell in &row.cells {
            let (Some(wall), Some(cpu), Some(written)) = (cell.wall(), cell.cpu(), cell.written()) else {
                continue;
            };
            let mut line = vec![row.name.clone(), cell.tool.clone(), wall.runs.to_string()];
            line.extend([wall.median, wall.min, wall.max, cpu.median].map(stats::seconds));
            line.push(stats::bytes(written.median as u64));
            lines.push(line);
        }
    }
    columns(&lines)
}

fn parts(results: &Results) -> String {
    let mut lines =
        vec![["", "median", "least", "most", "processor", "goal", "met", ""].map(ToOwned::to_owned).to_vec()];
    for part in &results.parts {
        let Some(summary) = part.summary() else { continue };
        let mut line = vec![part.title.clone()];
        line.extend([summary.median, summary.min, summary.max].map(stats::seconds));
        let cpu = Summary::of(part.cpu_s.iter().copied());
        line.push(cpu.map_or_else(String::new, |cpu| stats::seconds(cpu.median)));
        line.push(part.goal_s.map(stats::seconds).unwrap_or_default());
        line.push(met(part.goal_s, Some(summary.median)));
        line.push(part.note.clone());
        lines.push(line);
    }
    columns(&lines)
}

fn troubles(results: &Results) -> String {
    let mut text = String::new();
    for tool in results.tools.iter().filter(|tool| !tool.is_here) {
        let _ = writeln!(text, "  {}: {}", tool.name, tool.version);
    }
    for row in &results.rows {
        for cell in &row.cells {
            if let Some(trouble) = &cell.trouble {
                let _ = writeln!(text, "  {}, {}: {trouble}", row.name, cell.tool);
            }
        }
    }
    text
}
