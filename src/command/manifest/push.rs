//! `dsbuild manifest push`: sends a list and its images to the registry in its name.

use oci::Reference;

use crate::command::push;
use crate::failure::Failure;
use crate::setup::store;
use cli::manifest::{PushArgs, RmArgs};
use cli::registry;

/// Pushes a list as any other image, and removes it if the user asks for that.
pub fn run(args: &PushArgs) -> Result<u8, Failure> {
    let name: Reference = args.list.parse()?;
    super::load(&store::open()?, &name)?;
    let insecure_registries = args.insecure.then(|| name.registry.clone()).into_iter().collect();
    push::run(&registry::PushArgs {
        all_tags: false,
        platform: None,
        quiet: false,
        registry: registry::RegistryArgs { insecure_registries, disable_content_trust: None },
        name: args.list.clone(),
    })?;
    if args.purge { super::rm::run(&RmArgs { lists: vec![args.list.clone()] }) } else { Ok(0) }
}
