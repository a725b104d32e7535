//! One result to one output.
//!
//! An image that is pushed is kept in the store first, with plain tars as layers, so that it is not lost if the push fails.
//! The pushed image has a manifest of its own, whose layers are compressed, and the same config, and so the same image ID.

use std::cell::RefCell;
use std::io::Write;
use std::path::Path;

use cache::Store;
use oci::{Descriptor, DiffId, Manifest, Reference};
use progress::{Cancel, Phase, Vertex};
use registry::Client;
use rootfs::layers::Layers;

use crate::assemble::{Assembled, Assembler, Attested, BaseBlobs};
use crate::base::pulled_blob;
use crate::blob::OutputWriter;
use crate::error::{ExportError, io_error};
use crate::exported::Exported;
use crate::file::Draft;
use crate::layout::LayoutFiles;
use crate::push::{Pusher, targets};
use crate::request::{Dest, ExportKind, ExportRequest, LayerCompression, Push};
use crate::result::BuildResult;
use crate::tree::TreeExport;

/// Writes results to outputs.
#[derive(Clone, Copy)]
pub struct Exporter<'a> {
    /// Store of images and their blobs.
    pub store: &'a Store,
    /// Layers of the store.
    pub layers: &'a Layers,
    /// Client that pushes images, and fetches blobs of base images.
    pub registry: &'a Client,
    /// Receives phases, progress and warnings.
    pub vertex: &'a Vertex,
    /// Ends the export early.
    pub cancel: &'a Cancel,
}

/// An image, or an index of several, whose documents are in the store.
struct Root {
    /// Descriptor of the manifest or index.
    descriptor: Descriptor,
    images: Vec<Assembled>,
    attestations: Vec<Attested>,
    /// True if `descriptor` is that of an index.
    is_index: bool,
}

impl Root {
    /// Returns the only image; `None` if there are several.
    fn lone(&self) -> Option<&Assembled> {
        if let [image] = &self.images[..] { Some(image) } else { None }
    }

    /// Returns all manifests: first those of images, then those of attestations.
    fn manifests(&self) -> Vec<(&Descriptor, &Manifest)> {
        let images = self.images.iter().map(|image| (&image.descriptor, &image.manifest));
        let attestations =
            self.attestations.iter().map(|attested| (&attested.descriptor, &attested.manifest));
        images.chain(attestations).collect()
    }

    fn exported(&self, request: &ExportRequest) -> Exported {
        let lone = self.lone().filter(|_| !self.is_index);
        let config_digest = lone.map(|image| image.manifest.config.digest);
        Exported { descriptor: Some(self.descriptor.clone()), config_digest, names: request.names.clone() }
    }
}

