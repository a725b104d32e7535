//! Prints a parsed Dockerfile, or its first error, as JSON. Exits with 1 if there is an error.

use std::{env, fs, process::ExitCode};

#[allow(clippy::print_stdout)]
fn main() -> ExitCode {
    let file = env::args().nth(1).expect("usage: parse FILE");
    let text = fs::read(file).expect("the file can be read");
    match parser::parse(&text) {
        Ok(file) => {
            println!("{}", parser::json::to_json(&file));
            ExitCode::SUCCESS
        }
        Err(error) => {
            println!("{}", parser::json::errors_to_json(&error, &[]));
            ExitCode::FAILURE
        }
    }
}
