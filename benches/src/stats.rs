//! Samples and their summaries: the median, since one disturbed run must not count, and the extremes.

use serde::{Deserialize, Serialize};

/// Figures of one timed run.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
pub struct Sample {
    /// Wall-clock time in seconds, from start to end.
    pub wall_s: f64,
    /// Processor time in seconds of all processes that were started and waited for, which excludes daemons.
    pub cpu_s: f64,
    /// Largest resident memory in bytes; `Engine::memory` says of which processes.
    pub peak_rss_bytes: u64,
    /// Bytes written by all processes that were started and waited for, which excludes daemons.
    #[serde(default)]
    pub written_bytes: u64,
}

impl std::ops::Add for Sample {
    type Output = Self;

    /// Adds a run that follows this one.
    fn add(self, next: Self) -> Self {
        Self {
            wall_s: self.wall_s + next.wall_s,
            cpu_s: self.cpu_s + next.cpu_s,
            peak_rss_bytes: self.peak_rss_bytes.max(next.peak_rss_bytes),
            written_bytes: self.written_bytes + next.written_bytes,
        }
    }
}

/// Summary of a list of values.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Summary {
    /// The middle value, or the mean of the middle two.
    pub median: f64,
    /// The smallest of the values.
    pub min: f64,
    /// The largest of the values.
    pub max: f64,
    /// Number of values summarized.
    pub runs: usize,
}

impl Summary {
    /// Summarizes values; returns `None` for an empty list.
    pub fn of(values: impl IntoIterator<Item = f64>) -> Option<Self> {
        let mut sorted: Vec<f64> = values.into_iter().collect();
        sorted.sort_unstable_by(f64::total_cmp);
        let (min, max) = (*sorted.first()?, *sorted.last()?);
        let middle = sorted.len() / 2;
        let median = match sorted.len() % 2 {
            0 => f64::midpoint(sorted[middle - 1], sorted[middle]),
            _ => sorted[middle],
        };
        Some(Self { median, min, max, runs: sorted.len() })
    }
}

/// Formats seconds with three significant digits: `12.3 s`, `123 ms`, `1.23 ms`.
pub fn seconds(value: f64) -> String {
    match value {
        v if v >= 99.95 => format!("{v:.0} s"),
        v if v >= 9.995 => format!("{v:.1} s"),
        v if v >= 0.9995 => format!("{v:.2} s"),
        v if v >= 0.0995 => format!("{:.0} ms", v * 1e3),
        v if v >= 0.00995 => format!("{:.1} ms", v * 1e3),
        v if v >= 0.0000995 => format!("{:.2} ms", v * 1e3),
        v => format!("{:.2} us", v * 1e6),
    }
}

/// Formats bytes in binary units: `123 MiB`, `1.2 GiB`.
pub fn bytes(value: u64) -> String {
    let mib = value as f64 / f64::from(1 << 20);
    match mib {
        m if m >= 1024.0 => format!("{:.1} GiB", m / 1024.0),
        m if m >= 9.5 => format!("{m:.0} MiB"),
        m => format!("{m:.1} MiB"),
    }
}

/// Formats a ratio: `12x`, `1.5x`.
pub fn ratio(value: f64) -> String {
    match value {
        v if v >= 9.95 => format!("{v:.0}x"),
        v if v >= 0.0995 => format!("{v:.1}x"),
        v => format!("{v:.2}x"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_median_is_the_middle() {
        assert_eq!(Summary::of([]), None);
        let summary = |values: &[f64]| Summary::of(values.iter().copied()).unwrap();
        assert_eq!(summary(&[3.0]), Summary { median: 3.0, min: 3.0, max: 3.0, runs: 1 });
        assert_eq!(summary(&[9.0, 1.0, 2.0]), Summary { median: 2.0, min: 1.0, max: 9.0, runs: 3 });
        assert_eq!(summary(&[4.0, 1.0, 2.0, 90.0]).median, 3.0);
    }

    #[test]
    fn runs_add_up_but_memory_does_not() {
        let one = Sample { wall_s: 1.0, cpu_s: 0.5, peak_rss_bytes: 7, written_bytes: 2 };
        let two = Sample { wall_s: 2.0, cpu_s: 0.25, peak_rss_bytes: 5, written_bytes: 3 };
        let both = Sample { wall_s: 3.0, cpu_s: 0.75, peak_rss_bytes: 7, written_bytes: 5 };
        assert_eq!(one + two, both);
    }

    #[test]
    fn figures_have_their_significant_digits() {
        let table = [
            (123.4, "123 s"),
            (12.34, "12.3 s"),
            (1.234, "1.23 s"),
            (0.1234, "123 ms"),
            (0.01234, "12.3 ms"),
            (0.003_456, "3.46 ms"),
            (0.000_012_3, "12.30 us"),
        ];
        for (value, expected) in table {
            assert_eq!(seconds(value), expected);
        }
        assert_eq!([bytes(3 << 20), bytes(300 << 20), bytes(3 << 30)], ["3.0 MiB", "300 MiB", "3.0 GiB"]);
        assert_eq!([ratio(0.05), ratio(1.25), ratio(25.3)], ["0.05x", "1.2x", "25x"]);
    }
}