impl Exporter<'_> {
    /// Writes `result` as `request` describes. `stdout` receives outputs without a path.
    ///
    /// A damaged blob is removed from the store, so that the next build makes or fetches it again.
    pub fn export(
        &self,
        result: &BuildResult,
        request: &ExportRequest,
        stdout: &mut dyn Write,
    ) -> Result<Exported, ExportError> {
        let exported = self.write(result, request, stdout);
        if let Err(ExportError::Damaged { digest }) = &exported {
            // The damage itself is what the user has to know; a repair removes the blob as well.
            let _ = self.store.remove_if_corrupt(digest);
        }
        exported
    }

    fn write(
        &self,
        result: &BuildResult,
        request: &ExportRequest,
        stdout: &mut dyn Write,
    ) -> Result<Exported, ExportError> {
        match request.kind {
            ExportKind::CacheOnly => Ok(Exported::default()),
            ExportKind::Local | ExportKind::Tar => {
                self.vertex.enter(Phase::Write);
                let tree = TreeExport {
                    store: self.store,
                    layers: self.layers,
                    result,
                    request,
                    cancel: self.cancel,
                };
                tree.write(stdout).map(|()| Exported::default())
            }
            ExportKind::Image => self.image(result, request),
            ExportKind::Oci | ExportKind::Docker => {
                let root = self.assemble(result, request, &FetchedBases(self))?;
                self.vertex.enter(Phase::Write);
                self.write_layout(request, &root, stdout)?;
                Ok(root.exported(request))
            }
        }
    }

    fn assemble(
        &self,
        result: &BuildResult,
        request: &ExportRequest,
        bases: &dyn BaseBlobs,
    ) -> Result<Root, ExportError> {
        let Self { store, layers, vertex, cancel, .. } = *self;
        let times = &result.times.with_source_date(request.source_date_s);
        let is_attested = result.images.iter().any(|image| !image.attestations.is_empty());
        let assembler = Assembler { store, layers, request, times, vertex, cancel, bases, is_attested };
        vertex.enter(Phase::Assemble);
        let images =
            result.images.iter().map(|image| assembler.image(image)).collect::<Result<Vec<_>, _>>()?;
        let attested = result.images.iter().zip(&images);
        let attested = attested.map(|(built, image)| assembler.attestation(built, image));
        let attestations: Vec<Attested> = attested.filter_map(Result::transpose).collect::<Result<_, _>>()?;
        let is_index = images.len() != 1 || result.multi_platform || is_attested;
        let mut descriptor =
            if is_index { assembler.index(&images, &attestations)? } else { images[0].descriptor.clone() };
        descriptor.annotations = assembler.entry_annotations(is_index);
        Ok(Root { descriptor, images, attestations, is_index })
    }

    /// Keeps an image in the store, and pushes it if the request asks for that.
    fn image(&self, result: &BuildResult, request: &ExportRequest) -> Result<Exported, ExportError> {
        let Some(push) = request.push else {
            let root = self.assemble(result, request, &FetchedBases(self))?;
            self.keep(result, request, &root)?;
            return Ok(root.exported(request));
        };
        let plain = Some(LayerCompression::Uncompressed);
        let kept = ExportRequest { compression: plain, push: None, ..request.clone() };
        self.keep(result, request, &self.assemble(result, &kept, &FetchedBases(self))?)?;
        let Self { store, vertex, cancel, .. } = *self;
        let targets = targets(self.registry, request);
        let pusher = Pusher { store, vertex, cancel, push, targets, delivered: RefCell::default() };
        let root = self.assemble(result, request, &pusher)?;
        self.vertex.enter(Phase::Push);
        pusher.push(&root.descriptor, &root.manifests())?;
        Ok(root.exported(request))
    }

    /// Puts an image into the index of the store, under its names. From now on its layers show the times of their tars.
    fn keep(&self, result: &BuildResult, request: &ExportRequest, root: &Root) -> Result<(), ExportError> {
        self.vertex.enter(Phase::Publish);
        let times = result.times.with_source_date(request.source_date_s).files(request.rewrite_timestamp);
        root.images.iter().try_for_each(|image| self.layers.finish(&image.own_layers, times))?;
        if request.names.is_empty() || request.push == Some(Push::ByDigest) {
            return Ok(self.store.keep_image(root.descriptor.clone())?);
        }
        Ok(request.names.iter().try_for_each(|name| self.store.tag(name, root.descriptor.clone()))?)
    }

    fn write_layout(
        &self,
        request: &ExportRequest,
        root: &Root,
        stdout: &mut dyn Write,
    ) -> Result<(), ExportError> {
        let files = layout_files(request, root)?;
        match &request.dest {
            Some(Dest::Path(path)) if !request.tar => files.write_dir(self.store, path, self.cancel),
            Some(Dest::Path(path)) => {
                let mut draft = Draft::create(path)?;
                self.write_tar(&files, path, &mut draft)?;
                draft.publish()
            }
            Some(Dest::Stdout) | None if !request.tar => {
                Err(unsupported(request, "tar=false needs a directory: dest=PATH"))
            }
            Some(Dest::Stdout) | None => self.write_tar(&files, Path::new("stdout"), stdout),
        }
    }

    fn write_tar(&self, files: &LayoutFiles, dest: &Path, out: &mut dyn Write) -> Result<(), ExportError> {
        let mut output = OutputWriter::new(out, self.cancel);
        let written = files.write_tar(self.store, dest, self.cancel, &mut output);
        match output.failure.take() {
            Some(failure) => Err(io_error("write", dest)(failure)),
            None => written,
        }
    }
}

/// Lists the files of a layout, with those of a docker archive if that is the form.
fn layout_files(request: &ExportRequest, root: &Root) -> Result<LayoutFiles, ExportError> {
    let mut blobs = vec![root.descriptor.clone()];
    for (descriptor, manifest) in root.manifests() {
        blobs.extend([descriptor.clone(), manifest.config.clone()]);
        blobs.extend(manifest.layers.iter().cloned());
    }
    let mut files = LayoutFiles::new(&root.descriptor, &request.names, blobs);
    if request.kind == ExportKind::Docker {
        let reason = "docker cannot load an image of several platforms; build one, or use type=oci";
        let lone = root.lone().ok_or_else(|| unsupported(request, reason))?;
        files.add_docker_files(&[(&lone.manifest, &request.names)]);
    }
    Ok(files)
}

fn unsupported(request: &ExportRequest, reason: &str) -> ExportError {
    ExportError::Unsupported { kind: request.kind.name(), reason: reason.to_owned() }
}

/// Blobs of base images for outputs that are files: fetched into the store where it does not have them.
struct FetchedBases<'a>(&'a Exporter<'a>);

impl BaseBlobs for FetchedBases<'_> {
    fn blob(
        &self,
        layer: &DiffId,
        base: Option<&Reference>,
        docker_types: bool,
    ) -> Result<Option<Descriptor>, ExportError> {
        let Exporter { store, registry, vertex, cancel, .. } = *self.0;
        let Some(pulled) = pulled_blob(store, layer, base, docker_types) else { return Ok(None) };
        if pulled.is_in(store)? {
            return Ok(Some(pulled.blob));
        }
        match pulled.fetch(store, registry, vertex, cancel) {
            Ok(()) => Ok(Some(pulled.blob)),
            Err(_) if cancel.is_canceled() => Err(ExportError::Canceled),
            Err(error) => {
                pulled.warn(&error, vertex);
                Ok(None)
            }
        }
    }
}
