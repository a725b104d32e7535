//! `dsbuild cp`: copies files between a container and this machine.

use std::io;
use std::path::Path;

use runner::container::Container;
use runner::content::Root;
use runner::content::copy::{self, Options, Place};

use super::find::find;
use super::store_of;
use crate::exit::Fault;
use crate::failure::Failure;
use cli::container::CpArgs;

/// Copies files. One side is a container, the other is this machine or a tar.
pub fn run(args: &CpArgs) -> Result<u8, Failure> {
    // A path that does not exist is the user's mistake, as for docker.
    copied(args).map_err(|failure| match failure.fault() {
        Fault::System => failure.blamed_on(Fault::Input),
        _ => failure,
    })
}

fn copied(args: &CpArgs) -> Result<u8, Failure> {
    let options = Options { follows_link: args.follow_link, keeps_owner: args.archive };
    match (side(&args.source)?, side(&args.destination)?) {
        (Side::Container(container, path), Side::Machine(to)) => {
            let root = Root::open(&container, &store_of)?;
            let from = Place::Container(&root, Path::new(path));
            if to == "-" {
                copy::write_tar(&from, options, &mut io::stdout().lock())?;
            } else {
                copy::copy(&from, &Place::Machine(Path::new(to)), options)?;
            }
        }
        (Side::Machine(from), Side::Container(container, path)) => {
            let root = Root::open(&container, &store_of)?;
            let to = Place::Container(&root, Path::new(path));
            if from == "-" {
                copy::read_tar(&mut io::stdin().lock(), &to, options)?;
            } else {
                copy::copy(&Place::Machine(Path::new(from)), &to, options)?;
            }
        }
        (Side::Container(..), Side::Container(..)) => {
            return Err(Failure::usage("copying between containers is not supported").hint(
                "copy to this machine first, or through a pipe: dsbuild cp A:/x - | dsbuild cp - B:/y",
            ));
        }
        (Side::Machine(_), Side::Machine(_)) => {
            return Err(Failure::usage("must specify at least one container source")
                .hint("write one of the paths as CONTAINER:PATH"));
        }
    }
    Ok(0)
}

enum Side<'a> {
    Container(Box<Container>, &'a str),
    Machine(&'a str),
}

/// Reads `CONTAINER:PATH`, or a path of this machine: one that begins with `/` or `.`, or has no colon.
fn side(text: &str) -> Result<Side<'_>, Failure> {
    match text.split_once(':') {
        Some((name, path)) if !text.starts_with(['/', '.']) && !name.is_empty() => {
            Ok(Side::Container(Box::new(find(name)?), path))
        }
        _ => Ok(Side::Machine(text)),
    }
}
