//! Comparison of dsbuild's figures with an earlier measurement.

use super::columns;
use crate::engine::OURS;
use crate::result::{FORMAT, Results};
use crate::stats::{self, Summary};

/// Returns a line for each row and part that both results have; `None` if the earlier file has another format.
pub fn compare(now: &Results, then: &Results) -> Option<String> {
    if then.format != FORMAT {
        return None;
    }
    let mut lines = vec![["", "then", "now", "now/then", ""].map(ToOwned::to_owned).to_vec()];
    for (name, now) in figures(now) {
        if let Some((_, then)) = figures(then).find(|(known, _)| *known == name) {
            let values = [stats::seconds(then.median), stats::seconds(now.median)];
            let mut line = vec![name.to_owned()];
            line.extend(values);
            line.push(format!("{:.2}", now.median / then.median));
            line.push(verdict(now, then).to_owned());
            lines.push(line);
        }
    }
    Some(columns(&lines))
}

fn figures(results: &Results) -> impl Iterator<Item = (&str, Summary)> {
    let rows = results.rows.iter().filter_map(|row| Some((row.name.as_str(), row.cell(OURS)?.wall()?)));
    let parts = results.parts.iter().filter_map(|part| Some((part.name.as_str(), part.summary()?)));
    rows.chain(parts)
}

/// Calls a change only a median that lies outside of all earlier runs; the rest can be noise.
fn verdict(now: Summary, then: Summary) -> &'static str {
    match (now.median > then.max, now.median < then.min) {
        (true, _) => "slower",
        (_, true) => "faster",
        _ => "",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_median_within_the_earlier_runs_is_no_change() {
        let of = |values: [f64; 3]| Summary::of(values).unwrap();
        let then = of([1.0, 1.2, 1.4]);
        for (now, expected) in
            [([1.3, 1.35, 9.0], ""), ([1.4, 1.5, 1.6], "slower"), ([0.5, 0.9, 2.0], "faster")]
        {
            assert_eq!(verdict(of(now), then), expected, "{now:?}");
        }
    }
}
