//! `dsbuild system df --verbose`: the space of each image, container and volume.

use cache::Store;
use oci::Reference;
use runner::container::{Container, short};

use crate::command::container::ls;
use crate::command::image::summary::Summary;
use crate::command::system::usage::{ImageUsage, UsedImage};
use crate::failure::Failure;
use crate::output::{self, disk_size, table};

/// Cell for an image without a name.
const NONE: &str = "<none>";

/// Prints a table of each kind.
pub(super) fn print(store: &Store, containers: &[Container], images: &ImageUsage) -> Result<(), Failure> {
    output::line("Images space usage:\n");
    let header =
        ["REPOSITORY", "TAG", "IMAGE ID", "CREATED", "SIZE", "SHARED SIZE", "UNIQUE SIZE", "CONTAINERS"];
    table::print(header, images.images.iter().map(|image| image_row(store, images, image)));
    output::line("\nContainers space usage:\n");
    let header = ["CONTAINER ID", "IMAGE", "COMMAND", "LOCAL VOLUMES", "CREATED", "STATUS", "NAMES"];
    table::print(header, containers.iter().map(container_row));
    output::line("\nLocal Volumes space usage:\n");
    let volumes = runner::volumes::list(store)?;
    let links = |name: &String| containers.iter().filter(|one| one.config.uses_volume(name)).count();
    let row = |name: &String| [name.clone(), links(name).to_string(), disk_size(store.usage_of_volume(name))];
    table::print(["VOLUME NAME", "LINKS", "SIZE"], volumes.iter().map(row));
    Ok(())
}

fn image_row(store: &Store, images: &ImageUsage, image: &UsedImage) -> [String; 8] {
    let summary = Summary::of(store, &image.entry.root);
    let unique_bytes = images.unique_bytes(image);
    let name = image.entry.names.first();
    let repository = name.map(|name| Reference { tag: None, digest: None, ..name.clone() }.familiar());
    [
        repository.unwrap_or_else(|| NONE.to_owned()),
        name.and_then(|name| name.tag.clone()).unwrap_or_else(|| NONE.to_owned()),
        summary.id.hex()[..12].to_owned(),
        output::ago(summary.created()),
        output::size(image.size_bytes()),
        disk_size(image.size_bytes().saturating_sub(unique_bytes)),
        disk_size(unique_bytes),
        image.containers.to_string(),
    ]
}

fn container_row(container: &Container) -> [String; 7] {
    let config = &container.config;
    [
        short(&config.id).to_owned(),
        config.image.clone(),
        ls::command(&config.args, false),
        config.volumes.iter().filter(|one| one.is_named).count().to_string(),
        output::ago(Some(ls::moment(config.created_ms))),
        ls::status(container),
        config.name.clone(),
    ]
}
