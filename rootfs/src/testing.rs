//! Helpers for the tests of this crate: new files, and a check whether EROFS images can be mounted.

use std::fs::{self, File};
use std::path::Path;
use std::sync::Arc;

use crate::erofs::image::image;
use crate::erofs::mount::mount;
use crate::index::{Index, Origin, Row};

/// Returns `None`, with the reason printed, where this process cannot mount an EROFS image.
#[expect(clippy::print_stdout, reason = "tests say why they are skipped")]
pub(crate) fn can_mount_erofs() -> Option<()> {
    let dir = tempfile::tempdir().unwrap();
    let index = Index::build(vec![Row::implied(b"")], Origin::Made).unwrap();
    let tar = Arc::new(new_file(dir.path(), "tar", &[0; 1024]));
    let bytes = image(&index, &tar, &[0; 32]).unwrap().unwrap();
    match mount(&new_file(dir.path(), "image", &bytes), &tar) {
        Ok(_) => Some(()),
        Err(error) => {
            println!("SKIP cannot mount a file as EROFS: {error}");
            None
        }
    }
}

/// Writes a file, and opens it for reading.
pub(crate) fn new_file(dir: &Path, name: &str, bytes: &[u8]) -> File {
    fs::write(dir.join(name), bytes).unwrap();
    File::open(dir.join(name)).unwrap()
}
