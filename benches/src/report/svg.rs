//! The chart: for each row a bar for each tool, proportional to its time; the slowest fills the width.
//!
//! The file is self-contained: it needs no font and no script and fetches nothing. Colors follow the reader's light or dark
//! scheme.

use std::fmt::Write as _;

use super::table::shown_tools;
use crate::engine::OURS;
use crate::result::{Results, RowResult};
use crate::runner::FLOOR;
use crate::stats;

const WIDTH: f64 = 860.0;
/// Left edge of the bars, in pixels.
const LEFT: f64 = 300.0;
/// Length of the longest bar, in pixels.
const LONGEST: f64 = 420.0;
const BAR: f64 = 11.0;
const GAP: f64 = 14.0;
const HEAD: f64 = 64.0;

const STYLE: &str = "\
text{font:12px system-ui,-apple-system,'Segoe UI',sans-serif;fill:#24292f}\
.title{font-size:15px;font-weight:600}.small{font-size:11px;fill:#57606a}.value{font-size:10.5px;fill:#57606a}\
.dsbuild{fill:#1a7f37}.docker{fill:#8ea4bd}.buildah{fill:#c3a27a}.buildctl{fill:#a08fc0}.floor{stroke:#cf222e}\
.ours{font-weight:600;fill:#1a7f37}\
@media(prefers-color-scheme:dark){text{fill:#e6edf3}.small,.value{fill:#9198a1}.dsbuild{fill:#3fb950}\
.docker{fill:#5d7590}.buildah{fill:#8d7350}.buildctl{fill:#73649a}.floor{stroke:#ff7b72}.ours{fill:#3fb950}}";

/// Draws the rows that more than one tool has completed.
pub fn svg(results: &Results) -> String {
    let tools = shown_tools(results);
    let rows: Vec<&RowResult> = results.rows.iter().filter(|row| is_shown(row, &tools)).collect();
    let mut body = String::new();
    let mut top = HEAD;
    for row in &rows {
        top = draw(&mut body, row, &tools, top);
    }
    let height = top + 22.0;
    format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {WIDTH} {height}\" width=\"{WIDTH}\" height=\"{height}\" \
         role=\"img\" aria-label=\"Build times of dsbuild and others\">\n<style>{STYLE}</style>\n{}{body}{}</svg>\n",
        head(&tools),
        foot(results, height)
    )
}

fn is_shown(row: &RowResult, tools: &[&str]) -> bool {
    row.median_s(OURS).is_some() && tools.iter().filter(|tool| row.median_s(tool).is_some()).count() > 1
}

fn head(tools: &[&str]) -> String {
    let mut text = "<text class=\"title\" x=\"0\" y=\"18\">Time, shorter is better</text>\n".to_owned();
    let mut x = LEFT;
    for tool in tools {
        let _ = writeln!(
            text,
            "<rect class=\"{tool}\" x=\"{x}\" y=\"32\" width=\"11\" height=\"11\" rx=\"2\"/>\
             <text x=\"{}\" y=\"42\">{tool}</text>",
            x + 16.0
        );
        x += 90.0;
    }
    let _ = writeln!(
        text,
        "<line class=\"floor\" x1=\"{x}\" x2=\"{x}\" y1=\"31\" y2=\"44\" stroke-width=\"2\"/>\
         <text x=\"{}\" y=\"42\">the least the work takes</text>",
        x + 8.0
    );
    text
}

/// Draws one row below `top`, and returns the top of the next one.
fn draw(out: &mut String, row: &RowResult, tools: &[&str], top: f64) -> f64 {
    let times: Vec<(&str, Option<f64>)> = tools.iter().map(|&tool| (tool, row.median_s(tool))).collect();
    let slowest = times.iter().filter_map(|(_, time)| *time).fold(0.0, f64::max);
    let ours = row.median_s(OURS).unwrap_or(slowest);
    let height = BAR * times.len() as f64;
    let _ = writeln!(
        out,
        "<text x=\"{}\" y=\"{}\" text-anchor=\"end\">{}</text>",
        LEFT - 12.0,
        top + height / 2.0 + 4.0,
        escaped(&row.title)
    );
    for (n, (tool, time)) in times.iter().enumerate() {
        let y = top + BAR * n as f64;
        let (length, value) = match time {
            Some(time) => ((LONGEST * time / slowest).max(1.0), label(tool, *time, ours)),
            None => (0.0, why_not(row, tool).to_owned()),
        };
        let class = if *tool == OURS { "value ours" } else { "value" };
        let _ = writeln!(
            out,
            "<rect class=\"{tool}\" x=\"{LEFT}\" y=\"{y:.1}\" width=\"{length:.1}\" height=\"{}\"/>\
             <text class=\"{class}\" x=\"{:.1}\" y=\"{:.1}\">{value}</text>",
            BAR - 1.0,
            LEFT + length + 5.0,
            y + BAR - 2.0
        );
    }
    if let Some(floor) = row.median_s(FLOOR).filter(|floor| *floor <= slowest) {
        let x = LEFT + LONGEST * floor / slowest;
        let _ = writeln!(
            out,
            "<line class=\"floor\" x1=\"{x:.1}\" x2=\"{x:.1}\" y1=\"{:.1}\" y2=\"{:.1}\" stroke-width=\"1.5\"/>",
            top - 2.0,
            top + height + 1.0
        );
    }
    top + height + GAP
}

