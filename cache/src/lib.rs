//! The store: blobs, records, names, and the locks that let many processes share them.
//!
//! ```text
//! <root>/                      mode 0700, of one user
//! ├── format                   the version of this layout
//! ├── lock                     held shared by every open store, exclusively for collection
//! ├── oci-layout, index.json   an OCI image layout: names -> manifests
//! ├── blobs/sha256/<64 hex>    immutable; written to tmp/, synced and renamed here
//! ├── records/v1/<2>/<62 hex>  cache key -> the result of the step with this key
//! ├── layers/<diff id hex>/    what `rootfs` derives from a layer's tar: index, EROFS image, tree
//! ├── stat/<64 hex>            stat caches of build contexts
//! ├── steps/<64 hex>           locks of steps that are running now
//! ├── mounts/<64 hex>/<n>/     cache mounts: `data`, and `ready` once it may be used
//! ├── pins/                    what `builder` remembers of the names of registries
//! ├── containers/<id>/         what `runner` keeps
//! ├── reserve                  room to remove an image on a full disk
//! ├── collected                when collection has last looked at the store
//! └── tmp/<random>/            of one process, which holds a lock on it; cleared once it is dead
//! ```
//!
//! Invariants: a name under `blobs/` is the sha256 of its content; a reader that finds otherwise takes the blob away
//! and reports [`StoreError::Corrupt`]. A name in `index.json` was written after everything it leads to was on disk.
//! Whatever else is damaged or missing is a miss, never a wrong result.
//!
//! Concurrency: any number of processes share a root. Every lock is a `flock`, which the kernel releases when its
//! holder dies; nobody ever has to break one. Writers race to a rename; as the name fixes the content, losing is
//! success. Knows no Dockerfile, and not how a key is made.

mod blobs;
mod buffer;
mod check;
mod direct;
mod error;
mod files;
mod gc;
mod hashing;
mod index;
mod key;
mod layout;
mod locks;
mod mounts;
mod names;
mod problem;
mod reach;
mod records;
mod repair;
mod reserve;
mod scratch;
mod session;
mod stale;
mod stat_cache;
mod step_lock;
mod store;
mod tmp;
mod tree;
mod usage;

pub use blobs::BlobWriter;
pub use check::CheckReport;
pub use error::StoreError;
pub use gc::{Collected, Policy};
pub use index::BUILT_ANNOTATION;
pub use key::Key;
pub use mounts::{CacheMount, Sharing};
pub use problem::Problem;
pub use records::Record;
pub use scratch::ScratchDir;
pub use stat_cache::{FileStat, StatCache};
pub use step_lock::StepLock;
pub use store::Store;
pub use usage::Usage;
