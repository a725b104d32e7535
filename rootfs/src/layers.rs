//! The layers of a store: from tar, from a diff, from a snapshot; and what is derived from them.

use std::io::{Read, Write};
use std::path::PathBuf;
use std::sync::Arc;

use cache::Store;
use oci::DiffId;

use crate::RootfsError;
use crate::diff::Diff;
use crate::snapshot::Snapshot;
use crate::tree::Tree;

/// The latest time that a layer's entries may carry, in seconds since 1970; later ones are set to it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Clamp(pub i64);

impl Clamp {
    /// 1980-01-01: what the tars in the store are clamped to, whatever the build's source date, so that a layer has
    /// one identity. Exporters rewrite them for another source date ([`Layers::rewrite`]).
    pub const STORE: Self = Self(315_532_800);
}

/// How an exporter wants times.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Times {
    /// As in the store: clamped to [`Clamp::STORE`].
    Store,
    /// Clamped to a source date.
    Clamped(Clamp),
    /// As they were (`rewrite-timestamp=false`).
    Real,
}

/// The layers of a store. A layer's truth is its tar, the blob named by its diff ID; index and tree are derived from
/// it and may be dropped (the index also remembers the real times that the tar does not).
#[derive(Clone)]
pub struct Layers {
    #[expect(dead_code)]
    store: Arc<Store>,
}

impl Layers {
    /// The layers of `store`.
    pub fn new(store: Arc<Store>) -> Self {
        Self { store }
    }

    /// Takes an uncompressed layer tar as it is (a pulled layer): stores it, verifies `expected`, makes the index.
    pub fn import(&self, _tar: &mut dyn Read, _expected: Option<DiffId>) -> Result<DiffId, RootfsError> {
        unimplemented!()
    }

    /// True if the layer's tar is here.
    pub fn contains(&self, _layer: &DiffId) -> Result<bool, RootfsError> {
        unimplemented!()
    }

    /// The merged view of `layers`, from the base up; [`crate::tree::Scratch`] for none.
    pub fn view(&self, _layers: &[DiffId]) -> Result<Arc<dyn Tree>, RootfsError> {
        unimplemented!()
    }

    /// Writes a diff as a layer.
    pub fn commit(&self, _diff: Diff) -> Result<DiffId, RootfsError> {
        unimplemented!()
    }

    /// A writable snapshot on top of `layers`, whose trees are made where they are missing.
    pub fn prepare(&self, _layers: &[DiffId]) -> Result<Snapshot, RootfsError> {
        unimplemented!()
    }

    /// The directory that is the layer's tree (an overlayfs lower), made if missing.
    pub fn lower(&self, _layer: &DiffId) -> Result<PathBuf, RootfsError> {
        unimplemented!()
    }

    /// The layer with other times, as a blob of the store: itself for [`Times::Store`]; remembered, so that it is
    /// written once. For layers made by this store only: base layers are never rewritten.
    pub fn rewrite(&self, _layer: &DiffId, _times: Times) -> Result<DiffId, RootfsError> {
        unimplemented!()
    }

    /// Writes the merged tree of `layers` as one tar (the tar exporter).
    pub fn write_tar(
        &self,
        _layers: &[DiffId],
        _times: Times,
        _out: &mut dyn Write,
    ) -> Result<(), RootfsError> {
        unimplemented!()
    }

    /// Writes the merged tree of `layers` below the directory `dest` (the local exporter), never through a link.
    pub fn write_dir(
        &self,
        _layers: &[DiffId],
        _times: Times,
        _dest: &std::path::Path,
    ) -> Result<(), RootfsError> {
        unimplemented!()
    }
}
