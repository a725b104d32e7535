//! Results to OCI layouts, docker archives, tars, folders, names in the store.
//!
//! ```text
//! request    --output: what is to be written, and where
//! times      the times that an image may carry
//! assemble   config, manifest, index, as blobs of the store
//! compress   layer -> blob; gzip: on all processors, deterministic
//! layout     OCI layout and docker archive, as tar or folder
//! push       an image to the registries of its names
//! tree       the files themselves, as tar or folder
//! file       an output file appears whole or not at all
//! ```
//!
//! Invariants: what is exported has passed [`oci::validate`]; layers of the base image are never rewritten; the same
//! result exported with the same request gives the same bytes.

use std::io::Write;

use cache::Store;
use oci::{Descriptor, DiffId, Digest, ImageConfig, Platform, Reference};
use registry::Client;
use rootfs::layers::Layers;
use serde_json::{Map, Value};

mod assemble;
mod compress;
mod error;
mod file;
mod gzip;
mod layout;
mod push;
mod request;
#[cfg(test)]
mod tests;
mod times;
mod tree;

use assemble::{Assembled, Assembler};
pub use compress::pack;
pub use error::ExportError;
use file::Draft;
use layout::LayoutFiles;
use oci::finish_config;
use progress::Cancel;
use progress::{Phase, Vertex};
use push::Pushed;
pub use request::{Annotation, AnnotationTarget, Dest, ExportKind, ExportRequest, LayerCompression, Push};
pub use times::BuildTimes;

/// The image of one platform that a build produced.
#[derive(Debug, Clone)]
pub struct BuiltImage {
    /// Platform that the image is for.
    pub platform: Platform,
    /// Config, complete but for the layers and the times that its own history entries get. `rootfs.diff_ids` holds the
    /// layers of the base image.
    pub config: ImageConfig,
    /// All layers, from the base up.
    pub layers: Vec<DiffId>,
}

impl BuiltImage {
    /// The layers of the base image, which are at the bottom.
    fn base_layers(&self) -> Result<&[DiffId], ExportError> {
        let base = &self.config.rootfs.diff_ids;
        for (index, expected) in base.iter().enumerate() {
            if self.layers.get(index) != Some(expected) {
                let found = self.layers.get(index).map_or("nothing".to_owned(), DiffId::to_string);
                return Err(ExportError::Base { index, expected: *expected, found });
            }
        }
        Ok(base)
    }
}

/// What is to be exported.
#[derive(Debug, Clone)]
pub struct BuildResult {
    /// One for each platform, in order.
    pub images: Vec<BuiltImage>,
    /// The result is an index, even of one image.
    pub multi_platform: bool,
    /// What times it may carry.
    pub times: BuildTimes,
}

/// What was exported.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Exported {
    /// Names the manifest or index; `None` where the output is no image.
    pub descriptor: Option<Descriptor>,
    /// The config of a lone image.
    pub config_digest: Option<Digest>,
    /// The names it was given.
    pub names: Vec<Reference>,
}

impl Exported {
    /// What `--iidfile` holds: the config's digest, of several platforms the index's.
    pub fn image_id(&self) -> Option<Digest> {
        self.config_digest.or(self.descriptor.as_ref().map(|descriptor| descriptor.digest))
    }

    /// What `--metadata-file` holds.
    pub fn metadata(&self) -> Map<String, Value> {
        let mut metadata = Map::new();
        if let Some(digest) = &self.config_digest {
            metadata.insert("containerimage.config.digest".to_owned(), digest.to_string().into());
        }
        if let Some(descriptor) = &self.descriptor {
            let value = serde_json::to_value(descriptor).expect("a descriptor has string keys only");
            metadata.insert("containerimage.descriptor".to_owned(), value);
            metadata.insert("containerimage.digest".to_owned(), descriptor.digest.to_string().into());
        }
        if !self.names.is_empty() {
            let names: Vec<String> = self.names.iter().map(Reference::to_string).collect();
            metadata.insert("image.name".to_owned(), names.join(",").into());
        }
        metadata
    }
}

