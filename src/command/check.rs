//! `dsbuild check`: checks the store for damage. (`dsbuild build --check` is in `build/check.rs`.)

use std::sync::Arc;

use rootfs::layers::Layers;

use crate::failure::Failure;
use crate::output;
use crate::setup::store;
use cli::store::CheckArgs;

/// Prints the problems of the store; exit code 1 if there are any.
pub fn run(args: &CheckArgs) -> Result<u8, Failure> {
    if args.repair {
        for path in store::repair_layout()? {
            output::note(&format!("removed {}, which was not what the store has there", output::path(&path)));
        }
    }
    let store = Arc::new(store::open()?);
    // A repair that did not read the blobs would leave the damage that only their content shows.
    let reads_data = args.read_data || args.repair;
    let report = store.check(reads_data)?;
    let layers = Layers::new(Arc::clone(&store));
    let altered = if reads_data { layers.altered_trees()? } else { Vec::new() };
    for problem in &report.problems {
        output::note(&format!("{problem}"));
    }
    for layer in &altered {
        output::note(&format!("the unpacked files of layer {layer} were changed"));
    }
    for path in &report.unknown {
        output::note(&format!("{} is not part of the store and is left alone", output::path(path)));
    }
    for container in &report.unprotected {
        let dir = output::path(container);
        output::note(&format!("no root protects the layers of {dir}; `dsbuild prune` writes one"));
    }
    let problems = report.problems.len() + altered.len();
    output::line(&format!("{} blobs checked, {problems} problems", report.blobs));
    if args.repair {
        for image in store.repair(&report)? {
            output::note(&format!(
                "image {image} lacks a blob and was removed; build, pull or import it again"
            ));
        }
        runner::container::reconcile(&store)?;
        altered.iter().try_for_each(|layer| layers.distrust_trees(layer))?;
        let left = store.check(reads_data)?.problems.len();
        output::line(&format!("{} problems repaired", problems.saturating_sub(left)));
        return Ok(u8::from(left > 0));
    }
    Ok(u8::from(problems > 0))
}