/// Returns the reason why a tool has no bar.
fn why_not(row: &RowResult, tool: &str) -> &'static str {
    match row.cell(tool).and_then(|cell| cell.trouble.as_deref()) {
        Some(trouble) if trouble.starts_with("not supported") => "cannot do that",
        Some(_) => "failed",
        None => "not measured",
    }
}

/// Returns the label of a bar: `1.23 s (12x)`, or only the time for dsbuild.
fn label(tool: &str, time: f64, ours: f64) -> String {
    match tool {
        OURS => stats::seconds(time),
        _ => format!("{} ({})", stats::seconds(time), stats::ratio(time / ours)),
    }
}

fn foot(results: &Results, height: f64) -> String {
    let machine = &results.machine;
    let line = format!(
        "Medians of alternating runs, {}: {} cores, Linux {}, {}. {}",
        results.date,
        machine.cores,
        machine.kernel,
        machine.file_system,
        versions(results)
    );
    format!("<text class=\"small\" x=\"0\" y=\"{:.1}\">{}</text>\n", height - 8.0, escaped(&line))
}

/// Returns the versions of the other tools in short.
fn versions(results: &Results) -> String {
    let others = results.tools.iter().filter(|tool| tool.is_here && tool.name != OURS);
    let short = |version: &str| version.split([',', '(']).next().unwrap_or_default().trim().to_owned();
    others.map(|tool| short(&tool.version)).collect::<Vec<_>>().join(", ")
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::result::{Cell, FORMAT, Machine, Tool};
    use crate::stats::Sample;

    fn row(title: &str, times: [Option<f64>; 2]) -> RowResult {
        let cells = ["dsbuild", "docker"].into_iter().zip(times).map(|(tool, time)| Cell {
            tool: tool.to_owned(),
            samples: time.into_iter().map(|wall_s| Sample { wall_s, ..Sample::default() }).collect(),
            trouble: time.is_none().then(|| "not supported: that".to_owned()),
        });
        let title = title.to_owned();
        RowResult {
            name: title.clone(),
            title,
            goal_s: None,
            floor: None,
            point: None,
            cells: cells.collect(),
        }
    }

    fn results(rows: Vec<RowResult>) -> Results {
        let tool = |name: &str| Tool {
            name: name.to_owned(),
            version: format!("{name} 1.0, and more"),
            is_here: true,
            memory: String::new(),
        };
        let machine = Machine {
            processor: String::new(),
            cores: 2,
            memory_bytes: 0,
            kernel: "6.1".to_owned(),
            file_system: "ext4".to_owned(),
            load_before: 0.0,
            load_after: 0.0,
        };
        let [date, commit, command] = Default::default();
        let tools = ["dsbuild", "docker"].map(tool).to_vec();
        Results { format: FORMAT, date, commit, command, machine, tools, rows, parts: Vec::new() }
    }

    #[test]
    fn the_slowest_fills_the_width() {
        let picture = svg(&results(vec![row("RUN a > b & c", [Some(1.0), Some(4.0)])]));
        assert!(picture.contains("RUN a &gt; b &amp; c"));
        assert!(
            picture.contains(&format!("class=\"docker\" x=\"{LEFT}\" y=\"75.0\" width=\"{LONGEST:.1}\"")),
            "{picture}"
        );
        assert!(
            picture.contains(&format!(
                "class=\"dsbuild\" x=\"{LEFT}\" y=\"64.0\" width=\"{:.1}\"",
                LONGEST / 4.0
            ))
        );
        assert!(picture.contains("4.00 s (4.0x)") && picture.contains("docker 1.0"));
    }

    #[test]
    fn what_only_one_tool_did_is_not_shown() {
        let picture = svg(&results(vec![row("lonely", [Some(1.0), None])]));
        assert!(!picture.contains("lonely"));
    }
}
