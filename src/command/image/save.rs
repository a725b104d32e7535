//! `dsbuild save`: writes images to an archive that is an OCI layout and a docker archive at once.

use export::SavedImage;
use oci::Reference;
use progress::Cancel;

use super::find;
use crate::failure::Failure;
use crate::output::Stream;
use crate::setup::{interrupt, store};
use cli::image::SaveArgs;

/// Saves images, each once, with the names by which the user calls them.
pub fn run(args: &SaveArgs) -> Result<u8, Failure> {
    if args.output.is_none() && Stream::Stdout.is_terminal() {
        return Err(Failure::usage("cowardly refusing to save to a terminal")
            .hint("use the -o flag, or redirect the output"));
    }
    let cancel = Cancel::default();
    interrupt::cancel_on_signals(&cancel)?;
    let store = store::open()?;
    let mut images: Vec<SavedImage> = Vec::new();
    for text in &args.images {
        let saved = saved(&store, text, args.platform.as_deref())?;
        match images.iter_mut().find(|other| other.root.digest == saved.root.digest) {
            Some(other) => other.names.extend(saved.names),
            None => images.push(saved),
        }
    }
    for image in &mut images {
        image.names.sort();
        image.names.dedup();
    }
    export::save(&store, &images, args.output.as_deref(), &cancel, &mut std::io::stdout())?;
    Ok(0)
}

/// Finds an image by a name or an ID. An image that an ID finds has no name in the archive, as with docker.
fn saved(store: &cache::Store, text: &str, platform: Option<&str>) -> Result<SavedImage, Failure> {
    let found = match platform {
        Some(platform) => find::find_for(store, text, &platform.parse()?)?,
        None => find::find(store, text)?,
    };
    let names: Vec<Reference> = found.name.iter().cloned().collect();
    let root = if platform.is_some() { found.image.descriptor.clone() } else { plain(found.root()) };
    Ok(SavedImage { root, names, image: found.image })
}

/// Returns a descriptor without the store's own annotations, which mean nothing elsewhere.
fn plain(root: &oci::Descriptor) -> oci::Descriptor {
    let mut root = root.clone();
    root.annotations.retain(|key, _| !key.starts_with("dsbuild."));
    root
}
