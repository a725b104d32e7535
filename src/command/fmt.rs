//! `dsbuild fmt`: formats Dockerfiles.

use std::path::{Path, PathBuf};

use pipeline::BuildError;

use super::parse;
use crate::failure::Failure;
use crate::output::{self, Stream};
use cli::dockerfile::FmtArgs;

/// Formats files in place. With `--check` prints the names of files that are not formatted; exit code 1 if there are any.
pub fn run(args: &FmtArgs) -> Result<u8, Failure> {
    let default = [PathBuf::from("Dockerfile")];
    let files = if args.files.is_empty() { &default[..] } else { &args.files };
    let mut code = 0;
    for file in files {
        let text = parse::read(file)?;
        let formatted = parser::format::format(&text).map_err(|error| {
            Failure::of_build(&BuildError::from(error), &file.display().to_string(), &text)
        })?;
        let is_formatted = formatted.as_bytes() == text;
        if args.check {
            if !is_formatted {
                output::line(&output::path(file));
                code = 1;
            }
        } else if file == Path::new("-") {
            output::data(Stream::Stdout, formatted.as_bytes());
        } else if !is_formatted {
            write(file, &formatted)?;
        }
    }
    Ok(code)
}

fn write(file: &Path, text: &str) -> Result<(), Failure> {
    std::fs::write(file, text)
        .map_err(|error| Failure::input(format!("cannot write {}", output::path(file))).caused_by(&error))
}
