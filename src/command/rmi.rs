//! `dsbuild rmi`: removes images.

use oci::Reference;
use runner::container::Container;
use runner::image::Image;

use crate::args::image::RmiArgs;
use crate::failure::Failure;
use crate::output;
use crate::setup::store;

/// Removes names and images. An image is removed together with its last name.
pub fn run(args: &RmiArgs) -> Result<u8, Failure> {
    let store = store::open()?;
    for name in &args.images {
        let reference = name.parse::<Reference>().ok();
        if let Some(reference) =
            reference.filter(|name| store.resolve(name).is_ok_and(|found| found.is_some()))
        {
            remove_name(&store, &reference)?;
            continue;
        }
        let image = Image::find(&store, name)?;
        refuse_if_used(&store, &image)?;
        store.remove_image(&image.manifest.digest)?;
        output::line(&format!("Deleted: {}", image.id));
    }
    Ok(0)
}

fn remove_name(store: &cache::Store, name: &Reference) -> Result<(), Failure> {
    let image = Image::find(store, &name.to_string())?;
    let names =
        store.images()?.into_iter().filter(|(_, other)| other.digest == image.manifest.digest).count();
    if names <= 1 {
        refuse_if_used(store, &image)?;
    }
    store.untag(name)?;
    output::line(&format!("Untagged: {}", name.familiar()));
    if names <= 1 {
        store.remove_image(&image.manifest.digest)?;
        output::line(&format!("Deleted: {}", image.id));
    }
    Ok(())
}

/// Fails if a container needs the image.
fn refuse_if_used(store: &cache::Store, image: &Image) -> Result<(), Failure> {
    let containers = Container::list(store)?;
    match containers.into_iter().find(|one| one.config.manifest.digest == image.manifest.digest) {
        None => Ok(()),
        Some(user) => {
            Err(Failure::input(format!("image {} is used by container {}", image.id, user.config.name))
                .hint(format!("remove the container first: dsbuild rm {}", user.config.name)))
        }
    }
}
