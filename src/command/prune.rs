//! `dsbuild prune`: removes data from the store, the least recently used first.

use cache::{Policy, Store, StoreError, VersionLimits};

use crate::environment;
use crate::failure::Failure;
use crate::output;
use crate::setup::{isolation, store};
use cli::store::PruneArgs;
use cli::values;

/// Reduces the store to the size that the user names, and prints the space that was freed.
pub fn run(args: &PruneArgs) -> Result<u8, Failure> {
    // Files of other IDs of the user's namespace can be removed only inside of it. It must be entered before the store is
    // opened, which can start a thread.
    isolation::enter()?;
    let store = store::open()?;
    runner::container::reconcile(&store)?;
    let policy = match (&args.keep_storage, args.all) {
        (Some(text), _) => Policy { budget_bytes: values::size_bytes(text, "--keep-storage")?, keep_ms: 0 },
        (None, true) => Policy { budget_bytes: 0, keep_ms: 0 },
        (None, false) => Policy::for_disk(store.root())?,
    };
    drop(store);
    let limits = limits(args);
    match Store::collect_keeping(&environment::store_root(), &policy, &limits).map_err(with_way_out)? {
        Some(done) => {
            output::line(&format!("Total reclaimed space: {}", output::size(done.freed_bytes)));
            Ok(0)
        }
        None => Err(Failure::system("the store is in use; nothing was removed")
            .hint("a build is running; try again when it has ended")),
    }
}

/// Returns which versions keep their images.
fn limits(args: &PruneArgs) -> VersionLimits {
    let default = VersionLimits::default();
    VersionLimits {
        count: args.keep_versions.unwrap_or(default.count),
        age_ms: args.keep_versions_days.map_or(default.age_ms, |days| u64::from(days) * 86_400_000),
    }
}

/// Adds the way out to a collection that removed nothing because it could not know what is needed.
fn with_way_out(error: StoreError) -> Failure {
    let hint = match &error {
        StoreError::BadRoot { .. } => "remove the container of that root (`dsbuild rm`), or else the file",
        StoreError::NoRoot { .. } => {
            "remove that directory if it is not a container, or if nobody needs the container"
        }
        _ => return error.into(),
    };
    Failure::from(error).hint(hint)
}
