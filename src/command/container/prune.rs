//! `dsbuild container prune`: removes containers that have ended.

use cache::Store;
use runner::container::Container;

use crate::failure::Failure;
use crate::output;
use crate::setup::confirm::confirm;
use crate::setup::{isolation, store};
use cli::container::PruneContainersArgs;
use cli::filters::Filters;

/// Filters that docker's `container prune` knows.
const KNOWN: &[&str] = &["label", "label!", "until"];

/// Removes containers, and prints their IDs.
pub fn run(args: &PruneContainersArgs) -> Result<u8, Failure> {
    let filters = Filters::parse(&args.filters, KNOWN)?;
    if !args.force {
        confirm("container prune", "WARNING! This will remove all stopped containers.")?;
    }
    isolation::enter()?;
    let store = store::open()?;
    let before_bytes = store.usage().containers_bytes;
    let ids = remove_ended(&store, &filters)?;
    if !ids.is_empty() {
        output::line(&format!("Deleted Containers:\n{}\n", ids.join("\n")));
    }
    let freed_bytes = before_bytes.saturating_sub(store.usage().containers_bytes);
    output::line(&format!("Total reclaimed space: {}", output::disk_size(freed_bytes)));
    Ok(0)
}

/// Removes containers that do not run and satisfy the conditions; returns their IDs.
pub fn remove_ended(store: &Store, filters: &Filters) -> Result<Vec<String>, Failure> {
    let until_ms = filters.until_ms(output::now_ms())?;
    let mut ids = Vec::new();
    for container in Container::list(store)? {
        let is_old = until_ms.is_none_or(|until_ms| container.config.created_ms < until_ms);
        if !container.is_running() && is_old && filters.accepts_labels(&container.config.labels) {
            container.remove()?;
            ids.push(container.config.id.clone());
        }
    }
    Ok(ids)
}
