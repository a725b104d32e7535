//! Cache keys: the name of a step's result before it is made.
//!
//! A step has two keys, made when its inputs have results. A record under either is a hit.
//!
//! - The **definition key** is free: what the step does, and which results it does it to.
//! - The **content key** has the digests of the very files that the step takes from its inputs, so that a
//!   stage that was run again and left the same files does not matter. It is computed when the first misses.
//!
//! | input | definition key | content key |
//! |---|---|---|
//! | fields of the op: args, each variable of the environment, cwd, user, mounts, names of devices, flags, patterns | yes | yes |
//! | layers below (chain ID) | yes | yes |
//! | the *recipe*: what the steps below do, from the base on (BuildKit: an edited RUN re-runs what follows it), and what those that copy take from the context | yes | yes |
//! | layers copied or bind-mounted from | chain ID | digest of the selected files |
//! | build context files | digest of the selected files | the same |
//! | names of the users of `--chown` | `/etc/passwd`, `/etc/group` of the base: by its chain ID | the same |
//! | platform | for processes | for processes |
//! | proxy variables, secret values, SSH agents, addresses of `--add-host`, cache mounts' ids, what devices stand for | no | no |
//! | stage names, lines, comments, mtime of sources, absolute paths, host, user, time | no | no |
//!
//! The *outline* of a copy from a context is its key without the digest of the files. A step whose outline no record
//! was ever saved under cannot hit; it need not be hashed to be looked up (`crate::step`).
//!
//! Early cutoff: the layers below count by what they *are*, so a step that was run again and left the same layer (a bind
//! mount changed without effect, `--no-cache`, a new base with the same files) does not re-run what follows.
//!
//! Encodings are written down in [`graph::content_hash`]; a pinned test of ten keys notices every change.
//!
//! ```text
//! part      the parts that a key is made of, by name
//! parts     the parts of an operation, and their hash
//! inputs    what a step takes from its inputs, as parts of a key
//! recipe    the hash of what the steps up to one do
//! reason    which part changed since the step was last built
//! ```
//!
//! Source: BuildKit's rules in `solver/llbsolver/ops`.

mod inputs;
mod part;
mod parts;
#[cfg(test)]
mod pinned;
mod reason;
mod recipe;
#[cfg(test)]
mod tests;

pub use inputs::{KeyError, KeyMaker};
pub use part::Part;
pub use parts::Parts;
pub use reason::reason;
