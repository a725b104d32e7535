//! `dsbuild manifest COMMAND`: images of several platforms under one name, in docker's words.
//!
//! A list is an index of the store like any other, so that `images`, `run`, `save` and `push` know it.

mod annotate;
mod create;
mod inspect;
mod push;
mod rm;

use cache::Store;
use images::manifest_list;
use oci::{Index, Reference};

use crate::failure::Failure;
use cli::manifest::ManifestCommand;

/// Runs a command of the group and returns its exit code.
pub fn run(command: ManifestCommand) -> Result<u8, Failure> {
    match command {
        ManifestCommand::Annotate(args) => annotate::run(&args),
        ManifestCommand::Create(args) => create::run(&args),
        ManifestCommand::Inspect(args) => inspect::run(&args),
        ManifestCommand::Push(args) => push::run(&args),
        ManifestCommand::Rm(args) => rm::run(&args),
    }
}

/// Reads the list that a name leads to.
fn load(store: &Store, name: &Reference) -> Result<Index, Failure> {
    manifest_list::load(store, name)?.ok_or_else(|| {
        Failure::input(format!("No such manifest: {}", name.familiar()))
            .hint("`dsbuild manifest create LIST IMAGE…` makes a list")
    })
}
