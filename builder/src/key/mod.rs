//! Cache keys: names of step results, known before the steps run.
//!
//! A step has two keys, which are computed when its inputs have results. A record under either key is a hit.
//!
//! - The **definition key** costs nothing: it hashes what the step does, and the layers it does it to.
//! - The **content key** hashes the very files that the step takes from its inputs instead, so that a stage that ran
//!   again and left the same files makes no difference. It is computed when the definition key misses.
//!
//! | input | definition key | content key |
//! |---|---|---|
//! | fields of the op: args, each variable of the environment, cwd, user, mounts, names of devices, flags, patterns | yes | yes |
//! | layers below (chain ID) | yes | yes |
//! | the *recipe*: the operations of the steps below, from the base on (BuildKit: an edited RUN re-runs everything after it), and the files that they copied from the context | yes | yes |
//! | layers copied or bind-mounted from | chain ID | digest of the selected files |
//! | build context files | digest of the selected files | the same |
//! | mtime of copied files, where it shows in the layer: before 1980-01-02, or before the source date | yes | yes |
//! | names of the users of `--chown` | `/etc/passwd`, `/etc/group` of the base: by its chain ID | the same |
//! | platform | for processes | for processes |
//! | whether there is a single user ID, so that changes of owners have no effect | for processes | for processes |
//! | proxy variables, secret values, SSH agents, addresses of `--add-host`, cache mounts' ids, what devices stand for | no | no |
//! | stage names, lines, comments, later mtime of sources, absolute paths, host, user, time | no | no |
//!
//! The *outline* of a copy from a context is its key without the digest of the files. If no record exists under a step's
//! outline, it cannot hit, and its files need not be hashed for a lookup (`crate::step`).
//!
//! Early cutoff: the layers below count by their content, so a step that ran again and left the same layer (a bind mount
//! changed without effect, `--no-cache`, a new base with the same files) does not re-run the steps after it.
//!
//! Encodings are written down in [`graph::content_hash`]; a pinned test of ten keys notices every change.
//!
//! ```text
//! part      the parts that a key is made of, by name
//! parts     the parts of an operation, and their hash
//! inputs    what a step takes from its inputs, as parts of a key
//! recipe    the hash of the operations up to a step
//! reason    the part that changed since the step was last built
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
