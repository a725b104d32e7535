//! `dsbuild manifest annotate`: changes the platform that a list says of an image.

use images::manifest_list::{self, PlatformChange};
use oci::{Digest, Reference};

use crate::command::image::find;
use crate::failure::Failure;
use crate::setup::store;
use cli::manifest::AnnotateArgs;

/// Changes the entry of an image in a list.
pub fn run(args: &AnnotateArgs) -> Result<u8, Failure> {
    let name: Reference = args.list.parse()?;
    let store = store::open()?;
    let mut index = super::load(&store, &name)?;
    let change = PlatformChange {
        architecture: args.arch.clone(),
        os: args.os.clone(),
        os_version: args.os_version.clone(),
        variant: args.variant.clone(),
    };
    // The part behind `@` names the manifest itself.
    let written = args.image.rsplit('@').next().unwrap_or_default().parse::<Digest>();
    let is_changed = match written {
        Ok(digest) if manifest_list::annotate(&mut index, &digest, &change) => true,
        _ => {
            let digest = find::find(&store, &args.image)?.image.descriptor.digest;
            manifest_list::annotate(&mut index, &digest, &change)
        }
    };
    if !is_changed {
        return Err(Failure::input(format!(
            "{} is not in the manifest list {}",
            args.image,
            name.familiar()
        ))
        .hint("`dsbuild manifest inspect LIST` prints the list"));
    }
    manifest_list::save(&store, &name, &index)?;
    Ok(0)
}
