//! Kinds of faults. Each has a file of its own, and decides what is as specified.

mod kill;

use clap::ValueEnum;

use crate::error::SweepError;
use crate::random::Random;
use crate::report::Report;
use crate::world::World;

/// Kind of fault that a sweep provokes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Kind {
    /// SIGKILL at random moments of builds, exports, imports, runs and prunes.
    Kill,
    /// All kinds, one after the other.
    All,
}

/// Choices of one sweep.
#[derive(Debug)]
pub struct Plan {
    /// Number of points.
    pub points: usize,
    /// The sweep is the short form: faults that take long by design are left out.
    pub is_short: bool,
    /// Source of the random choices.
    pub random: Random,
}

impl Kind {
    /// Returns the kinds that this one stands for.
    pub fn each(self) -> Vec<Self> {
        if self == Self::All { vec![Self::Kill] } else { vec![self] }
    }

    /// Returns the name on the command line.
    pub fn name(self) -> &'static str {
        match self {
            Self::Kill => "kill",
            Self::All => "all",
        }
    }

    /// Returns the number of points of the short form, which takes about ten seconds.
    pub fn short_points(self) -> usize {
        match self {
            Self::Kill => 20,
            Self::All => 0,
        }
    }

    /// Runs the sweep.
    pub fn run(self, world: &World, plan: &mut Plan, report: &mut Report) -> Result<(), SweepError> {
        match self {
            Self::Kill => kill::sweep(world, plan, report),
            Self::All => Ok(()),
        }
    }
}
