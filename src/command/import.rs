//! `dsbuild import`: an archive to an image of the store.

use std::path::Path;
use std::sync::Arc;

use oci::Reference;
use rootfs::layers::Layers;
use sources::{ImportFrom, import};

use super::{isolate, store};
use crate::args::ImportArgs;
use crate::output;
use crate::report::Failure;

/// Imports, and prints the names and id.
pub fn run(args: &ImportArgs) -> Result<u8, Failure> {
    let names: Vec<Reference> =
        args.tags.iter().map(|tag| tag.parse()).collect::<Result<_, oci::ReferenceError>>()?;
    // A user without rights keeps owners by the ids of a user namespace. An import starts no sandbox.
    isolate::enter()?;
    let layers = Layers::new(Arc::new(store::open()?));
    let mut stdin = std::io::stdin();
    let from = match &*args.file {
        file if file == Path::new("-") => ImportFrom::Stream(&mut stdin),
        file => ImportFrom::Path(file),
    };
    let imported =
        import(&layers, from, &names, &|_, _, _, _| {}).map_err(|error| Failure::of(&error).code(1))?;
    for image in imported {
        match &image.names[..] {
            [] => output::line(&format!("Loaded image ID: {}", image.image_id)),
            names => {
                names.iter().for_each(|name| output::line(&format!("Loaded image: {}", name.familiar())))
            }
        }
    }
    Ok(0)
}
