//! `dsbuild rollback`: makes a name point to an image that it had before.

use images::VersionError;
use images::versions::{self, Selector};
use oci::Reference;

use super::{parse_name, refused};
use crate::failure::Failure;
use crate::output;
use crate::setup::store;
use cli::versions::RollbackArgs;

/// Goes back to a version. That is a version itself, so the next rollback undoes it.
pub fn run(args: &RollbackArgs) -> Result<u8, Failure> {
    let (name, selector) = target(args)?;
    let store = store::open()?;
    let before = store.resolve(&name)?.map(|image| image.digest);
    let version = match selector {
        Some(selector) => versions::select(&store, &name, selector),
        None => versions::previous(&store, &name),
    };
    let refuse = |error: VersionError| refused(&name, error);
    let version = version.map_err(refuse)?;
    if before == Some(version.manifest.digest) {
        output::line(&format!("{} has the image of version {} already", name.familiar(), version.number));
        return Ok(0);
    }
    versions::rollback(&store, &name, &version).map_err(refuse)?;
    let number = versions::list(&store, &name).map_err(refuse)?.last().map_or(0, |last| last.number);
    let name = name.familiar();
    output::line(&format!(
        "{name} has the image of version {} again; this is version {number}",
        version.number
    ));
    output::note(&format!("`dsbuild rollback {name}` undoes it"));
    Ok(0)
}

/// Returns the name and the version that the arguments ask for.
fn target(args: &RollbackArgs) -> Result<(Reference, Option<Selector>), Failure> {
    let Some(version) = &args.version else {
        return match versions::split(&args.name) {
            Some((name, selector)) => Ok((name, Some(selector))),
            None => Ok((parse_name(&args.name)?, None)),
        };
    };
    let selector = Selector::parse(version).ok_or_else(|| {
        Failure::usage(format!("{version:?} is not a version"))
            .hint("use a number, or ~2 for two versions ago")
    })?;
    Ok((parse_name(&args.name)?, Some(selector)))
}
