//! `dsbuild rmi`: removes images, by docker's rules.
//!
//! A name is taken away, and the image goes with its last name. An ID removes the image if it has at most one name, and
//! with --force whatever names it has. An image that a container needs stays; --force takes away its names only, if the
//! container has ended.

use cache::Store;
use images::catalog::Found;
use oci::Reference;
use runner::container::{Container, short};

use super::find;
use crate::failure::Failure;
use crate::output;
use crate::setup::store;
use cli::image::RmArgs;

/// Removes names and images. A failure does not keep the others from being removed.
pub fn run(args: &RmArgs) -> Result<u8, Failure> {
    let store = store::open()?;
    let mut failures = Vec::new();
    for name in &args.images {
        if let Err(failure) = remove(&store, name, args.force) {
            failures.push(failure);
        }
    }
    failures.reverse();
    let Some(last) = failures.pop() else { return Ok(0) };
    failures.iter().rev().for_each(|failure| output::colored(output::Stream::Stderr, &failure.report()));
    Err(last)
}

/// Removes the image or the name that a text stands for.
fn remove(store: &Store, text: &str, force: bool) -> Result<(), Failure> {
    let found = match find::find(store, text) {
        // As with docker, force means that an absent image is no failure.
        Err(failure) if force && find::is_absent(store, text) => {
            output::colored(output::Stream::Stderr, &failure.report());
            return Ok(());
        }
        found => found?,
    };
    let names: Vec<Reference> = found.names().cloned().collect();
    match &found.name {
        Some(name) if names.len() > 1 => untag(store, name),
        _ => {
            refuse_if_ambiguous(&found, &names, force)?;
            refuse_if_used(store, &found, force)?;
            names.iter().try_for_each(|name| untag(store, name))?;
            delete(store, &found)
        }
    }
}

fn untag(store: &Store, name: &Reference) -> Result<(), Failure> {
    store.untag(name)?;
    output::line(&format!("Untagged: {}", name.familiar()));
    Ok(())
}

/// Takes an image without names off the list. An image that a container needs keeps its blobs.
fn delete(store: &Store, found: &Found) -> Result<(), Failure> {
    for entry in &found.entries {
        store.remove_image(&entry.root.digest)?;
    }
    output::line(&format!("Deleted: {}", found.id()));
    Ok(())
}

/// Fails if an ID stands for an image with several names.
fn refuse_if_ambiguous(found: &Found, names: &[Reference], force: bool) -> Result<(), Failure> {
    if found.name.is_some() || names.len() <= 1 || force {
        return Ok(());
    }
    let shown: Vec<String> = names.iter().map(Reference::familiar).collect();
    let id = short(&found.id().hex()).to_owned();
    Err(Failure::input(format!(
        "conflict: unable to delete {id} (must be forced) - image is referenced in multiple repositories"
    ))
    .hint(format!("remove its names ({}), or use --force", shown.join(", "))))
}

/// Fails if a container needs the image. Force overrides a container that has ended.
fn refuse_if_used(store: &Store, found: &Found, force: bool) -> Result<(), Failure> {
    let is_user = |one: &Container| one.config.manifest.digest == found.image.descriptor.digest;
    let users: Vec<Container> = Container::list(store)?.into_iter().filter(is_user).collect();
    let Some(user) = users.iter().find(|one| one.is_running()).or(users.first()) else { return Ok(()) };
    let is_running = user.is_running();
    if force && !is_running {
        return Ok(());
    }
    let id = short(&found.id().hex()).to_owned();
    let container = short(&user.config.id);
    let (reason, way_out) = if is_running {
        (
            "cannot be forced) - image is being used by running container",
            "stop and remove the container first: dsbuild rm --force",
        )
    } else {
        (
            "must be forced) - image is being used by stopped container",
            "use --force, or remove the container first: dsbuild rm",
        )
    };
    Err(Failure::input(format!("conflict: unable to delete {id} ({reason} {container}"))
        .hint(format!("{way_out} {}", user.config.name)))
}
