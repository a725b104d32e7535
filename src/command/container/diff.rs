//! `dsbuild container diff`: the files that a container has changed.

use std::path::Path;

use rootfs::snapshot::PathChangeKind;

use super::find::find;
use super::store_of;
use crate::failure::Failure;
use crate::output;
use cli::container::DiffContainerArgs;

/// Lists changed paths as docker does: `A` added, `C` changed, `D` deleted.
pub fn run(args: &DiffContainerArgs) -> Result<u8, Failure> {
    let changes = runner::content::changes(&find(&args.container)?, &store_of)?;
    for change in changes {
        let letter = match change.kind {
            PathChangeKind::Added => 'A',
            PathChangeKind::Changed => 'C',
            PathChangeKind::Deleted => 'D',
        };
        output::line(&format!("{letter} {}", output::path(&Path::new("/").join(&change.path))));
    }
    Ok(0)
}
