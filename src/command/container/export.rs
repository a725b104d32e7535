//! `dsbuild export`: the files of a container as a tar.

use std::fs::File;
use std::io::{self, IsTerminal, Write};

use runner::content::Root;

use super::find::find;
use super::store_of;
use crate::failure::Failure;
use crate::output;
use cli::container::ExportArgs;

/// Writes all files of a container.
pub fn run(args: &ExportArgs) -> Result<u8, Failure> {
    let container = find(&args.container)?;
    let mut out: Box<dyn Write> = match &args.output {
        Some(path) => Box::new(File::create(path).map_err(|error| {
            Failure::input(format!("cannot write {}", output::path(path))).caused_by(&error)
        })?),
        None if io::stdout().is_terminal() => {
            return Err(Failure::usage("a tar is not written to a terminal")
                .hint("redirect it, or use --output FILE"));
        }
        None => Box::new(io::stdout().lock()),
    };
    Root::open(&container, &store_of)?.export(&mut out)?;
    out.flush()?;
    Ok(0)
}
