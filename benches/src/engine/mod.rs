//! The tools that are compared: each turns [`Act`]s into its commands, and can be made to know nothing.
//!
//! All of them use the same base images and contexts, give RUN no network unless the work needs one, and are asked for the
//! layers of each step to be kept, as a user would who builds again.

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

/// The tool that all is about.
pub const OURS: &str = "dsbuild";

/// Why a tool has no figure.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Trouble {
    /// It cannot do this.
    #[error("not supported: {0}")]
    NotSupported(&'static str),
    /// It is not on this machine.
    #[error("not here: {0}")]
    NotHere(String),
    /// It did not do its work.
    #[error("wrong result: {0}")]
    Wrong(String),
    /// Nor could it be asked to.
    #[error("cannot {action}")]
    Io {
        /// A verb phrase.
        action: String,
        /// Why.
        source: io::Error,
    },
    /// It failed.
    #[error(transparent)]
    Run(#[from] RunError),
}

impl Trouble {
    /// For `map_err`.
    pub fn io(action: impl Into<String>) -> impl FnOnce(io::Error) -> Self {
        let action = action.into();
        |source| Self::Io { action, source }
    }
}

/// A tool.
pub trait Engine {
    /// The word for it in flags and results.
    fn name(&self) -> &'static str;

    /// What is measured, and how where that is not plain.
    fn version(&self) -> String;

    /// Of what its memory figure is the peak.
    fn memory(&self) -> &'static str {
        "the largest of its processes"
    }

    /// Makes it know these images and nothing else; the next build is a cold one.
    fn reset(&mut self, bases: &[Base]) -> Result<(), Trouble>;

    /// The commands that do this, to be run one after the other.
    fn commands(&self, act: &Act, site: &Site<'_>) -> Result<Vec<Command>, Trouble>;

    /// A command that prints a file of an image.
    fn read(&self, site: &Site<'_>, tag: &str, path: &str) -> Result<Command, Trouble>;

    /// Memory of what runs all the time, to be taken around a run; `None` if nothing does.
    fn daemon(&self) -> Option<&dyn Daemon> {
        None
    }
}

/// What runs all the time.
pub trait Daemon {
    /// Begins anew to look for the peak.
    fn begin(&self);

    /// The peak since then, over what it took when it had just started.
    fn grown_bytes(&self) -> u64;
}

/// Where an act takes place.
#[derive(Debug, Clone, Copy)]
pub struct Site<'a> {
    /// The scenario's folder.
    pub dir: &'a Path,
    /// The registry, as part of a name.
    pub registry: &'a str,
    /// A tool that could not be made to forget is to use no cache.
    pub no_cache: bool,
}

impl Site<'_> {
    /// A tag as written in the table, with the registry's address.
    pub fn tag(&self, tag: &str) -> String {
        tag.replace(REGISTRY, self.registry)
    }

    /// Where a tool exports to.
    pub fn output(&self, engine: &str) -> PathBuf {
        self.dir.join(format!("out-{engine}"))
    }

    /// The arguments that docker's `build` and all that imitate it share: names, and the context at the end.
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
    /// They lie in this folder, and are put there by `crate::bases`.
    pub fn new(dir: PathBuf) -> Self {
        Self { dir }
    }

    /// Where one is.
    pub fn archive(&self, base: Base) -> PathBuf {
        self.dir.join(match base {
            Base::Busybox => "busybox.tar",
            Base::Python => "python.tar",
        })
    }

    /// What one is called.
    pub fn tag(base: Base) -> &'static str {
        match base {
            Base::Busybox => BUSYBOX,
            Base::Python => PYTHON,
        }
    }
}

/// What engines are made of.
#[derive(Debug, Clone)]
pub struct Kit {
    /// Runs their commands.
    pub meter: Meter,
    /// A folder for what they keep.
    pub dir: PathBuf,
    /// The base images.
    pub bases: Bases,
}

impl Kit {
    /// A folder for one of them.
    fn folder(&self, name: &str) -> Result<PathBuf, Trouble> {
        let path = self.dir.join(name);
        fs::create_dir_all(&path).map_err(Trouble::io(format!("make {}", path.display())))?;
        Ok(path)
    }

    /// Every program of this name, in the order of PATH and then where only root looks.
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

    /// The first program of this name.
    fn program(&self, name: &str) -> Result<PathBuf, Trouble> {
        let found = self.programs(name).into_iter().next();
        found.ok_or_else(|| Trouble::NotHere(format!("{name} is not installed")))
    }
}

/// A command with its arguments.
fn command<S: AsRef<std::ffi::OsStr>>(program: &Path, arguments: impl IntoIterator<Item = S>) -> Command {
    let mut command = Command::new(program);
    command.args(arguments);
    command
}
