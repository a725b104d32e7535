//! Notes: small files in which the crates above remember what they learned from servers and repositories.
//!
//! ```text
//! pins/<64 hex>               the manifest that a name of a registry led to
//! downloads/<64 hex>          the blob that came from a URL, with its ETag and time
//! commits/<hash>-<64 hex>     the time of a git commit
//! ```
//!
//! The store knows only one thing about the content of a note: the first `sha256:<64 hex>` names the blob that the note is
//! about. Collection removes such a note with its blob, without which it is useless. A note that names no blob is removed
//! by its own last use. Losing a note costs one request to a server or one call of git, and never gives a wrong result.
//!
//! Notes are not synced: after a power cut a note can be empty, and its reader takes it for absent.

use std::io::{ErrorKind, Read};
use std::path::{Path, PathBuf};

use oci::Digest;

use crate::files::{IoContext, files_in, mark_used, open_file, remove_file, replace};
use crate::tmp::ensure_private_dir;
use crate::{Store, StoreError};

/// Subject of a note, which decides on its directory.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NoteKind {
    /// The manifest that a name of a registry led to.
    Pin,
    /// The blob that came from a URL.
    Download,
    /// The time of a git commit.
    Commit,
}

impl NoteKind {
    const ALL: [Self; 3] = [Self::Pin, Self::Download, Self::Commit];

    fn dir(self) -> &'static str {
        match self {
            Self::Pin => "pins",
            Self::Download => "downloads",
            Self::Commit => "commits",
        }
    }
}

impl Store {
    /// Reads a note and marks it as used; `None` if it does not exist or is not a regular file.
    pub fn load_note(&self, kind: NoteKind, name: &str) -> Result<Option<Vec<u8>>, StoreError> {
        let path = self.root().join(kind.dir()).join(name);
        let mut file = match open_file(&path) {
            Ok(file) => file,
            Err(error) if matches!(error.kind(), ErrorKind::NotFound | ErrorKind::InvalidData) => {
                return Ok(None);
            }
            Err(error) => return Err(error).at("open", &path),
        };
        mark_used(&file);
        let mut bytes = Vec::new();
        file.read_to_end(&mut bytes).at("read", &path)?;
        Ok(Some(bytes))
    }

    /// Saves a note for all processes, replacing an older one. `name` must be a file name.
    pub fn save_note(&self, kind: NoteKind, name: &str, bytes: &[u8]) -> Result<(), StoreError> {
        let dir = self.root().join(kind.dir());
        ensure_private_dir(&dir)?;
        replace(&dir.join(name), &self.session.tmp_path()?, bytes, false)
    }

    /// Removes a note that turned out to be wrong; returns whether it existed.
    pub fn remove_note(&self, kind: NoteKind, name: &str) -> Result<bool, StoreError> {
        remove_file(&self.root().join(kind.dir()).join(name))
    }
}

/// Lists the files of all notes.
pub(crate) fn all_notes(root: &Path) -> Result<Vec<PathBuf>, StoreError> {
    let mut notes = Vec::new();
    for kind in NoteKind::ALL {
        notes.extend(files_in(&root.join(kind.dir()))?);
    }
    Ok(notes)
}

/// Returns the digest of the blob that a note is about; `None` if it names no blob.
pub(crate) fn blob_of(note: &[u8]) -> Option<Digest> {
    const PREFIX: &[u8] = b"sha256:";
    let digest_at = |start: usize| {
        let hex = note.get(start + PREFIX.len()..start + PREFIX.len() + 64)?;
        Digest::from_hex(std::str::from_utf8(hex).ok()?).ok()
    };
    let starts = note.windows(PREFIX.len()).enumerate().filter(|(_, window)| *window == PREFIX);
    starts.map(|(start, _)| start).find_map(digest_at)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_digest_in_a_note_is_its_blob() {
        let (one, two) = (Digest::of(b"one"), Digest::of(b"two"));
        let check =
            |note: &str, expected: Option<Digest>| assert_eq!(blob_of(note.as_bytes()), expected, "{note}");
        check(&format!("{one}\n"), Some(one));
        check(&format!(r#"{{"digest":"{two}","etag":"{one}"}}"#), Some(two));
        check(&format!("sha256:short {one}"), Some(one));
        check("1700000000\n", None);
        check("sha256:", None);
        check("", None);
    }
}
