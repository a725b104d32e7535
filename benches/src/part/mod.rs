//! Parts of dsbuild, measured alone in this process: what a whole build hides.
//!
//! [`parse`] has the shapes of Dockerfiles, [`store`] ignore patterns and layers, [`compress`] the packing of layers on more
//! and more processors.

mod compress;
mod parse;
mod store;

use std::hint::black_box;
use std::path::Path;
use std::time::{Duration, Instant};

use crate::engine::Trouble;
use crate::result::PartResult;
use crate::stats::Summary;

/// Number of runs that each part gets.
#[derive(Debug, Clone, Copy)]
pub struct Patience {
    /// Smallest number of runs.
    pub min_runs: usize,
    /// Time after which no further run starts, once there are enough.
    pub time: Duration,
}

/// Settings and room that a part works with.
#[derive(Debug, Clone, Copy)]
pub struct Bench<'a> {
    /// Number of runs of each measurement.
    pub patience: Patience,
    /// Directory for files of the parts.
    pub dir: &'a Path,
}

/// Measures all parts whose names are wanted.
pub fn all(bench: Bench<'_>, wants: &dyn Fn(&str) -> bool) -> Result<Vec<PartResult>, Trouble> {
    let mut results = parse::parts(bench, wants);
    results.extend(store::parts(bench, wants)?);
    results.extend(compress::parts(bench, wants)?);
    Ok(results)
}

/// Returns the names of all parts.
pub fn names() -> Vec<String> {
    parse::names().chain(store::NAMES.map(ToOwned::to_owned)).chain(compress::names()).collect()
}

/// Times of the runs of one part.
#[derive(Debug, Default)]
struct Samples {
    wall_s: Vec<f64>,
    /// Processor time of all threads, which hardly changes when others work on the machine.
    cpu_s: Vec<f64>,
}

impl Samples {
    fn median_s(&self) -> f64 {
        Summary::of(self.wall_s.iter().copied()).map_or(f64::NAN, |summary| summary.median)
    }

    /// Returns the throughput at the median time: `123 MB/s`.
    fn throughput(&self, bytes: usize) -> String {
        format!("{:.0} MB/s", bytes as f64 / self.median_s() / 1e6)
    }

    /// Turns the times into a result with its name, goal and note.
    fn result(self, name: String, title: String, goal_s: Option<f64>, note: String) -> PartResult {
        PartResult { name, title, goal_s, samples_s: self.wall_s, cpu_s: self.cpu_s, note }
    }
}

impl Bench<'_> {
    /// Times `once` repeatedly; the first run, which warms up, does not count.
    fn samples<T>(self, mut once: impl FnMut() -> T) -> Samples {
        black_box(once());
        let start = Instant::now();
        let mut samples = Samples::default();
        while samples.wall_s.len() < self.patience.min_runs
            || (start.elapsed() < self.patience.time && samples.wall_s.len() < 1000)
        {
            let (start, cpu_start_s) = (Instant::now(), cpu_s());
            black_box(once());
            samples.wall_s.push(start.elapsed().as_secs_f64());
            samples.cpu_s.push(cpu_s() - cpu_start_s);
        }
        samples
    }

    /// Times `once` repeatedly, and stops at its first error.
    fn try_samples<T>(self, mut once: impl FnMut() -> Result<T, Trouble>) -> Result<Samples, Trouble> {
        let mut failed = None;
        let samples = self.samples(|| {
            if failed.is_none() {
                failed = once().err();
            }
        });
        failed.map_or(Ok(samples), Err)
    }
}

/// Returns the processor time in seconds that this process has used so far.
fn cpu_s() -> f64 {
    let time = rustix::time::clock_gettime(rustix::time::ClockId::ProcessCPUTime);
    time.tv_sec as f64 + time.tv_nsec as f64 / 1e9
}
