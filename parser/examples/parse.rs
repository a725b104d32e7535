//! Prints a Dockerfile as JSON; exits 1 if it is none.

use std::{env, fs, process::ExitCode};

#[allow(clippy::print_stdout)]
fn main() -> ExitCode {
    let file = env::args().nth(1).expect("usage: parse FILE");
    let text = fs::read(file).expect("the file can be read");
    let parsed = parser::parse(&text);
    let wrong = |error: &_| parser::json::errors_to_json(error, &[]);
    let json = parsed.as_ref().map_or_else(wrong, parser::json::to_json);
    println!("{json}");
    ExitCode::from(u8::from(parsed.is_err()))
}
