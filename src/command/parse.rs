//! `dsbuild parse`: how a Dockerfile is parsed.

use std::path::Path;

use crate::args::ParseArgs;
use crate::output;
use crate::report::Failure;

/// Prints the parse result as JSON; exits 1 if the file is no Dockerfile.
pub fn run(args: &ParseArgs) -> Result<u8, Failure> {
    let text = read(&args.file)?;
    match parser::parse(&text) {
        Ok(dockerfile) => {
            output::line(&parser::json::to_json(&dockerfile).to_string());
            Ok(0)
        }
        Err(error) => {
            let further = parser::further_errors(&text, &error).errors;
            output::line(&parser::json::errors_to_json(&error, &further).to_string());
            Ok(1)
        }
    }
}

/// Reads a file, or standard input for `-`.
pub fn read(file: &Path) -> Result<Vec<u8>, Failure> {
    pipeline::input::read(file)
        .map_err(|error| Failure::user(format!("cannot read {}", file.display())).caused_by(&error))
}
