//! The project that a command is for: its files, variables and profiles.

use std::io::Read;
use std::path::{Path, PathBuf};

use cli::compose::ProjectArgs;
use compose::{Disk, Files, Project, Request, Steps, Variables};

use crate::failure::Failure;
use crate::{environment, output};

/// The disk, on which `-` is stdin.
#[derive(Debug, Default)]
struct DiskAndStdin(std::sync::OnceLock<String>);

impl Files for DiskAndStdin {
    fn read(&self, path: &Path) -> std::io::Result<String> {
        if path != Path::new("-") {
            return Disk.read(path);
        }
        if let Some(text) = self.0.get() {
            return Ok(text.clone());
        }
        let mut text = String::new();
        std::io::stdin().read_to_string(&mut text)?;
        Ok(self.0.get_or_init(|| text).clone())
    }

    fn is_file(&self, path: &Path) -> bool {
        Disk.is_file(path)
    }

    fn is_dir(&self, path: &Path) -> bool {
        Disk.is_dir(path)
    }

    fn resolve_symlink(&self, path: &Path) -> PathBuf {
        Disk.resolve_symlink(path)
    }
}

/// Reads the project that flags and variables choose, and prints its warnings.
pub fn read(args: &ProjectArgs, steps: Steps) -> Result<Project, Failure> {
    let here = std::env::current_dir()?;
    let files = DiskAndStdin::default();
    let (dir, variables, paths) = choose(args, &here, &files)?;
    let request = Request {
        files: paths,
        dir,
        name: args.project_name.clone().or_else(|| set(&variables, "COMPOSE_PROJECT_NAME")),
        profiles: profiles(args, &variables),
        variables,
        home: Some(environment::home()),
        steps,
    };
    let project = compose::load(&request, &files)?;
    project.warnings.iter().for_each(|warning| output::note(&format!("warning: {warning}")));
    Ok(project)
}

/// Returns the directory of the project, the values of variables, and the Compose files.
fn choose(
    args: &ProjectArgs,
    here: &Path,
    files: &dyn Files,
) -> Result<(PathBuf, Variables, Vec<PathBuf>), Failure> {
    let environment = environment::all();
    let absolute = |file: &str| if file == "-" { PathBuf::from(file) } else { here.join(file) };
    let given: Vec<PathBuf> = args.files.iter().map(|file| absolute(file)).collect();
    let chosen_dir = args.project_directory.as_ref().map(|dir| here.join(dir));
    let dir_of = |given: &[PathBuf]| {
        let named = given.iter().find(|file| *file != Path::new("-")).and_then(|file| file.parent());
        chosen_dir.clone().unwrap_or_else(|| named.unwrap_or(here).to_owned())
    };
    let env_files = env_files(args, &environment, here);
    let dir = dir_of(&given);
    // The files themselves can be named by a variable of `.env`.
    let variables = match env_files {
        Some(env_files) => compose::read_env_files(&env_files, &dir, &environment, files)?,
        None => environment,
    };
    let paths = match (given.is_empty(), set(&variables, "COMPOSE_FILE")) {
        (false, _) => given,
        (true, Some(names)) => {
            let separator = set(&variables, "COMPOSE_PATH_SEPARATOR").unwrap_or_else(|| ":".to_owned());
            names.split(&separator).map(absolute).collect()
        }
        (true, None) => compose::default_files(&dir, files)?,
    };
    Ok((compose::clean(&dir_of(&paths)), variables, paths))
}

/// Returns the files with variables, an empty list for the default one, and `None` for none at all.
fn env_files(args: &ProjectArgs, environment: &Variables, here: &Path) -> Option<Vec<PathBuf>> {
    if !args.env_files.is_empty() {
        return Some(args.env_files.iter().map(|file| here.join(file)).collect());
    }
    if let Some(names) = set(environment, "COMPOSE_ENV_FILES") {
        return Some(names.split(',').map(|name| here.join(name.trim())).collect());
    }
    let is_disabled = set(environment, "COMPOSE_DISABLE_ENV_FILE");
    (!is_disabled.is_some_and(|value| matches!(value.as_str(), "1" | "t" | "T" | "true" | "TRUE" | "True")))
        .then(Vec::new)
}

fn profiles(args: &ProjectArgs, variables: &Variables) -> Vec<String> {
    if !args.profiles.is_empty() {
        return args.profiles.clone();
    }
    let names = set(variables, "COMPOSE_PROFILES").unwrap_or_default();
    names.split(',').map(|name| name.trim().to_owned()).filter(|name| !name.is_empty()).collect()
}

/// Returns the value of a variable that is not empty.
fn set(variables: &Variables, name: &str) -> Option<String> {
    variables.get(name).filter(|value| !value.is_empty()).cloned()
}
