//! An image of what a container is now: its image, one layer with its changes, and its configuration.

use std::sync::Arc;

use cache::Store;
use oci::{Config, Descriptor, History, ImageConfig, Manifest, Platform, media_type};
use rootfs::layers::Layers;

use crate::RunnerError;
use crate::container::{Container, ContainerConfig};

/// Facts about a new image that the container does not know.
#[derive(Debug, Clone, Default)]
pub struct CommitRequest {
    /// --author: who made the image.
    pub author: String,
    /// --message: what has changed.
    pub message: String,
    /// Time of the image, in RFC 3339 format.
    pub created: String,
}

/// Makes an image of a container; `change` has the last word about its configuration. Returns the descriptor of the manifest.
///
/// This process is in the user namespace that it works in.
pub fn commit<E: From<RunnerError>>(
    container: &Container,
    store: Store,
    request: &CommitRequest,
    change: impl FnOnce(&mut Config) -> Result<(), E>,
) -> Result<Descriptor, E> {
    let layers = Layers::new(Arc::new(store));
    let store = Arc::clone(layers.store());
    let config = &container.config;
    let base = images::find::at(&store, &config.manifest, &Platform::host());
    let base = base.map_err(|error| crate::image::refused(&config.image, error))?;
    let (mut image, mut manifest) = (base.config, base.manifest);
    if container.snapshot_dir().exists() {
        add_layer(container, &layers, &mut image, &mut manifest)?;
    }
    let is_empty = image.rootfs.diff_ids.len() == config.layers.len();
    image.config = config_of(config, image.config);
    change(&mut image.config)?;
    image.created = Some(request.created.clone());
    image.author.clone_from(&request.author);
    image.history.push(History {
        created: Some(request.created.clone()),
        created_by: config.args.join(" "),
        author: request.author.clone(),
        comment: request.message.clone(),
        empty_layer: is_empty,
    });
    Ok(put(&store, &image, manifest).map_err(RunnerError::from)?)
}

fn add_layer(
    container: &Container,
    layers: &Layers,
    image: &mut ImageConfig,
    manifest: &mut Manifest,
) -> Result<(), RunnerError> {
    let snapshot = layers.keep(&container.config.layers, &container.snapshot_dir())?;
    let stubs = container.state().mount_points.into_iter().collect();
    let layer = layers.commit_copy(&snapshot, &stubs)?;
    let size_bytes = layers.store().stat_blob(&layer.0)?.unwrap_or_default();
    image.rootfs.diff_ids.push(layer);
    let is_docker = manifest.media_type.as_deref() == Some(media_type::DOCKER_MANIFEST);
    let kind = if is_docker { media_type::DOCKER_LAYER_TAR } else { media_type::LAYER_TAR };
    manifest.layers.push(Descriptor::new(kind, layer.0, size_bytes));
    Ok(())
}

/// Returns the configuration of the image with that of the container over it.
fn config_of(container: &ContainerConfig, image: Config) -> Config {
    let list = |list: &[String]| (!list.is_empty()).then(|| list.to_vec());
    Config {
        user: container.user.clone(),
        env: container.env.iter().filter(|variable| !is_of_container(variable)).cloned().collect(),
        entrypoint: list(&container.life.entrypoint),
        cmd: list(&container.life.cmd),
        working_dir: if container.cwd == "/" { image.working_dir } else { container.cwd.clone() },
        labels: container.labels.clone(),
        stop_signal: container.stop_signal.clone(),
        ..image
    }
}

/// Reports whether a variable is about one container, and not for others of the same image.
fn is_of_container(variable: &str) -> bool {
    variable.starts_with("HOSTNAME=") || variable == "TERM=xterm"
}

fn put(store: &Store, image: &ImageConfig, manifest: Manifest) -> Result<Descriptor, cache::StoreError> {
    let put = |media_type: &str, text: Vec<u8>| {
        let digest = store.put_blob(&text)?;
        Ok::<_, cache::StoreError>(Descriptor::new(media_type, digest, text.len() as u64))
    };
    let config = put(&manifest.config.media_type, serde_json::to_vec(image).expect("plain data"))?;
    let kind = manifest.media_type.clone().unwrap_or_else(|| media_type::MANIFEST.to_owned());
    let manifest = Manifest { config, ..manifest };
    let descriptor = put(&kind, serde_json::to_vec(&manifest).expect("plain data"))?;
    Ok(Descriptor { platform: Some(image.platform.clone()), ..descriptor })
}
