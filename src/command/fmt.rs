//! `dsbuild fmt`: Dockerfiles in their usual shape.

use std::path::{Path, PathBuf};

use pipeline::BuildError;

use super::parse;
use crate::args::FmtArgs;
use crate::output;
use crate::report::Failure;

/// Formats files in place, or tells which are not formatted; 1 if `--check` found any.
pub fn run(args: &FmtArgs) -> Result<u8, Failure> {
    let default = [PathBuf::from("Dockerfile")];
    let files = if args.files.is_empty() { &default[..] } else { &args.files };
    let mut found = 0;
    for file in files {
        let text = parse::read(file)?;
        let formatted = parser::format::format(&text).map_err(|error| {
            Failure::of_build(&BuildError::from(error), &file.display().to_string(), &text)
        })?;
        let is_formatted = formatted.as_bytes() == text;
        match (args.check, file == Path::new("-")) {
            (true, _) if is_formatted => {}
            (true, _) => {
                output::line(&file.display().to_string());
                found = 1;
            }
            (false, true) => output::text(&formatted),
            (false, false) if is_formatted => {}
            (false, false) => write(file, &formatted)?,
        }
    }
    Ok(found)
}

fn write(file: &Path, text: &str) -> Result<(), Failure> {
    std::fs::write(file, text)
        .map_err(|error| Failure::user(format!("cannot write {}", file.display())).caused_by(&error))
}
