//! `dsbuild system prune`: removes ended containers, images that nothing needs, and build cache.

use cache::{Policy, Store};

use crate::command::container::prune::remove_ended;
use crate::command::image::prune::{Unneeded, reclaim};
use crate::environment;
use crate::failure::Failure;
use crate::output;
use crate::setup::confirm::confirm;
use crate::setup::{isolation, store};
use cli::filters::Filters;
use cli::system::SystemPruneArgs;

/// Filters that docker's `system prune` knows.
const KNOWN: &[&str] = &["label", "label!", "until"];

/// Removes what nothing needs, and prints it in docker's words.
pub fn run(args: &SystemPruneArgs) -> Result<u8, Failure> {
    let filters = Filters::parse(&args.filters, KNOWN)?;
    if !args.force {
        confirm("system prune", &warning(args.all))?;
    }
    isolation::enter()?;
    let store = store::open()?;
    runner::container::reconcile(&store)?;
    let before_bytes = store.usage().total_bytes();
    let has_conditions = !args.filters.is_empty();
    print("Deleted Containers:", &remove_ended(&store, &filters)?);
    let images = Unneeded { all: args.all, filters }.remove(&store)?;
    print("Deleted Images:", &images.lines);
    let policy = Policy::for_disk(store.root())?;
    drop(store);
    reclaim(&images.blobs)?;
    if !has_conditions {
        let policy = if args.all { Policy { budget_bytes: 0, keep_ms: 0 } } else { policy };
        if Store::collect_keeping(&environment::store_root(), &policy, &environment::version_limits())?
            .is_none()
        {
            output::note("note: the build cache stays: another process removes data now");
        }
    }
    let freed_bytes = before_bytes.saturating_sub(store::open()?.usage().total_bytes());
    output::line(&format!("Total reclaimed space: {}", output::disk_size(freed_bytes)));
    Ok(0)
}

fn print(title: &str, lines: &[String]) {
    if !lines.is_empty() {
        output::line(&format!("{title}\n{}\n", lines.join("\n")));
    }
}

fn warning(all: bool) -> String {
    let (images, cache) = if all {
        ("all images without at least one container associated to them", "all build cache")
    } else {
        ("all dangling images", "build cache beyond the budget of the store")
    };
    format!("WARNING! This will remove:\n  - all stopped containers\n  - {images}\n  - {cache}\n")
}
