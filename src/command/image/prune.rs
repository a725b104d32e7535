//! `dsbuild image prune`: removes images that nothing needs.

use std::collections::BTreeSet;

use cache::Store;
use images::catalog::{self, Entry};
use images::find;
use oci::{Digest, Platform, Reference};
use runner::container::Container;

use super::summary::Summary;
use crate::environment;
use crate::failure::Failure;
use crate::output;
use crate::setup::confirm::confirm;
use crate::setup::{isolation, store};
use cli::filters::Filters;
use cli::image::PruneImagesArgs;

/// Filters that docker's `image prune` knows.
const KNOWN: &[&str] = &["dangling", "label", "label!", "until"];

/// Conditions under which an image is removed. An image that a container needs always stays.
pub struct Unneeded {
    /// Whether images with names are removed as well.
    pub all: bool,
    /// Further conditions: labels, and the time of creation.
    pub filters: Filters,
}

/// Images that were removed.
#[derive(Default)]
pub struct Removed {
    /// Lines about names and images, in docker's words.
    pub lines: Vec<String>,
    /// Blobs that the images consisted of.
    pub blobs: BTreeSet<Digest>,
}

/// Removes images, and the blobs that only they needed.
pub fn run(args: &PruneImagesArgs) -> Result<u8, Failure> {
    let filters = Filters::parse(&args.filters, KNOWN)?;
    let all = args.all || filters.switch("dangling")? == Some(false);
    if !args.force {
        let which = if all {
            "all images without at least one container associated to them"
        } else {
            "all dangling images"
        };
        confirm("image prune", &format!("WARNING! This will remove {which}."))?;
    }
    isolation::enter()?;
    let store = store::open()?;
    runner::container::reconcile(&store)?;
    let removed = Unneeded { all, filters }.remove(&store)?;
    drop(store);
    if !removed.lines.is_empty() {
        output::line(&format!("Deleted Images:\n{}\n", removed.lines.join("\n")));
    }
    let freed_bytes = reclaim(&removed.blobs)?;
    output::line(&format!("Total reclaimed space: {}", output::disk_size(freed_bytes)));
    Ok(0)
}

/// Removes blobs that nothing needs any more, and returns the number of bytes that were freed.
pub fn reclaim(blobs: &BTreeSet<Digest>) -> Result<u64, Failure> {
    if blobs.is_empty() {
        return Ok(0);
    }
    let collected = Store::collect_blobs(&environment::store_root(), blobs)?;
    Ok(collected.map_or(0, |done| done.freed_bytes))
}

impl Unneeded {
    /// Takes the images off the list. Their blobs stay until they are reclaimed.
    pub fn remove(&self, store: &Store) -> Result<Removed, Failure> {
        let until_ms = self.filters.until_ms(output::now_ms())?;
        let containers = Container::list(store)?;
        let mut removed = Removed::default();
        for entry in catalog::entries(store)? {
            if !entry.names.is_empty() && !self.all || !self.accepts(store, &entry, until_ms) {
                continue;
            }
            let blobs = store.reached_from(&entry.root);
            if containers.iter().any(|one| blobs.contains(&one.config.manifest.digest)) {
                continue;
            }
            let id = Summary::of(store, &entry.root).id;
            for name in &entry.names {
                store.untag(name)?;
                removed.lines.push(format!("untagged: {}", Reference::familiar(name)));
            }
            store.remove_image(&entry.root.digest)?;
            removed.lines.push(format!("deleted: {id}"));
            removed.blobs.extend(blobs);
        }
        Ok(removed)
    }

    fn accepts(&self, store: &Store, entry: &Entry, until_ms: Option<u64>) -> bool {
        let labels =
            || find::at(store, &entry.root, &Platform::host()).map(|image| image.config.config.labels);
        let created_ms = Summary::of(store, &entry.root).created_ms.unwrap_or(0);
        until_ms.is_none_or(|until_ms| created_ms < until_ms)
            && self.filters.accepts_labels(&labels().unwrap_or_default())
    }
}
