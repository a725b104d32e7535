//! Images from layouts, registries and archives, valid ones and broken ones.

mod broken;
mod chunked;
mod imports;
mod pulls;
mod resolution;

use std::io::Read;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use oci::media_type;
use oci::{DiffId, Digest, ImageConfig, Platform, Reference};
use registry::{Client, Options, Patience};
use testing::{Env, MemoryLayout};

use super::Sources;

const AMD64: &str = "linux/amd64";

fn platform(text: &str) -> Platform {
    text.parse().expect("a platform")
}

fn reference(text: &str) -> Reference {
    text.parse().expect("a reference")
}

/// Sources as a new build has them.
fn sources(env: &Env, always_pull: bool) -> Sources {
    let patience = Patience { attempts: 1, pause: Duration::from_millis(1), ..Patience::default() };
    let client = Client::new(Options { patience, ..Options::default() });
    Sources::new(Arc::clone(&env.store), env.layers.clone(), client, always_pull)
}

fn no_progress(_: &str, _: u64, _: Option<u64>, _: bool) {}

/// Reads the file `name` in the root file system of `layers`.
fn content(env: &Env, layers: &[DiffId], name: &str) -> String {
    let view = env.layers.view(layers).expect("view");
    let mut text = String::new();
    view.open(Path::new(name)).expect("open").read_to_string(&mut text).expect("read");
    text
}

/// Resolves the only image of a layout and fetches it.
fn fetch_layout(env: &Env, layout: &MemoryLayout) -> Result<Vec<DiffId>, String> {
    let path = env.path("layout");
    layout.write(&path);
    let sources = sources(env, false);
    let image =
        sources.image_of_layout(&path, None, None, &platform(AMD64)).map_err(|error| error.chain())?;
    let fetched =
        sources.fetch(&image.origin, &image.manifest, &no_progress).map_err(|error| error.chain())?;
    assert_eq!(fetched, image.layers());
    Ok(fetched)
}

/// A layout with one image whose only layer has the blob `blob` and the tar `layer`.
fn image_of(blob: Vec<u8>, layer: &[u8]) -> MemoryLayout {
    let mut layout = MemoryLayout::default();
    let blob = layout.blob(media_type::LAYER_GZIP, blob);
    let mut config = ImageConfig { platform: platform(AMD64), ..ImageConfig::default() };
    config.rootfs.diff_ids.push(DiffId(Digest::of(layer)));
    let image = layout.image_of(&config, vec![blob]);
    layout.list(image, "");
    layout
}

/// Puts an image into a layout whose only layer has the file `f` and whose config is `config`, with the layer added.
fn list_image(layout: &mut MemoryLayout, mut config: serde_json::Value, content: &str) -> oci::Descriptor {
    let tar = testing::tar(&[("f", content)]);
    config["rootfs"] = serde_json::json!({"type": "layers", "diff_ids": [Digest::of(&tar)]});
    let layer = layout.blob(media_type::LAYER_TAR, tar);
    let config = layout.document(media_type::CONFIG, &config);
    layout.document(media_type::MANIFEST, &oci::Manifest::new(config, vec![layer]))
}
