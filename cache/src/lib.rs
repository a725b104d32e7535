//! The store: blobs, records and names on disk, and the locks that let many processes share them.
//!
//! ```text
//! <root>/                      mode 0700, of one user
//! ├── format                   version of this layout; written last when the store is created
//! ├── lock                     flock: shared by every open store, exclusive for collection if nobody else has it open
//! ├── collect.lock             flock: held by the process that collects
//! ├── oci-layout, index.json   an OCI image layout: names -> manifests
//! ├── index.json.lock          flock: held while index.json changes
//! ├── index.json.damaged       unreadable names that a repair has put aside
//! ├── index.json.copy          the same list once more; stores of older versions have `index.json.previous`
//! ├── blobs/sha256/<64 hex>    immutable; written to tmp/, synced and renamed here
//! ├── records/v1/<2>/<62 hex>  cache key -> the result of the step with this key
//! ├── layers/<diff id hex>/    derived from a layer's tar: index, EROFS images, trees (`finished…`: with the times of the
//! │                            tar), their stamps and locks, other forms of the blob
//! ├── stat/<64 hex>            stat caches of build contexts
//! ├── steps/<64 hex>           flock: held while the step with this key runs
//! ├── mounts/<64 hex>/<n>/     cache mounts and git mirrors: `data`, and `ready` once it can be used
//! ├── pins/<64 hex>            a note: the manifest that a name of a registry led to
//! ├── downloads/<64 hex>       a note: the blob that came from a URL
//! ├── downloads/<64 hex>.partial   the first bytes of a blob whose pull broke off
//! ├── commits/<hash>-<64 hex>  a note: the time of a git commit
//! ├── containers/<id>/         config, state and log of a container
//! ├── roots/<name>             blobs that collection must keep, for example a container's layers
//! ├── versions/<64 hex>        where a name has pointed, since when and why
//! ├── volumes/<name>/          data of the user, mounted into containers
//! ├── known_hosts              keys of the ssh servers that repositories were fetched from
//! ├── reserve                  a file that becomes the next `index.json` on a full disk, so that images can be removed
//! ├── collected                empty; its time says when collection last looked at the store
//! └── tmp/<random>/            work of one process, which holds a flock on it
//! ```
//!
//! | path | written by | removed |
//! |---|---|---|
//! | `blobs/`, `layers/` | `cache`; `rootfs`, `builder` | together by collection, least recently used first |
//! | `records/`, `pins/`, `downloads/` | `builder` | by collection, with the blob that they lead to |
//! | `mounts/`, `stat/`, `commits/` | `builder` | by collection, least recently used first |
//! | `steps/` | `cache` | when the step ends; by collection if the process was killed |
//! | `index.json` | `cache` | never; collection takes images without a name off the list |
//! | `versions/` | `cache` | with the name; versions beyond a number leave the list |
//! | `containers/`, `roots/` | `runner` | with the container (`dsbuild rm`) |
//! | `volumes/` | the user, through `dsbuild run -v` | never |
//! | `known_hosts` | ssh, run by git | never |
//! | `tmp/` | everybody | by its process; else when the store is opened next |
//!
//! Files and directories with other names are left alone, and [`Store::check`] lists them.
//!
//! ```text
//! layout, structure           create a store, and refuse or repair a damaged one
//! session, store              open a store; the lock and the directory of this process
//! blobs                       put, get, stat, delete; buffer, direct and hashing make writing fast
//! verified, stamp, boot       blobs that were read to the end in this boot
//! derived, file_range         files derived from a layer; a part of a shared file
//! holes, whole_file           ranges of zeros that take no disk space; reading a file without them
//! records, notes, stat_cache  what builds remember
//! partial                     what a broken pull has brought of a blob
//! index, names, rebuild       images by name; the list when its file is lost
//! versions, origin            where names have pointed, and who moved them
//! scratch, tmp                work in progress, and what dead processes left of it
//! mounts, step_lock           directories and steps that processes wait for
//! roots, gc                   what must stay, and what goes
//! reach, stale, check, repair what names lead to, what is damaged, and mending it
//! usage                       disk usage by purpose
//! sealed                      text files with a checksum
//! locks, files, tree, reserve flocks, atomic writes, trees of any depth, room on a full disk
//! ```
//!
//! Invariants: a name under `blobs/` is the sha256 of its content; a reader that finds otherwise removes the blob and
//! reports [`StoreError::Corrupt`]. A name in `index.json` was written after everything it leads to was on disk. All
//! other damage, and all other loss, is a cache miss and never a wrong result.
//!
//! Concurrency: any number of processes share a root. Every lock is a `flock`, which the kernel releases when its holder
//! dies, so nobody ever has to break one. Writers of one blob race to a rename; as the name fixes the content, the loser
//! has succeeded too. The crate knows no Dockerfile, no document of a container, and not how a key is made.

#![cfg_attr(test, allow(clippy::disallowed_methods, reason = "tests damage stores on purpose"))]

mod blobs;
mod boot;
mod buffer;
mod check;
mod derived;
mod direct;
mod error;
mod file_range;
mod files;
mod gc;
mod hashing;
mod holes;
mod identity;
mod index;
mod layout;
mod locks;
mod mounts;
mod names;
mod notes;
mod notices;
mod origin;
mod partial;
mod problem;
mod reach;
mod rebuild;
mod records;
mod repair;
mod reserve;
mod roots;
mod scratch;
mod sealed;
mod session;
mod stale;
mod stamp;
mod stat_cache;
mod step_lock;
mod store;
mod structure;
mod tmp;
mod tree;
mod usage;
mod verified;
mod versions;
mod whole_file;

pub use blobs::BlobWriter;
pub use boot::boot_id;
pub use check::CheckReport;
pub use error::StoreError;
pub use file_range::FileRange;
pub use files::open_regular;
pub use gc::{Collected, Policy};
pub use holes::{
    HoleFinder, MIN_HOLE_BYTES, SparseWriter, ZEROS, ZeroCounter, each_zeros, hole_bytes, is_zeros,
};
pub use identity::{ContentDigest, StepKey, StepPosition, hashed_name};
pub use index::{BUILT_ANNOTATION, ID_ANNOTATION, SIZE_ANNOTATION};
pub use mounts::{CacheMount, Sharing};
pub use notes::NoteKind;
pub use partial::PartialBlob;
pub use problem::Problem;
pub use records::Record;
pub use roots::{CONTAINER_ROOT_PREFIX, GcRoot};
pub use scratch::ScratchDir;
pub use stat_cache::{FileStat, StatCache};
pub use step_lock::StepLock;
pub use store::Store;
pub use usage::{Usage, VersionUsage};
pub use versions::{MAX_VERSIONS, Version, VersionLimits, VersionList};
pub use whole_file::{MIN_SPARSE_BYTES, WholeFile};
