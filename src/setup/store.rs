//! The store of the user.

use std::path::{Path, PathBuf};

use cache::{Policy, Store, StoreError};

use crate::environment;
use crate::exit::Fault;
use crate::failure::Failure;
use crate::output;
use crate::setup::origin;

/// Opens the store, or says which directory cannot be used and why.
pub fn open() -> Result<Store, Failure> {
    let root = environment::store_root();
    let store = Store::open(&root).map_err(|error| match other_owner(&root, &error) {
        Some(failure) => failure,
        None if matches!(error, StoreError::Misplaced { .. }) => {
            Failure::from(error).hint("remove it with `dsbuild check --repair`")
        }
        None => Failure::from(error)
            .hint(format!("the store is {}; set DSBUILD_ROOT to use another directory", root.display())),
    })?;
    store.send_notices_to(|text| output::note(&format!("warning: {text}")));
    origin::describe(&store);
    Ok(store)
}

/// Removes what keeps the store from being opened, and returns the paths.
pub fn repair_layout() -> Result<Vec<PathBuf>, Failure> {
    Ok(Store::repair_layout(&environment::store_root())?)
}

/// Returns the failure for a store of another user.
///
/// The store's own message has user IDs as they are inside of our user namespace, where the caller is user 0 and others are
/// `nobody`. This one has the IDs of the machine.
fn other_owner(root: &Path, error: &StoreError) -> Option<Failure> {
    use std::os::unix::fs::MetadataExt;
    match error {
        StoreError::Format { .. } => {}
        StoreError::Io { source, .. } if source.kind() == std::io::ErrorKind::PermissionDenied => {}
        _ => return None,
    }
    let owner = root.metadata().ok().filter(std::fs::Metadata::is_dir)?.uid();
    let (user, caller) = (rustix::process::geteuid().as_raw(), environment::caller());
    if owner == user {
        return None;
    }
    // In a user namespace the owner's true ID cannot be known.
    let owner = if user == caller { format!("user {owner}") } else { "another user".to_owned() };
    let title = format!("the store {} belongs to {owner}, and dsbuild runs as user {caller}", root.display());
    let hint = "set DSBUILD_ROOT to a directory of your own, or run dsbuild as the owner of the store";
    Some(Failure::new(Fault::System, title).hint(hint))
}

/// Keeps the store within its budget, once a day. A collection that fails does not fail the build before it.
pub fn collect_if_due() {
    let root = environment::store_root();
    if Store::is_collection_due(&root) {
        let _ = collect_by_default(&root);
    }
}

fn collect_by_default(root: &Path) -> Result<(), Failure> {
    let store = Store::open(root)?;
    runner::container::reconcile(&store)?;
    drop(store);
    let policy = Policy::for_disk(root)?;
    let mut limits = environment::version_limits();
    if policy.keep_ms == 0 {
        // The disk is nearly full. One step back stays possible.
        limits.count = limits.count.min(2);
    }
    Store::collect_keeping(root, &policy, &limits)?;
    Ok(())
}
