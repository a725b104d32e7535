//! `dsbuild push`: sends an image of the store to the registry in its name.

use std::sync::Arc;

use export::{ExportError, Exporter};
use oci::{Descriptor, Platform, Reference};
use progress::{Cancel, Progress, Sink, Vertex};
use registry::Client;
use rootfs::layers::Layers;

use crate::exit;
use crate::failure::Failure;
use crate::output;
use crate::progress::Screen;
use crate::setup::{interrupt, isolation, registry as connection, store};
use cli::build::ProgressMode;
use cli::registry::PushArgs;

/// Pushes one tag, or all tags of a repository that the store has.
pub fn run(args: &PushArgs) -> Result<u8, Failure> {
    let name: Reference = args.name.parse()?;
    if name.digest.is_some() {
        return Err(Failure::usage("an image cannot be pushed under a given digest: it has its own"));
    }
    let platform = args.platform.as_deref().map(str::parse).transpose()?;
    // Without root, the owners of files are kept as IDs of a user namespace.
    isolation::enter()?;
    let cancel = Cancel::default();
    interrupt::cancel_on_signals(&cancel)?;
    let client = connection::client_of(&args.registry.insecure_registries, &[], &cancel)?;
    let layers = Layers::new(Arc::new(store::open()?));
    let images = found(args, &layers, &name)?;
    if !args.quiet {
        output::line(&format!("The push refers to repository [{}]", name.name()));
    }
    let push = StoredPush { args, layers, client, platform, cancel };
    images.iter().try_for_each(|(name, root)| push.one(name, root))?;
    Ok(0)
}

/// Returns the names to push, each with its image.
fn found(
    args: &PushArgs,
    layers: &Layers,
    name: &Reference,
) -> Result<Vec<(Reference, Descriptor)>, Failure> {
    let store = layers.store();
    let missing = |what: &str| {
        Failure::input(format!("{what} does not exist in the store: {}", name.familiar()))
            .hint("`dsbuild images` lists what the store has")
    };
    if !args.all_tags {
        let root = store.resolve(name)?.ok_or_else(|| missing("an image with this name"))?;
        return Ok(vec![(name.clone(), root)]);
    }
    let is_tag = |known: &Reference| known.name() == name.name() && known.digest.is_none();
    let named = store.images()?.into_iter().filter_map(|(known, root)| Some((known.filter(is_tag)?, root)));
    let images: Vec<_> = named.collect();
    if images.is_empty() { Err(missing("an image of this repository")) } else { Ok(images) }
}

/// Pushes of one command.
struct StoredPush<'a> {
    args: &'a PushArgs,
    layers: Layers,
    client: Client,
    platform: Option<Platform>,
    cancel: Cancel,
}

impl StoredPush<'_> {
    fn one(&self, name: &Reference, root: &Descriptor) -> Result<(), Failure> {
        let mode = if self.args.quiet { ProgressMode::Quiet } else { ProgressMode::Auto };
        let screen = Screen::new(mode);
        let progress = Progress::new(Arc::clone(&screen) as Arc<dyn Sink>);
        let vertex = progress.start(&format!("push {}", name.familiar()));
        let pushed = self.send(name, root, &vertex);
        match &pushed {
            Ok(_) => vertex.finished(false),
            Err(error) => vertex.failed(error),
        }
        screen.finish(pushed.is_ok());
        let sent = pushed.map_err(not_pushed)?;
        if self.args.quiet {
            output::line(&name.to_string());
        } else {
            let tag = name.tag.as_deref().unwrap_or("latest");
            output::line(&format!("{tag}: digest: {} size: {}", sent.digest, sent.size_bytes));
        }
        Ok(())
    }

    fn send(&self, name: &Reference, root: &Descriptor, vertex: &Vertex) -> Result<Descriptor, ExportError> {
        let exporter = Exporter {
            store: self.layers.store(),
            layers: &self.layers,
            registry: &self.client,
            vertex,
            cancel: &self.cancel,
        };
        exporter.push_stored(root, name, self.platform.as_ref())
    }
}

/// Returns the failure of a push, with the way out if there is one.
fn not_pushed(error: ExportError) -> Failure {
    if exit::is_interrupted() {
        return Failure::canceled();
    }
    let hint = error.hint();
    let failure = Failure::from(error);
    match hint {
        Some(hint) => failure.hint(hint),
        None => failure,
    }
}
