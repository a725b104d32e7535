//! `dsbuild tag`: gives an image another name.

use oci::Reference;

use super::find;
use crate::failure::Failure;
use crate::setup::store;
use cli::image::TagArgs;

/// Gives an image another name. An image that had the name before loses it.
pub fn run(args: &TagArgs) -> Result<u8, Failure> {
    let target: Reference = args.target.parse()?;
    if target.digest.is_some() {
        return Err(Failure::usage(format!("refusing to create a tag with a digest reference: {target}"))
            .hint("leave out the part from `@` on"));
    }
    let store = store::open()?;
    let found = find::find(&store, &args.source)?;
    store.tag(&target, found.root().clone())?;
    Ok(0)
}
