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

impl Bench<'_> {
    /// Times `once` again and again; the first time, which warms up, does not count.
    fn samples<T>(self, mut once: impl FnMut() -> T) -> Vec<f64> {
        black_box(once());
        let start = Instant::now();
        let mut samples = Vec::new();
        while samples.len() < self.patience.min_runs
            || (start.elapsed() < self.patience.time && samples.len() < 1000)
        {
            let start = Instant::now();
            black_box(once());
            samples.push(start.elapsed().as_secs_f64());
        }
        samples
    }

    /// The same for what can fail.
    fn try_samples<T>(self, mut once: impl FnMut() -> Result<T, Trouble>) -> Result<Vec<f64>, Trouble> {
        let mut failed = None;
        let samples = self.samples(|| {
            if failed.is_none() {
                failed = once().err();
            }
        });
        failed.map_or(Ok(samples), Err)
    }
}

/// `123 MB/s`, of what took the median of `samples`.
fn throughput(bytes: usize, samples: &[f64]) -> String {
    let median =
        crate::stats::Summary::of(samples.iter().copied()).map_or(f64::NAN, |summary| summary.median);
    format!("{:.0} MB/s", bytes as f64 / median / 1e6)
}
