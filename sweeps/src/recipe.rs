//! Commands that sweeps interrupt and disturb, each with the result that it has to have.

use std::path::{Path, PathBuf};

use crate::error::SweepError;
use crate::judge;
use crate::process::{Call, Finished};
use crate::random::Random;
use crate::report::Fault;
use crate::world::{VARIANTS, World};

/// Exit code of a container whose program SIGKILL has ended.
const KILLED: i32 = 137;

/// A command that a sweep disturbs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Recipe {
    /// Builds an image into the store.
    Build,
    /// Builds an image into an OCI archive.
    Export,
    /// Imports the base image again.
    Import,
    /// Runs a container of the image.
    Run,
    /// Removes everything that no name needs.
    Prune,
}

/// A recipe with its choices, ready to run in a store.
#[derive(Debug, Clone)]
pub struct Job {
    /// Command that the job runs.
    pub recipe: Recipe,
    /// Variant of the image.
    pub variant: usize,
    /// Store that the job works in.
    pub store: PathBuf,
    /// File that an export writes.
    pub archive: PathBuf,
}

impl Recipe {
    /// All recipes, in the order in which sweeps use them.
    pub const ALL: [Self; 5] = [Self::Build, Self::Export, Self::Import, Self::Run, Self::Prune];

    /// Returns the name for reports.
    pub fn name(self) -> &'static str {
        match self {
            Self::Build => "build",
            Self::Export => "export",
            Self::Import => "import",
            Self::Run => "run",
            Self::Prune => "prune",
        }
    }

    /// Chooses a variant for a job in `store`; an export writes beside the store.
    pub fn job(self, store: &Path, random: &mut Random) -> Job {
        let archive = store.with_file_name("image.oci.tar");
        Job { recipe: self, variant: random.below(VARIANTS), store: store.to_owned(), archive }
    }
}

impl Job {
    /// Copies the store that the job needs: `run` and `prune` need an image.
    pub fn prepare(&self, world: &World) -> Result<(), SweepError> {
        let needs_image = matches!(self.recipe, Recipe::Run | Recipe::Prune);
        crate::world::copy_store(if needs_image { &world.built } else { &world.template }, &self.store)?;
        match std::fs::remove_file(&self.archive) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
                Err(SweepError::at(&self.archive)(error))
            }
            _ => Ok(()),
        }
    }

    /// Prepares the command itself.
    pub fn call(&self, world: &World) -> Call {
        match self.recipe {
            Recipe::Build => world.build(&self.store, self.variant),
            Recipe::Export => world.export(&self.store, self.variant, &self.archive),
            Recipe::Import => world.import(&self.store),
            Recipe::Run => {
                world.call(&self.store, ["run", "--rm", "image", "sh", "-c", "cat /n; seq 1 2000 > /x"])
            }
            Recipe::Prune => world.call(&self.store, ["prune", "-a"]),
        }
    }

    /// Checks a result that can be a failure: exit 0 is the right result, anything else has a message.
    pub fn check(&self, world: &World, finished: &Finished) -> Vec<Fault> {
        let mut faults = judge::check(finished);
        let is_success = finished.code == Some(0);
        match self.recipe {
            Recipe::Build => faults = judge::check_build(finished, &world.digests[self.variant]),
            Recipe::Run if is_success && finished.stdout != "0\n" => {
                faults.push(Fault::new("exit 0 with wrong output", finished.stdout.clone()));
            }
            Recipe::Export => faults.extend(self.check_archive(world, is_success)),
            // The program of the container was killed, and its exit code is passed on as it is.
            Recipe::Run if finished.code == Some(KILLED) => {
                faults.retain(|fault| fault.rule != judge::NO_MESSAGE);
            }
            Recipe::Run | Recipe::Import | Recipe::Prune => {}
        }
        faults
    }

    /// Checks that the archive is whole if it exists, and that it exists after a success.
    fn check_archive(&self, world: &World, is_success: bool) -> Option<Fault> {
        match crate::world::hash(&self.archive) {
            Ok(hash) if hash == world.archives[self.variant] => None,
            Ok(hash) => Some(Fault::new("an archive under its final name has wrong bytes", hash)),
            Err(error) => is_success.then(|| Fault::new("exit 0 without an archive", error.to_string())),
        }
    }

    /// Checks that the same build now gives the right digest, and that the store is sound.
    pub fn check_recovery(&self, world: &World) -> Result<Vec<Fault>, SweepError> {
        let mut faults = Vec::new();
        if self.recipe != Recipe::Build {
            let again = self.call(world).run()?;
            faults.extend(judge::check_code(&again, "the same command fails afterwards"));
            faults.extend(self.check(world, &again));
        }
        let built = world.build(&self.store, self.variant).run()?;
        faults.extend(judge::check_success(
            &built,
            &world.digests[self.variant],
            "the build fails afterwards",
        ));
        let checked = world.call(&self.store, ["check", "--read-data"]).run()?;
        faults.extend(judge::check_code(&checked, "the store is not sound afterwards"));
        faults.extend(crate::leftovers::check_temporary(&self.store));
        Ok(faults)
    }
}
