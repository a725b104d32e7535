//! `dsbuild manifest rm`: removes lists; the images in them stay if they have names of their own.

use images::manifest_list;
use oci::Reference;

use crate::failure::Failure;
use crate::output;
use crate::setup::store;
use cli::manifest::RmArgs;

/// Removes lists and prints their names.
pub fn run(args: &RmArgs) -> Result<u8, Failure> {
    let store = store::open()?;
    for list in &args.lists {
        let name: Reference = list.parse()?;
        super::load(&store, &name)?;
        let root = store.resolve(&name)?;
        store.untag(&name)?;
        if let Some(root) = root {
            manifest_list::remove_if_nameless(&store, &root.digest)?;
        }
        output::line(&format!("Untagged: {}", name.familiar()));
    }
    Ok(0)
}
