//! `dsbuild import`: takes an image from an archive into the store.

use std::path::Path;
use std::sync::Arc;

use oci::Reference;
use rootfs::layers::Layers;
use sources::{ImportFrom, import};

use crate::failure::Failure;
use crate::output;
use crate::setup::{isolation, store};
use cli::image::ImportArgs;

/// Imports images, and prints the names or the ID of each.
pub fn run(args: &ImportArgs) -> Result<u8, Failure> {
    let tags: Vec<String> = args.tags.iter().chain(&args.name).cloned().collect();
    import_from(&args.file, &tags)
}

/// Imports the images of an archive, or of stdin for `-`. The names replace those in the archive.
pub fn import_from(file: &Path, tags: &[String]) -> Result<u8, Failure> {
    let names: Vec<Reference> =
        tags.iter().map(|tag| tag.parse()).collect::<Result<_, oci::ReferenceError>>()?;
    // Without root, the owners of files are kept as IDs of a user namespace.
    isolation::enter()?;
    let layers = Layers::new(Arc::new(store::open()?));
    let mut stdin = std::io::stdin();
    let from = match file {
        file if file == Path::new("-") => ImportFrom::Stream(&mut stdin),
        file => ImportFrom::Path(file),
    };
    for image in import(&layers, from, &names, &|_, _, _, _| {})? {
        if image.names.is_empty() {
            output::line(&format!("Loaded image ID: {}", image.image_id));
        }
        image.names.iter().for_each(|name| output::line(&format!("Loaded image: {}", name.familiar())));
    }
    Ok(0)
}
