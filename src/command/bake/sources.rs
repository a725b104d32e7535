//! The files of `dsbuild bake`: the files that the user names, or the default ones that exist.

use std::path::{Path, PathBuf};

use bake::Source;
use compose::{Disk, Steps};

use crate::failure::Failure;
use crate::{environment, output};

/// Reads the files. All Compose files among them are one project.
pub fn read(files: &[PathBuf]) -> Result<Vec<Source>, Failure> {
    let here = std::env::current_dir()?;
    let files: Vec<PathBuf> = if files.is_empty() { default_files(&here) } else { files.to_vec() };
    if files.is_empty() {
        return Err(Failure::input(format!("there is no bake file in {}", output::path(&here)))
            .hint("create docker-bake.hcl, or name a file with --file"));
    }
    let (composed, baked): (Vec<_>, Vec<_>) = files.into_iter().partition(|file| is_compose(file));
    let mut sources = Vec::new();
    if !composed.is_empty() {
        sources.push(Source::Compose(Box::new(project(&here, &composed)?)));
    }
    for file in baked {
        let text = std::fs::read_to_string(&file).map_err(|error| {
            Failure::input(format!("cannot read {}", output::path(&file))).caused_by(&error)
        })?;
        sources.push(Source::Bake(file.display().to_string(), text));
    }
    Ok(sources)
}

fn default_files(here: &Path) -> Vec<PathBuf> {
    // Unlike `dsbuild compose`, a bake does not look in the directories above.
    let composed = compose::default_files(here, &Disk).unwrap_or_default();
    let own = composed.into_iter().filter(|file| file.parent() == Some(here));
    let own = own.map(|file| file.file_name().map(PathBuf::from).unwrap_or_default());
    let baked = bake::DEFAULT_FILES.iter().map(PathBuf::from).filter(|file| here.join(file).is_file());
    own.chain(baked).collect()
}

fn is_compose(file: &Path) -> bool {
    file.extension().is_some_and(|extension| extension == "yml" || extension == "yaml")
}

fn project(here: &Path, files: &[PathBuf]) -> Result<compose::Project, Failure> {
    let files: Vec<PathBuf> = files.iter().map(|file| here.join(file)).collect();
    let dir = files[0].parent().unwrap_or(here).to_owned();
    let environment = environment::all();
    let request = compose::Request {
        variables: compose::read_env_files(&[], &dir, &environment, &Disk)?,
        files,
        dir,
        name: None,
        profiles: vec!["*".to_owned()],
        home: Some(environment::home()),
        steps: Steps { read_env_files: false, ..Steps::default() },
    };
    Ok(compose::load(&request, &Disk)?)
}
