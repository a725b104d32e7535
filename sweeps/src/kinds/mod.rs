//! Kinds of faults. Each has a file of its own, and decides which results are as specified.

mod concurrent;
mod damage;
mod errors;
mod full;
mod kill;
mod power;

use clap::ValueEnum;

use crate::error::SweepError;
use crate::random::Random;
use crate::report::Report;
use crate::world::{self, World};

/// Kind of fault that a sweep provokes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Kind {
    /// SIGKILL at random moments of builds, exports, imports, runs and prunes.
    Kill,
    /// Errors of system calls, injected by strace.
    Errors,
    /// Volumes with a limited number of bytes or inodes left.
    Full,
    /// Power cuts during and right after commands.
    Power,
    /// Damaged, lost and exchanged files of a store.
    Damage,
    /// Builds of 16 processes beside prune; N counts builds per process.
    Concurrent,
    /// All kinds, one after the other.
    All,
}

/// Choices of one sweep.
#[derive(Debug)]
pub struct Plan {
    /// Number of points to run, or of builds per process for `concurrent`.
    pub points: usize,
    /// The sweep is the short form: faults that take long by design are left out.
    pub is_short: bool,
    /// Source of the random choices.
    pub random: Random,
}

impl Kind {
    /// Returns the kinds that this one stands for.
    pub fn each(self) -> Vec<Self> {
        if self == Self::All {
            Self::value_variants().iter().copied().filter(|kind| *kind != Self::All).collect()
        } else {
            vec![self]
        }
    }

    /// Returns the name on the command line.
    pub fn name(self) -> &'static str {
        match self {
            Self::Kill => "kill",
            Self::Errors => "errors",
            Self::Full => "full",
            Self::Power => "power",
            Self::Damage => "damage",
            Self::Concurrent => "concurrent",
            Self::All => "all",
        }
    }

    /// Returns the recipe of the image that the sweep builds.
    pub fn dockerfile(self) -> &'static str {
        if self == Self::Errors { world::SIMPLE_DOCKERFILE } else { world::DOCKERFILE }
    }

    /// Returns the number of points of the short form, which takes about ten seconds.
    pub fn short_points(self) -> usize {
        match self {
            Self::Kill | Self::Errors | Self::Full => 20,
            Self::Power | Self::Damage => 10,
            Self::Concurrent => 2,
            Self::All => 0,
        }
    }

    /// Runs the sweep of one kind; `all` is run by its parts.
    pub fn run(self, world: &World, plan: &mut Plan, report: &mut Report) -> Result<(), SweepError> {
        match self {
            Self::Kill => kill::sweep(world, plan, report),
            Self::Errors => errors::sweep(world, plan, report),
            Self::Full => full::sweep(world, plan, report),
            Self::Power => power::sweep(world, plan, report),
            Self::Damage => damage::sweep(world, plan, report),
            Self::Concurrent => concurrent::sweep(world, plan, report),
            Self::All => Ok(()),
        }
    }
}
