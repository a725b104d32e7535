//! Compose files: from their text to a project. The crate reads only files that a caller or a Compose file names, reads
//! no environment and prints nothing.
//!
//! ```text
//! text ─yaml─▶ tree ─interpolate─▶ ─include, extends─▶ ─merge─▶ ─schema─▶ ─canonical─▶ one tree
//!      ─defaults, paths, normalize─▶ ─bind─▶ typed project ─profiles, consistency, environment─▶ Project
//! ```
//!
//! ```text
//! error        what is wrong, and where: file, line, column
//! node, path   the tree with positions, paths into it
//! files        access to files; discover: those of a project; name: of a project
//! yaml         text -> tree; template, dotenv: variables in texts and in files
//! interpolate  variables in a tree
//! merge        several files -> one tree; short: ports, mounts and devices in their short forms
//! schema       known keys and the forms of their values
//! canonical    short forms -> long forms; defaults, paths, normalize: what is left out
//! load         all of that for the files of a project, with `include` and `extends`
//! model        the typed project; bind: tree -> project
//! consistency  rules between the parts of a project; environment: files with variables of services
//! ```
//!
//! Sources: Compose specification; docker compose 5, whose results are the standard where the specification is silent.

mod bind;
mod canonical;
mod consistency;
mod defaults;
mod discover;
mod dotenv;
mod environment;
mod error;
mod files;
mod interpolate;
mod load;
mod merge;
pub mod model;
mod name;
mod node;
mod normalize;
mod path;
mod paths;
mod schema;
mod short;
mod template;
mod yaml;

use std::path::PathBuf;

pub use discover::{default_files, read_env_files};
pub use dotenv::Variables;
pub use error::{ComposeError, Location};
pub use files::{Disk, Files, clean};
pub use model::Project;

use load::{Group, Loader};

/// Files of a project, and how they are read.
#[derive(Debug, Clone)]
pub struct Request {
    /// Absolute paths of the Compose files, in the order in which they are merged.
    pub files: Vec<PathBuf>,
    /// Absolute path of the directory that relative paths begin at.
    pub dir: PathBuf,
    /// Name of the project; that of a file or of the directory if absent.
    pub name: Option<String>,
    /// Values that replace the variables in Compose files.
    pub variables: Variables,
    /// Profiles whose services are started; `*` stands for all.
    pub profiles: Vec<String>,
    /// Directory that `~` stands for, if it is known.
    pub home: Option<PathBuf>,
    /// Parts of reading that can be left out.
    pub steps: Steps,
}

/// Parts of reading a project. Commands other than `config` need all of them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Steps {
    /// Whether variables are replaced by their values.
    pub interpolate: bool,
    /// Whether relative paths are made absolute.
    pub resolve_paths: bool,
    /// Whether implicit networks, names and dependencies are written out.
    pub normalize: bool,
    /// Whether references between the parts of the project are checked.
    pub check_consistency: bool,
    /// Whether `env_file` and `label_file` are read.
    pub read_env_files: bool,
}

impl Default for Steps {
    fn default() -> Self {
        let (interpolate, resolve_paths, normalize) = (true, true, true);
        Self { interpolate, resolve_paths, normalize, check_consistency: true, read_env_files: true }
    }
}

/// Reads the files of a project and returns what they describe, checked and complete.
pub fn load(request: &Request, files: &dyn Files) -> Result<Project, ComposeError> {
    let mut variables = request.variables.clone();
    let name = name::project_name(request.name.as_deref(), &request.files, &request.dir, &variables, files)?;
    variables.insert("COMPOSE_PROJECT_NAME".to_owned(), name.clone());
    let mut loader = Loader {
        files,
        home: request.home.as_deref(),
        interpolates: request.steps.interpolate,
        resolves_paths: request.steps.resolve_paths,
        warnings: Vec::new(),
    };
    let group =
        Group { files: request.files.clone(), dir: request.dir.clone(), variables: variables.clone() };
    let mut root = loader.load(&group, &[])?;
    if request.steps.normalize {
        normalize::normalize(&mut root, &name, &variables);
    }
    let mut project = Project {
        name,
        dir: request.dir.clone(),
        files: request.files.clone(),
        variables,
        warnings: std::mem::take(&mut loader.warnings),
        ..bind::bind(&root)?
    };
    project.choose_profiles(&request.profiles);
    if request.steps.check_consistency {
        consistency::check(&project, &root)?;
    }
    if request.steps.read_env_files {
        environment::read_files(&mut project, files)?;
    }
    Ok(project)
}
