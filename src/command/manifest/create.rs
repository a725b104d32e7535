//! `dsbuild manifest create`: puts images of several platforms together under one name.

use images::manifest_list;
use oci::{Index, Reference};

use crate::command::image::find;
use crate::failure::Failure;
use crate::output;
use crate::setup::store;
use cli::manifest::CreateArgs;

/// Creates a list, or adds to one.
pub fn run(args: &CreateArgs) -> Result<u8, Failure> {
    let name: Reference = args.list.parse()?;
    let store = store::open()?;
    let mut index = match manifest_list::load(&store, &name)? {
        Some(_) if !args.amend => {
            return Err(Failure::input(format!("the manifest list {} exists already", name.familiar()))
                .hint("add to it with --amend, or remove it first: dsbuild manifest rm"));
        }
        Some(index) => index,
        None => Index::new(Vec::new()),
    };
    for image in &args.images {
        let found = find::find(&store, image)?;
        for entry in manifest_list::entries(&store, found.root())? {
            manifest_list::add(&mut index, entry);
        }
    }
    manifest_list::save(&store, &name, &index)?;
    output::line(&format!("Created manifest list {name}"));
    Ok(0)
}
