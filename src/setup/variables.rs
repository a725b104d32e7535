//! Variables and lists that the user gives by flags and by files.

use std::path::{Path, PathBuf};

use crate::environment;
use crate::failure::Failure;
use crate::output;

/// Returns the lines of a file that the user names, without comments and empty ones.
pub fn lines_of(file: &Path) -> Result<Vec<String>, Failure> {
    let text = std::fs::read_to_string(file)
        .map_err(|error| Failure::input(format!("cannot read {}", output::path(file))).caused_by(&error))?;
    let lines = text.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with('#'));
    Ok(lines.map(str::to_owned).collect())
}

/// Returns the variables of files, then those of flags, which win. A name without a value is taken from our environment.
pub fn variables(files: &[PathBuf], texts: &[String]) -> Result<Vec<String>, Failure> {
    let mut variables = Vec::new();
    for file in files {
        variables.extend(lines_of(file)?.iter().filter_map(|line| variable(line)));
    }
    variables.extend(texts.iter().filter_map(|text| variable(text)));
    Ok(variables)
}

fn variable(text: &str) -> Option<String> {
    if text.contains('=') {
        return Some(text.to_owned());
    }
    environment::variable_even_if_empty(text).map(|value| format!("{text}={value}"))
}
