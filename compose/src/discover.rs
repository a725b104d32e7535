//! Default Compose files and default variables of a project, for users who name none.

use std::path::{Path, PathBuf};

use crate::ComposeError;
use crate::dotenv::{self, Variables};
use crate::files::Files;

/// Names of Compose files; the first one that exists is used.
const NAMES: &[&str] = &["compose.yaml", "compose.yml", "docker-compose.yml", "docker-compose.yaml"];

/// Names of files that are merged into it.
const OVERRIDES: &[&str] = &[
    "compose.override.yml",
    "compose.override.yaml",
    "docker-compose.override.yml",
    "docker-compose.override.yaml",
];

/// Finds the Compose file of a directory or of one above it, and its override.
pub fn default_files(dir: &Path, files: &dyn Files) -> Result<Vec<PathBuf>, ComposeError> {
    let first =
        |dir: &Path, names: &[&str]| names.iter().map(|name| dir.join(name)).find(|file| files.is_file(file));
    for dir in dir.ancestors() {
        if let Some(file) = first(dir, NAMES) {
            return Ok([Some(file), first(dir, OVERRIDES)].into_iter().flatten().collect());
        }
    }
    let reason = format!(
        "there is no Compose file in {} or above it: create {}, or name one with --file",
        dir.display(),
        NAMES[0]
    );
    Err(ComposeError::project(reason))
}

/// Adds the variables of files to those of the environment, which win. Without files it is `.env` of `dir`, if it exists.
pub fn read_env_files(
    env_files: &[PathBuf],
    dir: &Path,
    environment: &Variables,
    files: &dyn Files,
) -> Result<Variables, ComposeError> {
    let default = dir.join(".env");
    let env_files = match env_files {
        [] if files.is_file(&default) => std::slice::from_ref(&default),
        given => given,
    };
    let mut variables = Variables::new();
    for file in env_files {
        let text = files.read(file).map_err(|source| ComposeError::Read { file: file.clone(), source })?;
        dotenv::parse(&text, file, &mut variables, &|name| environment.get(name).cloned())?;
    }
    variables.extend(environment.clone());
    Ok(variables)
}
