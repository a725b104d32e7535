//! Programs that notice that a change of user has had no effect, where there is a single user ID.
//!
//! apt gives up its rights before it downloads, and checks that they are gone. A file of its configuration, which exists only
//! while the process runs, tells it to stay root: in a user namespace with one ID that is the user anyway.

use std::path::Path;

use sandbox::{Mount, MountSource};

use super::{ExecContext, ExecError};
use crate::result::Files;
use graph::{Exec, SecurityMode};

/// Directory of apt's configuration, relative to the root.
const APT_DIR: &str = "etc/apt/apt.conf.d";
/// File in that directory. Its name makes it the last one that apt reads.
const APT_FILE: &str = "/etc/apt/apt.conf.d/zz-dsbuild-single-id";
const APT_CONFIG: &[u8] = b"APT::Sandbox::User \"root\";\n";

/// Returns the files that the process gets in addition; none where there are several user IDs.
pub(super) fn mounts(
    exec: &Exec,
    inputs: &[Files],
    context: &ExecContext<'_>,
) -> Result<Vec<Mount>, ExecError> {
    let is_faked = context.options.has_single_id && exec.security != SecurityMode::Insecure;
    let Some(root) = exec.root.filter(|_| is_faked) else { return Ok(Vec::new()) };
    let found = inputs[root.0].tree(context.layers)?.lookup(Path::new(APT_DIR));
    let has_apt = found
        .map_err(|source| ExecError::Io { action: "look for the configuration of apt", source })?
        .is_some_and(|entry| entry.is_dir());
    let bytes = APT_CONFIG.to_vec();
    let source = MountSource::Secret { bytes, mode: 0o444, uid: 0, gid: 0 };
    let file = Mount { target: APT_FILE.into(), source, read_only: true };
    Ok(has_apt.then_some(file).into_iter().collect())
}