/// Writes results.
#[derive(Clone, Copy)]
pub struct Exporter<'a> {
    /// Where images and their parts are kept.
    pub store: &'a Store,
    /// The layers of results.
    pub layers: &'a Layers,
    /// Who pushes.
    pub registry: &'a Client,
    /// Is told what goes on.
    pub vertex: &'a Vertex,
    /// Ends a push.
    pub cancel: &'a Cancel,
}

impl Exporter<'_> {
    /// Writes `result` as `request` asks. `stdout` takes what is to go there.
    pub fn export(
        &self,
        result: &BuildResult,
        request: &ExportRequest,
        stdout: &mut dyn Write,
    ) -> Result<Exported, ExportError> {
        match request.kind {
            ExportKind::CacheOnly => Ok(Exported::default()),
            ExportKind::Local | ExportKind::Tar => {
                self.vertex.enter(Phase::Write);
                tree::export(self.layers, result, request, stdout).map(|()| Exported::default())
            }
            ExportKind::Image | ExportKind::Oci | ExportKind::Docker => self.image(result, request, stdout),
        }
    }

    fn image(
        &self,
        result: &BuildResult,
        request: &ExportRequest,
        stdout: &mut dyn Write,
    ) -> Result<Exported, ExportError> {
        let Self { store, layers, vertex, .. } = *self;
        let assembler = Assembler { store, layers, request, times: &result.times, vertex };
        vertex.enter(Phase::Assemble);
        let images =
            result.images.iter().map(|image| assembler.image(image)).collect::<Result<Vec<_>, _>>()?;
        let (mut root, lone) = match &images[..] {
            [one] if !result.multi_platform => (one.descriptor.clone(), Some(one)),
            _ => (assembler.index(&images)?, None),
        };
        root.annotations = assembler.entry_annotations(lone.is_none());
        match request.kind {
            ExportKind::Image => self.keep(request, &root, &images)?,
            _ => {
                vertex.enter(Phase::Write);
                write_layout(store, request, &root, &images, lone, stdout)?;
            }
        }
        let config_digest = lone.map(|image| image.manifest.config.digest);
        Ok(Exported { descriptor: Some(root), config_digest, names: request.names.clone() })
    }

    /// Names an image in our own store, and only then pushes it: what was built is not lost if that fails.
    fn keep(
        &self,
        request: &ExportRequest,
        root: &Descriptor,
        images: &[Assembled],
    ) -> Result<(), ExportError> {
        self.vertex.enter(Phase::Publish);
        let names = &request.names[..];
        if names.is_empty() || request.push == Some(Push::ByDigest) {
            self.store.keep_image(root.clone())?;
        } else {
            names.iter().try_for_each(|name| self.store.tag(name, root.clone()))?;
        }
        let Some(push) = request.push else { return Ok(()) };
        self.vertex.enter(Phase::Push);
        let is_registry_insecure = request.is_registry_insecure;
        self.push(&Pushed { root, images, names, push, is_registry_insecure })
    }
}

fn write_layout(
    store: &Store,
    request: &ExportRequest,
    root: &Descriptor,
    images: &[Assembled],
    lone: Option<&Assembled>,
    stdout: &mut dyn Write,
) -> Result<(), ExportError> {
    let mut blobs = vec![root.clone()];
    for Assembled { descriptor, manifest } in images {
        blobs.extend([descriptor.clone(), manifest.config.clone()]);
        blobs.extend(manifest.layers.iter().cloned());
    }
    let mut files = LayoutFiles::new(root, &request.names, blobs);
    if request.kind == ExportKind::Docker {
        let lone = lone.ok_or_else(|| ExportError::Unsupported {
            kind: request.kind.name(),
            reason: "docker cannot load an image of several platforms; build one, or use type=oci".to_owned(),
        })?;
        files.add_docker_files(&lone.manifest, &request.names);
    }
    match &request.dest {
        Some(Dest::Path(path)) if !request.tar => files.write_dir(store, path),
        Some(Dest::Path(path)) => {
            let mut draft = Draft::create(path)?;
            files.write_tar(store, &mut draft)?;
            draft.publish()
        }
        Some(Dest::Stdout) | None if !request.tar => Err(ExportError::Unsupported {
            kind: request.kind.name(),
            reason: "tar=false needs a folder: dest=PATH".to_owned(),
        }),
        Some(Dest::Stdout) | None => files.write_tar(store, stdout),
    }
}
