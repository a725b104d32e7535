//! Ignore patterns over many paths, and a layer made of many files.

use std::path::PathBuf;
use std::sync::Arc;

use cache::Store;
use patterns::Matched;
use patterns::Patterns;
use rootfs::diff::{Content, Diff};
use rootfs::layers::Layers;
use trees::entry::{Entry, Kind};
use trees::tree::Scratch;

use super::Bench;
use crate::engine::Trouble;
use crate::result::PartResult;

/// Names of all parts of this file.
pub const NAMES: [&str; 2] = ["ignore/50k-paths", "layer/write"];

const PATHS: usize = 50_000;
const FILES: usize = 20_000;
const FILE_BYTES: usize = 5_000;

/// Lines of a project's ignore file, in all forms that patterns have.
const PATTERNS: [&str; 12] = [
    ".git",
    "**/node_modules",
    "*.md",
    "!README.md",
    "target/**",
    "**/*.pyc",
    "**/__pycache__",
    "build-*/[a-c]?.o",
    "docs/*/drafts",
    "**/.env*",
    "**/*.log",
    "!src/**/keep.log",
];

/// Measures the parts whose names are wanted.
pub fn parts(bench: Bench<'_>, wants: &dyn Fn(&str) -> bool) -> Result<Vec<PartResult>, Trouble> {
    let mut results = Vec::new();
    if wants(NAMES[0]) {
        results.push(ignore(bench)?);
    }
    if wants(NAMES[1]) {
        results.push(layer(bench)?);
    }
    Ok(results)
}

fn ignore(bench: Bench<'_>) -> Result<PartResult, Trouble> {
    let patterns = Patterns::new(&PATTERNS).map_err(|error| Trouble::Wrong(error.to_string()))?;
    let paths: Vec<String> =
        (0..PATHS).map(|n| format!("src/module{:03}/part{:02}/file{n}.rs", n / 500, n / 50 % 10)).collect();
    let parent = Matched::default();
    let samples =
        bench.samples(|| paths.iter().filter(|path| patterns.matches(path.as_bytes(), &parent).0).count());
    let title = format!("{} ignore patterns over 50,000 paths", PATTERNS.len());
    Ok(samples.result(NAMES[0].to_owned(), title, None, String::new()))
}

fn layer(bench: Bench<'_>) -> Result<PartResult, Trouble> {
    let wrong = |error: &dyn std::error::Error| Trouble::Wrong(crate::runner::chain(error));
    let store = Store::open(&bench.dir.join("layer-store")).map_err(|error| wrong(&error))?;
    let layers = Layers::new(Arc::new(store));
    let content: Arc<[u8]> = vec![b'x'; FILE_BYTES].into();
    // Committing consumes a diff, and filling one is not part of the measurement.
    let runs = bench.patience.min_runs;
    let mut diffs =
        (0..=runs).map(|_| filled(&content).map_err(|error| wrong(&error))).collect::<Result<Vec<_>, _>>()?;
    let bench =
        Bench { patience: super::Patience { time: std::time::Duration::ZERO, ..bench.patience }, ..bench };
    let samples = bench.try_samples(|| match diffs.pop() {
        Some(diff) => layers.commit(diff).map(drop).map_err(|error| wrong(&error)),
        None => Ok(()),
    })?;
    let title = "layer of 20,000 files, 100 MB: tar, sha256, index, sync".to_owned();
    let note = samples.throughput(FILES * FILE_BYTES);
    Ok(samples.result(NAMES[1].to_owned(), title, None, note))
}

fn filled(content: &Arc<[u8]>) -> Result<Diff, rootfs::RootfsError> {
    let mut diff = Diff::new(Arc::new(Scratch));
    let directory = Entry::directory(0o755);
    for n in 0..FILES {
        let parent = PathBuf::from(format!("d{:03}", n / 100));
        if n % 100 == 0 {
            diff.put(&parent, directory.clone(), None)?;
        }
        let kind = Kind::File { size_bytes: content.len() as u64 };
        let entry = Entry { kind, mode: 0o644, ..directory.clone() };
        diff.put(&parent.join(format!("f{n}")), entry, Some(Content::Bytes(Arc::clone(content))))?;
    }
    Ok(diff)
}
