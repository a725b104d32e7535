//! Report of one sweep: counts per outcome, first examples of what is not as specified, and the verdict.

use std::collections::BTreeMap;
use std::time::Instant;

use crate::error::SweepError;

/// Examples that are kept per broken rule.
const MAX_EXAMPLES: usize = 3;

/// Characters of an example that are printed.
const MAX_EXAMPLE_CHARS: usize = 400;

/// One way in which a point is not as specified.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fault {
    /// Rule that is broken, for example `exit 0 with a wrong digest`.
    pub rule: &'static str,
    /// Values that show the fault.
    pub detail: String,
}

impl Fault {
    /// Creates a fault from the rule and the values that show it.
    pub fn new(rule: &'static str, detail: impl Into<String>) -> Self {
        Self { rule, detail: detail.into() }
    }
}

/// Result of one provoked fault.
#[derive(Debug, Clone)]
pub struct Point {
    /// Command and circumstances, enough to repeat the point.
    pub name: String,
    /// Group of the point and its visible outcome, for example `build: exit 0`.
    pub outcome: String,
    /// Broken rules; empty if the point is as specified.
    pub faults: Vec<Fault>,
}

/// Count and first examples of a broken rule.
#[derive(Debug, Default)]
struct Broken {
    count: usize,
    examples: Vec<String>,
}

/// Collected results of one sweep.
#[derive(Debug)]
pub struct Report {
    kind: &'static str,
    planned: usize,
    points: usize,
    unspecified: usize,
    outcomes: BTreeMap<String, usize>,
    broken: BTreeMap<&'static str, Broken>,
    started: Instant,
    stops_at_first: bool,
}

impl Report {
    /// Creates an empty report of a sweep that plans this number of points.
    pub fn new(kind: &'static str, planned: usize) -> Self {
        let started = Instant::now();
        let (outcomes, broken) = (BTreeMap::new(), BTreeMap::new());
        let (points, unspecified, stops_at_first) = (0, 0, false);
        Self { kind, planned, points, unspecified, outcomes, broken, started, stops_at_first }
    }

    /// Makes [`Self::add`] fail at the first point that is not as specified.
    pub fn stop_at_first(mut self, stops_at_first: bool) -> Self {
        self.stops_at_first = stops_at_first;
        self
    }

    /// Corrects the number of planned points, which only progress lines use.
    pub fn plan(&mut self, planned: usize) {
        self.planned = planned;
    }

    /// Adds a point, and prints a line for each tenth of the sweep.
    pub fn add(&mut self, point: Point) -> Result<(), SweepError> {
        if let Some(fault) = point.faults.first().filter(|_| self.stops_at_first) {
            return Err(SweepError::Stopped(format!("{}: {}: {}", point.name, fault.rule, fault.detail)));
        }
        self.points += 1;
        *self.outcomes.entry(point.outcome).or_default() += 1;
        self.unspecified += usize::from(!point.faults.is_empty());
        for fault in point.faults {
            let broken = self.broken.entry(fault.rule).or_default();
            broken.count += 1;
            if broken.examples.len() < MAX_EXAMPLES {
                broken.examples.push(shortened(&format!("{}: {}", point.name, fault.detail)));
            }
        }
        if self.points * 10 / self.planned.max(1) > (self.points - 1) * 10 / self.planned.max(1) {
            let seconds = self.started.elapsed().as_secs();
            println!(
                "{}: {} of {} points, {} not as specified, {seconds} s",
                self.kind, self.points, self.planned, self.unspecified
            );
        }
        Ok(())
    }

    /// Prints the table, and returns whether every point is as specified. An empty sweep has shown nothing and is not.
    pub fn print(&self) -> bool {
        print!("{}", self.table());
        self.is_as_specified()
    }

    fn is_as_specified(&self) -> bool {
        self.points > 0 && self.unspecified == 0
    }

    fn table(&self) -> String {
        let mut lines = vec![format!("\n== sweep {}", self.kind)];
        lines.extend(self.outcomes.iter().map(|(outcome, count)| format!("{count:8}  {outcome}")));
        for (rule, broken) in &self.broken {
            lines.push(format!("{:8}  NOT AS SPECIFIED: {rule}", broken.count));
            lines.extend(broken.examples.iter().map(|example| format!("          - {example}")));
        }
        let specified = self.points - self.unspecified;
        let (points, unspecified) = (self.points, self.unspecified);
        let seconds = self.started.elapsed().as_secs();
        lines.push(format!(
            "{}: {points} points, {specified} as specified, {unspecified} not, {seconds} s\n",
            self.kind
        ));
        lines.join("\n")
    }
}

/// Replaces line breaks, and cuts a long example.
fn shortened(example: &str) -> String {
    let line = example.trim().replace('\n', " | ");
    match line.char_indices().nth(MAX_EXAMPLE_CHARS) {
        Some((end, _)) => format!("{} …", &line[..end]),
        None => line,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn point(rules: &[&'static str]) -> Point {
        let faults = rules.iter().map(|rule| Fault::new(rule, "why\nmore")).collect();
        Point { name: "build 1".to_owned(), outcome: "build: exit 0".to_owned(), faults }
    }

    #[track_caller]
    fn check(points: &[Point], is_as_specified: bool, line: &str) {
        let mut report = Report::new("kill", points.len());
        points.iter().for_each(|point| report.add(point.clone()).unwrap());
        assert_eq!(report.is_as_specified(), is_as_specified);
        assert!(report.table().contains(line), "{}", report.table());
    }

    #[test]
    fn one_point_that_is_not_as_specified_fails_the_sweep() {
        check(&[point(&[]), point(&[])], true, "2 points, 2 as specified, 0 not");
        check(&[point(&[]), point(&["hang"])], false, "2 points, 1 as specified, 1 not");
        check(&[point(&["hang", "panic"])], false, "1 points, 0 as specified, 1 not");
    }

    #[test]
    fn a_sweep_can_stop_at_the_first_point_that_is_not_as_specified() {
        let mut report = Report::new("kill", 2).stop_at_first(true);
        assert!(report.add(point(&[])).is_ok());
        let error = report.add(point(&["hang"])).unwrap_err().to_string();
        assert!(error.ends_with("build 1: hang: why\nmore"), "{error}");
    }

    #[test]
    fn a_sweep_without_points_fails() {
        check(&[], false, "0 points, 0 as specified, 0 not");
    }

    #[test]
    fn a_broken_rule_is_listed_with_its_first_examples() {
        check(
            &[point(&["hang"])],
            false,
            "       1  NOT AS SPECIFIED: hang\n          - build 1: why | more",
        );
        let many = vec![point(&["hang"]); 5];
        let mut report = Report::new("kill", 5);
        many.into_iter().for_each(|point| report.add(point).unwrap());
        assert_eq!(report.table().matches("why").count(), MAX_EXAMPLES);
    }
}
