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

/// How often each is measured.
#[derive(Debug, Clone, Copy)]
pub struct Patience {
    /// At least so often.
    pub min_runs: usize,
    /// And then for so long.
    pub time: Duration,
}

/// What a part is given to work with.
#[derive(Debug, Clone, Copy)]
pub struct Bench<'a> {
    /// How often.
    pub patience: Patience,
    /// A folder that may be filled.
    pub dir: &'a Path,
}

/// Measures all whose names are wanted.
pub fn all(bench: Bench<'_>, wants: &dyn Fn(&str) -> bool) -> Result<Vec<PartResult>, Trouble> {
    let mut results = parse::parts(bench, wants);
    results.extend(store::parts(bench, wants)?);
    results.extend(compress::parts(bench, wants)?);
    Ok(results)
}

/// The names of all.
pub fn names() -> Vec<String> {
    parse::names().chain(store::NAMES.map(ToOwned::to_owned)).chain(compress::names()).collect()
}

/// How long runs took.
#[derive(Debug, Default)]
struct Samples {
    wall_s: Vec<f64>,
    /// Of the processor, by all threads: hardly changes when others work on the machine.
    cpu_s: Vec<f64>,
}

impl Samples {
    fn median_s(&self) -> f64 {
        Summary::of(self.wall_s.iter().copied()).map_or(f64::NAN, |summary| summary.median)
    }

    /// `123 MB/s`.
    fn throughput(&self, bytes: usize) -> String {
        format!("{:.0} MB/s", bytes as f64 / self.median_s() / 1e6)
    }

    /// With what else there is to say.
    fn result(self, name: String, title: String, goal_s: Option<f64>, note: String) -> PartResult {
        PartResult { name, title, goal_s, samples_s: self.wall_s, cpu_s: self.cpu_s, note }
    }
}

impl Bench<'_> {
    /// Times `once` again and again; the first time, which warms up, does not count.
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

    /// The same for what can fail.
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

/// What this process has used of the processors so far.
fn cpu_s() -> f64 {
    let time = rustix::time::clock_gettime(rustix::time::ClockId::ProcessCPUTime);
    time.tv_sec as f64 + time.tv_nsec as f64 / 1e9
}
