//! Tools that are compared: each turns [`Act`]s into its own commands, and can be reset to an empty state.
//!
//! All of them use the same base images and contexts, give RUN no network unless the work needs one, and keep the layers
//! of each step, as they do for a user who builds again.

mod buildah;
mod buildctl;
mod docker;
mod dsbuild;

use std::path::{Path, PathBuf};
use std::process::Command;
use std::{fs, io};

pub use self::buildah::Buildah;
pub use self::buildctl::Buildctl;
pub use self::docker::Docker;
pub use self::dsbuild::Dsbuild;
use crate::measure::{Meter, RunError};
use crate::workload::{Act, BUSYBOX, Base, Build, PYTHON, REGISTRY};

/// Name of the tool that the others are compared with.
pub const OURS: &str = "dsbuild";

/// Reason why a tool has no figure for a row.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Trouble {
    /// The tool lacks the feature.
    #[error("not supported: {0}")]
    NotSupported(&'static str),
    /// The tool is not installed, or does not work on this machine.
    #[error("not here: {0}")]
    NotHere(String),
    /// The tool reported success, but its result is wrong.
    #[error("wrong result: {0}")]
    Wrong(String),
    /// The benchmark could not prepare the run.
    #[error("cannot {action}")]
    Io {
        /// Action as a verb phrase: `make /tmp/x`.
        action: String,
        /// Error of the operating system.
        source: io::Error,
    },
    /// The program failed or took too long.
    #[error(transparent)]
    Run(#[from] RunError),
}

impl Trouble {
    /// Returns a function for `map_err` that adds what was tried.
    pub fn io(action: impl Into<String>) -> impl FnOnce(io::Error) -> Self {
        let action = action.into();
        |source| Self::Io { action, source }
    }
}

/// A builder that can be measured.
pub trait Engine {
    /// Returns the name of the tool in flags and results.
    fn name(&self) -> &'static str;

    /// Returns the version, and how the tool is used where that is not obvious.
    fn version(&self) -> String;

    /// Returns the processes that the memory figure of the tool is about.
    fn memory(&self) -> &'static str {
        "the largest of its processes"
    }

    /// Resets the tool so that it has these images and nothing else; the next build is cold.
    fn reset(&mut self, bases: &[Base]) -> Result<(), Trouble>;

    /// Returns the commands that perform `act`, in order.
    fn commands(&self, act: &Act, site: &Site<'_>) -> Result<Vec<Command>, Trouble>;

    /// Returns a command that prints a file of an image.
    fn read(&self, site: &Site<'_>, tag: &str, path: &str) -> Result<Command, Trouble>;

    /// Returns the daemon of the tool, whose memory is measured during a run; `None` for a tool without one.
    fn daemon(&self) -> Option<&dyn Daemon> {
        None
    }
}

/// A process that keeps running between builds.
pub trait Daemon {
    /// Forgets the peak of the memory so far.
    fn begin(&self);

    /// Returns the peak since [`Daemon::begin`], less the memory of the daemon when it had just started.
    fn grown_bytes(&self) -> u64;
}

/// Surroundings of an act: files, registry and cache.
#[derive(Debug, Clone, Copy)]
pub struct Site<'a> {
    /// Directory with the files of the scenario.
    pub dir: &'a Path,
    /// Address of the registry, as the first part of image names: `127.0.0.1:5000`.
    pub registry: &'a str,
    /// Asks a tool that cannot be reset to build without its cache.
    pub no_cache: bool,
}

impl Site<'_> {
    /// Returns a tag of the table with the address of the registry filled in.
    pub fn tag(&self, tag: &str) -> String {
        tag.replace(REGISTRY, self.registry)
    }

    /// Returns the file or directory that a tool exports to.
    pub fn output(&self, engine: &str) -> PathBuf {
        self.dir.join(format!("out-{engine}"))
    }

    /// Returns the arguments that docker's `build` and its imitators share: names, and the context at the end.
    fn build_arguments(&self, build: &Build) -> Vec<String> {
        let context = self.dir.join(build.context).display().to_string();
        let dockerfile = format!("{context}/{}", build.dockerfile);
        let mut arguments = vec!["--tag".to_owned(), self.tag(build.tag), "--file".to_owned(), dockerfile];
        if build.from_registry {
            arguments.extend(["--build-arg".to_owned(), format!("REGISTRY={}", self.registry)]);
        }
        arguments.push(context);
        arguments
    }
}

/// Files with the base images: docker archives.
#[derive(Debug, Clone)]
pub struct Bases {
    dir: PathBuf,
}

impl Bases {
    /// Names the archives in `dir`, where `crate::bases` puts them.
    pub fn new(dir: PathBuf) -> Self {
        Self { dir }
    }

    /// Returns the path of the archive of a base image.
    pub fn archive(&self, base: Base) -> PathBuf {
        self.dir.join(match base {
            Base::Busybox => "busybox.tar",
            Base::Python => "python.tar",
        })
    }

    /// Returns the name of a base image.
    pub fn tag(base: Base) -> &'static str {
        match base {
            Base::Busybox => BUSYBOX,
            Base::Python => PYTHON,
        }
    }
}

/// Everything that engines have in common.
#[derive(Debug, Clone)]
pub struct Kit {
    /// Runs and measures the commands of the tools.
    pub meter: Meter,
    /// Directory for the stores of the tools.
    pub dir: PathBuf,
    /// Archives of the base images.
    pub bases: Bases,
}

impl Kit {
    /// Makes the directory of one tool.
    fn folder(&self, name: &str) -> Result<PathBuf, Trouble> {
        let path = self.dir.join(name);
        fs::create_dir_all(&path).map_err(Trouble::io(format!("make {}", path.display())))?;
        Ok(path)
    }

    /// Finds every program of this name, in the order of PATH and then in the `sbin` directories.
    fn programs(&self, name: &str) -> Vec<PathBuf> {
        let path = std::env::var_os("PATH").unwrap_or_default();
        let folders = std::env::split_paths(&path).chain(["/usr/sbin".into(), "/sbin".into()]);
        let mut found: Vec<PathBuf> = Vec::new();
        for file in folders.map(|folder| folder.join(name)).filter(|file| file.is_file()) {
            let file = file.canonicalize().unwrap_or(file);
            if !found.contains(&file) {
                found.push(file);
            }
        }
        found
    }

    /// Finds the first program of this name.
    fn program(&self, name: &str) -> Result<PathBuf, Trouble> {
        let found = self.programs(name).into_iter().next();
        found.ok_or_else(|| Trouble::NotHere(format!("{name} is not installed")))
    }
}

/// Builds a command with its arguments.
fn command<S: AsRef<std::ffi::OsStr>>(program: &Path, arguments: impl IntoIterator<Item = S>) -> Command {
    let mut command = Command::new(program);
    command.args(arguments);
    command
}
