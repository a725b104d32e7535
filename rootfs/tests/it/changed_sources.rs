//! A source that changes while it is copied into a layer is an error, never a layer with the wrong content.

use std::io::{self, Read};
use std::path::Path;
use std::sync::Arc;

use cache::ContentDigest;
use oci::DiffId;
use rootfs::RootfsError;
use rootfs::diff::Content;
use trees::entry::Entry;
use trees::tree::{Child, Tree};

use crate::support::{TestEnv, file};

/// More than the writer of layers reads at once.
static LARGE: [u8; 300 << 10] = [7; 300 << 10];

/// Tree of one file.
struct Source(&'static [u8]);

impl Tree for Source {
    fn lookup(&self, _: &Path) -> io::Result<Option<Entry>> {
        Ok(None)
    }

    fn children(&self, _: &Path) -> io::Result<Vec<Child>> {
        Ok(Vec::new())
    }

    fn open(&self, _: &Path) -> io::Result<Box<dyn Read + Send>> {
        Ok(Box::new(self.0))
    }

    fn content(&self, _: &Path) -> io::Result<ContentDigest> {
        Ok(ContentDigest::of(self.0))
    }
}

/// Commits a file of `size` whose source has `content`. `hashed` is the content that was hashed for the key.
fn commit(content: &'static [u8], size: usize, hashed: Option<&[u8]>) -> Result<DiffId, RootfsError> {
    let env = TestEnv::new();
    let mut diff = env.diff(&[]);
    let content = Content::Tree {
        tree: Arc::new(Source(content)),
        path: "src".into(),
        digest: hashed.map(ContentDigest::of),
    };
    diff.put(Path::new("f"), file(size), Some(content)).expect("a file");
    env.layers.commit(diff)
}

#[track_caller]
fn check_changed(result: Result<DiffId, RootfsError>) {
    let error = result.expect_err("it changed");
    assert!(matches!(error, RootfsError::Tree(trees::TreeError::Changed { .. })), "{error}");
}

#[test]
fn an_unchanged_source_is_copied() {
    commit(b"same", 4, Some(b"same")).expect("unchanged");
    commit(b"same", 4, None).expect("unchanged");
    commit(&LARGE, LARGE.len(), Some(&LARGE)).expect("unchanged");
}

#[test]
fn a_source_of_another_length_has_changed() {
    check_changed(commit(b"longer", 4, None));
    check_changed(commit(b"longer", 10, None));
    check_changed(commit(&LARGE, LARGE.len() - 1, None));
    check_changed(commit(&LARGE, LARGE.len() + 1, None));
}

#[test]
fn a_source_with_another_digest_has_changed() {
    check_changed(commit(b"same", 4, Some(b"other")));
    check_changed(commit(&LARGE, LARGE.len(), Some(b"other")));
}
