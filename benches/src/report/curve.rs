//! Curves: rows that differ in one number only, and the cost of one more unit.

use super::columns;
use crate::engine::OURS;
use crate::result::{Point, Results};
use crate::stats;

/// Returns all curves with two points or more; `None` if there are no such curves.
pub fn curves(results: &Results) -> Option<String> {
    let mut names: Vec<&str> = Vec::new();
    let mut points: Vec<(&Point, f64)> = Vec::new();
    for row in &results.rows {
        let (Some(point), Some(median_s)) = (&row.point, row.median_s(OURS)) else { continue };
        if !names.contains(&point.curve.as_str()) {
            names.push(&point.curve);
        }
        points.push((point, median_s));
    }
    let mut lines = vec![["", "at", "median", "each more"].map(ToOwned::to_owned).to_vec()];
    for name in names {
        let mut curve: Vec<&(&Point, f64)> = points.iter().filter(|(point, _)| point.curve == name).collect();
        curve.sort_by_key(|(point, _)| point.at);
        if curve.len() > 1 {
            lines.extend(curve.iter().enumerate().map(|(index, (point, median_s))| {
                let slope = index.checked_sub(1).map(|before| slope_s(curve[before], &(point, *median_s)));
                let title = if index == 0 { name } else { "" };
                let slope = slope
                    .map_or_else(String::new, |slope| format!("{} a {}", signed_seconds(slope), point.unit));
                vec![title.to_owned(), point.at.to_string(), stats::seconds(*median_s), slope]
            }));
        }
    }
    (lines.len() > 1).then(|| columns(&lines))
}

fn slope_s((before, before_s): &(&Point, f64), (point, median_s): &(&Point, f64)) -> f64 {
    (median_s - before_s) / (point.at - before.at) as f64
}

/// Formats a difference, which noise can make negative.
fn signed_seconds(value: f64) -> String {
    let sign = if value < 0.0 { "-" } else { "" };
    format!("{sign}{}", stats::seconds(value.abs()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::result::{Cell, FORMAT, Machine, RowResult};
    use crate::stats::Sample;

    fn row(curve: &str, at: u64, wall_s: f64) -> RowResult {
        let samples = vec![Sample { wall_s, ..Sample::default() }];
        RowResult {
            name: format!("{curve}-{at}"),
            title: String::new(),
            goal_s: None,
            floor: None,
            point: Some(Point { curve: curve.to_owned(), unit: "file".to_owned(), at }),
            cells: vec![Cell { tool: OURS.to_owned(), samples, trouble: None }],
        }
    }

    fn shown(rows: Vec<RowResult>) -> Option<String> {
        let machine = Machine {
            processor: String::new(),
            cores: 1,
            memory_bytes: 0,
            kernel: String::new(),
            file_system: String::new(),
            load_before: 0.0,
            load_after: 0.0,
        };
        let (date, commit, command) = (String::new(), String::new(), String::new());
        let (tools, parts) = (Vec::new(), Vec::new());
        curves(&Results { format: FORMAT, date, commit, command, machine, tools, rows, parts })
    }

    #[test]
    fn each_step_has_its_slope() {
        let rows =
            vec![row("x", 3000, 0.006), row("y", 1, 1.0), row("x", 1000, 0.002), row("x", 5000, 0.005)];
        let expected = "     at   median        each more\n\
                        x  1000  2.00 ms\n\
                        \u{20}  3000  6.00 ms   2.00 us a file\n\
                        \u{20}  5000  5.00 ms  -0.50 us a file\n";
        assert_eq!(shown(rows).as_deref(), Some(expected));
        assert_eq!(shown(vec![row("x", 1, 1.0)]), None);
    }
}
