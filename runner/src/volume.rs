//! The first content of named volumes.
//!
//! As with docker, a named volume that is empty gets the content of the directory of the image that it hides, with owners
//! and modes, so that a process that is not root can write to its own directory. Directories of the machine never do.

use std::fs::{self, File};
use std::path::{Path, PathBuf};

use trees::materialize::materialize;
use trees::tree::{Tree, resolve};

use crate::RunnerError;
use crate::container::Volume;
use crate::error::io_error;

/// Fills a named volume that is empty. Two containers that start at once fill it once.
pub(crate) fn fill(volume: &Volume, image: &dyn Tree) -> Result<(), RunnerError> {
    if !volume.is_named || volume.options.no_copy {
        return Ok(());
    }
    let dir = &volume.source;
    let lock = File::open(dir).map_err(io_error("open", dir))?;
    crate::files::lock(&lock).map_err(io_error("lock", dir))?;
    if fs::read_dir(dir).map_err(io_error("read", dir))?.next().is_some() {
        return Ok(());
    }
    if let Some(source) = hidden_directory(image, &volume.target).map_err(io_error("read", dir))? {
        materialize(image, &source, dir)?;
    }
    Ok(())
}

/// Returns the directory of the image at `target`, an absolute path; `None` if the image has no directory there.
fn hidden_directory(image: &dyn Tree, target: &str) -> std::io::Result<Option<PathBuf>> {
    let path = resolve(image, Path::new(target), true)?;
    let entry = image.lookup(&path)?;
    Ok(entry.filter(|entry| entry.is_dir()).map(|_| path))
}
