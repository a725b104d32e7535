//! Archives of ADD: any bytes, compressed or not.

use std::path::Path;

use trees::memory_tree::MemoryTree;

use crate::scratch::Scratch;
use crate::tree;

/// Checks these properties:
///
/// - A file is recognized by its first bytes alone: other files are never archives.
/// - Every member is below the destination, whatever its name and whatever the symlinks before it.
/// - Every file has the size that the tree shows, and all of it can be read.
/// - A damaged archive is an error that names the archive.
pub fn check(input: &[u8]) {
    let scratch = Scratch::new();
    let source = MemoryTree::new().file("archive", input);
    let unpacked = archive::unpack(&source, Path::new("archive"), scratch.path());
    let begins_archive = archive::begins_archive(&input[..input.len().min(512)]);
    match unpacked {
        Ok(Some(diff)) => {
            assert!(begins_archive, "only a file that begins like an archive is unpacked");
            tree::flat(&diff);
        }
        Ok(None) => {}
        Err(error) => {
            assert!(begins_archive);
            assert!(!error.to_string().is_empty());
        }
    }
    let left = scratch.path().read_dir().expect("the scratch directory can be listed").count();
    assert_eq!(left, 0, "no named file stays");
}
