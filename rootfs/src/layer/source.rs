//! Reading the content of a new entry, and noticing that the source has changed since the build looked at it.

use std::io;
use trees::TreeError;

use cache::ContentDigest;

use super::new_entry::NewEntry;
use crate::RootfsError;
use crate::content::Content;
use crate::error::{bad_entry, failed};
use trees::path::{to_bytes, to_path};
use trees::sparse::SparseRead;
use trees::tree::FileChanged;

/// Reader of the content of a new entry.
pub(super) struct Source<'a> {
    new: &'a NewEntry,
    reader: Box<dyn SparseRead>,
}

impl<'a> Source<'a> {
    /// Opens the content of `new`, a regular file of more than 0 bytes.
    pub(super) fn open(new: &'a NewEntry) -> Result<Self, RootfsError> {
        let content =
            new.content.as_ref().ok_or_else(|| bad_entry(&new.path, "a file without its content"))?;
        let reader = content.open(new.size_bytes()).map_err(|error| read_error(new, error))?;
        Ok(Self { new, reader })
    }

    /// Reads some of the content. Its end is an error here: the file has become shorter.
    pub(super) fn read(&mut self, buffer: &mut [u8]) -> Result<usize, RootfsError> {
        match self.read_or_end(buffer)? {
            0 => Err(changed(self.new)),
            count => Ok(count),
        }
    }

    /// Moves past the hole that begins here, and returns its length in bytes; 0 if there is data.
    pub(super) fn skip_hole(&mut self) -> Result<u64, RootfsError> {
        self.reader.skip_hole().map_err(|error| read_error(self.new, error))
    }

    /// Checks that all content has been read: if not, the file has become longer.
    pub(super) fn check_end(&mut self) -> Result<(), RootfsError> {
        match self.read_or_end(&mut [0])? {
            0 => Ok(()),
            _ => Err(changed(self.new)),
        }
    }

    fn read_or_end(&mut self, buffer: &mut [u8]) -> Result<usize, RootfsError> {
        loop {
            match self.reader.read(buffer) {
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                result => return result.map_err(|error| read_error(self.new, error)),
            }
        }
    }
}

/// Checks the blake3 of content that has been read against the one that went into the key of the step. If there was
/// none, the tree learns it.
pub(super) fn verify(new: &NewEntry, found: [u8; 32]) -> Result<(), RootfsError> {
    match &new.content {
        Some(Content::Tree { digest: Some(expected), .. }) if *expected.as_bytes() != found => {
            return Err(changed(new));
        }
        Some(Content::Tree { digest: None, tree, path }) => {
            tree.learn(path, ContentDigest::from_bytes(found))
        }
        _ => {}
    }
    Ok(())
}

/// Returns the error for a source that is not what it was when the build looked at it.
pub(super) fn changed(new: &NewEntry) -> RootfsError {
    TreeError::Changed { path: to_path(source_path(new)).to_owned() }.into()
}

fn read_error(new: &NewEntry, error: io::Error) -> RootfsError {
    // A file that is missing existed when the build looked at it.
    if error.kind() == io::ErrorKind::NotFound || FileChanged::is_in(&error) {
        return changed(new);
    }
    failed("read", to_path(source_path(new)))(error)
}

/// Returns the path by which a person knows the file: that in its tree if it comes from one.
fn source_path(new: &NewEntry) -> &[u8] {
    match &new.content {
        Some(Content::Tree { path, .. }) => to_bytes(path),
        _ => &new.path,
    }
}
