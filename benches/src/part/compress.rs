//! Packing a layer on 1, 2 and 4 processors: how much faster, and that the bytes are the same.

use std::io::Cursor;

use export::{LayerCompression, pack};
use rayon::ThreadPoolBuilder;

use super::Bench;
use crate::engine::Trouble;
use crate::result::PartResult;
use crate::workload::files;

const MIB: u64 = 64;
const THREADS: [usize; 3] = [1, 2, 4];
/// Compressions at their usual levels.
const FORMS: [(&str, LayerCompression); 2] =
    [("gzip", LayerCompression::Gzip { level: 6 }), ("zstd", LayerCompression::Zstd { level: 3 })];

/// Returns the names of all parts of this file.
pub fn names() -> impl Iterator<Item = String> {
    FORMS.iter().flat_map(|(form, _)| THREADS.map(|threads| name(form, threads)))
}

fn name(form: &str, threads: usize) -> String {
    format!("pack/{form}-{threads}-threads")
}

/// Measures the parts whose names are wanted.
pub fn parts(bench: Bench<'_>, wants: &dyn Fn(&str) -> bool) -> Result<Vec<PartResult>, Trouble> {
    if !names().any(|name| wants(&name)) {
        return Ok(Vec::new());
    }
    let path = bench.dir.join("to-pack");
    files::large(&path, MIB).map_err(Trouble::io("make a file"))?;
    let data = std::fs::read(&path).map_err(Trouble::io("read a file"))?;
    let mut results = Vec::new();
    for (form, compression) in FORMS {
        if THREADS.iter().any(|&threads| wants(&name(form, threads))) {
            results.extend(scaling(bench, form, compression, &data)?);
        }
    }
    Ok(results)
}

/// Measures one number of threads after the other, and compares each with one thread.
fn scaling(
    bench: Bench<'_>,
    form: &str,
    compression: LayerCompression,
    data: &[u8],
) -> Result<Vec<PartResult>, Trouble> {
    let cores = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
    let mut first: Option<(f64, Vec<u8>)> = None;
    let mut results = Vec::new();
    for threads in THREADS {
        let pool = ThreadPoolBuilder::new().num_threads(threads).build();
        let pool = pool.map_err(|error| Trouble::Wrong(error.to_string()))?;
        let packed = || pool.install(|| packed(data, compression));
        let bytes = packed()?;
        let samples = bench.try_samples(packed)?;
        let (one_s, one) = first.get_or_insert_with(|| (samples.median_s(), bytes.clone()));
        if *one != bytes {
            return Err(Trouble::Wrong(format!("{form}: {threads} threads give other bytes than one")));
        }
        let share = *one_s / samples.median_s() / threads.min(cores) as f64 * 100.0;
        let note = format!(
            "{}, to {:.0} %, {share:.0} % of linear on {cores} cores, same bytes",
            samples.throughput(data.len()),
            bytes.len() as f64 * 100.0 / data.len() as f64
        );
        let title = format!("{form} of a layer of {MIB} MiB, {threads} threads");
        results.push(samples.result(name(form, threads), title, None, note));
    }
    Ok(results)
}

fn packed(data: &[u8], compression: LayerCompression) -> Result<Vec<u8>, Trouble> {
    let mut out = Vec::new();
    pack(&mut Cursor::new(data), &mut out, compression).map_err(Trouble::io("pack"))?;
    Ok(out)
}
