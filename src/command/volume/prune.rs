//! `dsbuild volume prune`: removes volumes that no container has.

use runner::container::Container;
use runner::volumes;

use crate::failure::Failure;
use crate::output;
use crate::setup::confirm::confirm;
use crate::setup::{isolation, store};
use cli::filters::Filters;
use cli::volume::PruneArgs;

/// Filters that docker's `volume prune` knows.
const KNOWN: &[&str] = &["all", "label", "label!"];

/// Removes volumes, and prints their names. Without `--all`, only anonymous ones.
pub fn run(args: &PruneArgs) -> Result<u8, Failure> {
    let filters = Filters::parse(&args.filters, KNOWN)?;
    let all = args.all || filters.switch("all")?.unwrap_or(false);
    if !args.force {
        let which = if all { "all" } else { "anonymous" };
        confirm(
            "volume prune",
            &format!("WARNING! This will remove {which} local volumes not used by at least one container."),
        )?;
    }
    isolation::enter()?;
    let store = store::open()?;
    let containers = Container::list(&store)?;
    let (mut removed, mut freed_bytes) = (Vec::new(), 0);
    for name in volumes::list(&store)? {
        let volume = volumes::find(&store, &name)?;
        let is_used = containers.iter().any(|one| one.config.uses_volume(&name));
        if is_used || !(all || volume.is_anonymous) || !filters.accepts_labels(&volume.labels) {
            continue;
        }
        freed_bytes += store.usage_of_volume(&name);
        volumes::remove(&store, &name)?;
        removed.push(name);
    }
    if !removed.is_empty() {
        output::line(&format!("Deleted Volumes:\n{}\n", removed.join("\n")));
    }
    output::line(&format!("Total reclaimed space: {}", output::disk_size(freed_bytes)));
    Ok(0)
}
