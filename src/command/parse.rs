//! `dsbuild parse`: prints how a Dockerfile is parsed.

use std::path::Path;

use serde_json::Value;

use crate::failure::Failure;
use crate::output::{self, Stream};
use cli::dockerfile::ParseArgs;

/// Prints the parsed file as JSON; exit code 1 if the file is not a Dockerfile.
pub fn run(args: &ParseArgs) -> Result<u8, Failure> {
    let text = read(&args.file)?;
    match parser::parse(&text) {
        Ok(dockerfile) => {
            print(&parser::json::to_json(&dockerfile));
            Ok(0)
        }
        Err(error) => {
            let further = parser::further_errors(&text, &error).errors;
            print(&parser::json::errors_to_json(&error, &further));
            Ok(1)
        }
    }
}

fn print(value: &Value) {
    output::json(Stream::Stdout, value, false);
}

/// Reads a file, or stdin for `-`.
pub fn read(file: &Path) -> Result<Vec<u8>, Failure> {
    pipeline::input::read(file)
        .map_err(|error| Failure::input(format!("cannot read {}", output::path(file))).caused_by(&error))
}
