//! The store: blobs, records, names, and the locks that let many processes share them.
//!
//! ```text
//! <root>/                      mode 0700
//! ├── format                   the version of this layout
//! ├── lock                     shared by every user, exclusive for collection
//! ├── oci-layout, index.json   an OCI image layout: names -> manifests
//! ├── blobs/sha256/<64 hex>    immutable; written to tmp/, fsynced and renamed here
//! ├── records/v1/<2>/<62 hex>  cache key -> the result of the step with this key
//! ├── layers/<diff id hex>/    what `rootfs` derives from a layer's tar: index, tree
//! ├── stat/<64 hex>            stat caches of build contexts
//! ├── mounts/<64 hex>/         cache mounts
//! ├── containers/<id>/         what `runner` keeps
//! └── tmp/<random>/            of one process, held by a lock; cleared when the store is opened
//! ```
//!
//! Invariant: a name under `blobs/` is the sha256 of its content. Knows no Dockerfile, and not how a key is made.

mod error;
mod key;
mod stat_cache;
mod store;

pub use error::StoreError;
pub use key::Key;
pub use stat_cache::{FileStat, StatCache};
pub use store::{BlobWriter, CacheMount, Record, ScratchDir, Sharing, StepLock, Store};
