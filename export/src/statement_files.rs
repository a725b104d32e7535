//! Attestations of outputs that are files: `provenance.json` and `sbom.spdx.json` in the root directory.
//!
//! The statements are about the files beside them, each with its digest. They are put on top of the image as one more
//! layer, so that a directory and a tar get them in the same way.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use attest::{Predicate, Subject, statement};
use oci::{DiffId, Hasher};
use progress::Cancel;
use rootfs::diff::{Content, Diff};
use rootfs::layers::Layers;
use trees::entry::{Entry, Kind, Timestamp};
use trees::tree::Tree;

use crate::error::ExportError;

/// Size of the buffer that files are hashed through.
const BUFFER_BYTES: usize = 64 << 10;

/// Mode of the files that hold statements.
const MODE: u32 = 0o644;

/// Statements about the files of one image.
pub(crate) struct StatementFiles<'a> {
    pub layers: &'a Layers,
    pub predicates: Vec<Predicate>,
    /// Beginning of the names of the files (`attestation-prefix=`).
    pub prefix: &'a str,
    /// Time of the files in seconds since 1970.
    pub time_s: i64,
    pub cancel: &'a Cancel,
}

impl StatementFiles<'_> {
    /// Returns the layers of an image with a further one on top that holds the statements.
    pub fn on(&self, image: &[DiffId]) -> Result<Vec<DiffId>, ExportError> {
        let mut layers = image.to_vec();
        if self.predicates.is_empty() {
            return Ok(layers);
        }
        let tree = self.layers.view(image)?;
        let read = |source| ExportError::Io { action: "read", path: "the files of the image".into(), source };
        let subjects = self.subjects(&*tree).map_err(read)?;
        if self.cancel.is_canceled() {
            return Err(ExportError::Canceled);
        }
        let mut diff = Diff::new(Arc::clone(&tree));
        for predicate in &self.predicates {
            let text = statement(predicate, &subjects);
            let mtime = Timestamp { seconds: self.time_s, nanoseconds: 0 };
            let kind = Kind::File { size_bytes: text.len() as u64 };
            let path = format!("{}{}", self.prefix, predicate.file_name);
            diff.put(
                Path::new(&path),
                Entry { kind, mtime, ..Entry::directory(MODE) },
                Some(Content::Bytes(text.into())),
            )?;
        }
        layers.push(self.layers.commit(diff)?);
        Ok(layers)
    }

    /// Returns the regular files of a tree, in order, with their digests. Ends early if the user cancels the build.
    fn subjects(&self, tree: &dyn Tree) -> io::Result<Vec<Subject>> {
        let mut subjects = Vec::new();
        let mut open = vec![PathBuf::new()];
        while let Some(directory) = open.pop() {
            if self.cancel.is_canceled() {
                break;
            }
            for child in tree.children(&directory)? {
                let path = directory.join(&child.name);
                match child.entry.kind {
                    Kind::Directory { .. } => open.push(path),
                    Kind::File { .. } => subjects.push(subject(tree, &path)?),
                    _ => {}
                }
            }
        }
        subjects.sort_by(|one, other| one.name.cmp(&other.name));
        Ok(subjects)
    }
}

fn subject(tree: &dyn Tree, path: &Path) -> io::Result<Subject> {
    let mut file = tree.open(path)?;
    let mut hasher = Hasher::new();
    let mut buffer = vec![0; BUFFER_BYTES];
    loop {
        match io::Read::read(&mut file, &mut buffer) {
            Ok(0) => return Ok(Subject::new(path.to_string_lossy().into_owned(), &hasher.finish())),
            Ok(count) => hasher.update(&buffer[..count]),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
}
