//! `full`: commands on a volume with a limited number of bytes or inodes left.
//!
//! As specified: the command succeeds, or its message says that the disk is full, and no incomplete result has its
//! final name. On the full disk images can still be listed and removed. Once there is room, the same command succeeds.

use crate::error::SweepError;
use crate::judge;
use crate::leftovers;
use crate::process::Finished;
use crate::recipe::{Job, Recipe};
use crate::report::{Fault, Point, Report};
use crate::volume::{Room, Volume};
use crate::world::World;

use super::Plan;

/// Size of the volume: a store with the images needs a fifth of it.
const VOLUME_MIB: u64 = 48;

/// Number of inodes of the volume.
const INODES: u32 = 1024;

/// Work in progress takes more room than the result: the sweep goes up to this multiple of the result's room.
const PEAK_TENTHS: u64 = 22;

/// Least range that is swept, for commands that leave almost nothing behind.
const MIN_ROOM: Room = Room { bytes: 256 << 10, inodes: 16 };

/// Resource that is short.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Shortage {
    Bytes,
    Inodes,
}

/// Series of points of one command and one resource, from no room to plenty.
#[derive(Debug, Clone, Copy)]
struct Series {
    recipe: Recipe,
    shortage: Shortage,
    /// Room that the command takes on an empty volume.
    need: Room,
}

/// Sweeps the room that is left from nothing to more than enough, for each command and resource.
pub fn sweep(world: &World, plan: &mut Plan, report: &mut Report) -> Result<(), SweepError> {
    let volume = Volume::create(&world.dir, VOLUME_MIB, INODES)?;
    let mut series = Vec::new();
    for recipe in Recipe::ALL {
        let need = need(world, &volume, recipe)?;
        series.extend([Shortage::Bytes, Shortage::Inodes].map(|shortage| Series { recipe, shortage, need }));
    }
    let steps = plan.points.div_ceil(series.len()).max(2);
    for number in 0..plan.points {
        let (series, step) = (series[number % series.len()], number / series.len());
        let job = series.recipe.job(&volume.root.join("store"), &mut plan.random);
        report.add(point(world, &volume, &job, series.left(step as u64, steps as u64 - 1))?)?;
    }
    Ok(())
}

impl Series {
    /// Returns the room that step `step` of `last` leaves.
    fn left(&self, step: u64, last: u64) -> Room {
        let share = |need: u64, least: u64| need.max(least) * PEAK_TENTHS / 10 * step / last.max(1);
        match self.shortage {
            Shortage::Bytes => {
                Room { bytes: share(self.need.bytes, MIN_ROOM.bytes), inodes: u64::from(INODES) }
            }
            Shortage::Inodes => Room { bytes: u64::MAX, inodes: share(self.need.inodes, MIN_ROOM.inodes) },
        }
    }
}

/// Returns the room that the command takes.
fn need(world: &World, volume: &Volume, recipe: Recipe) -> Result<Room, SweepError> {
    let job = recipe.job(&volume.root.join("store"), &mut crate::random::Random::new(0));
    job.prepare(world)?;
    let before = volume.room()?;
    job.call(world).expect_success()?;
    let after = volume.room()?;
    Ok(Room {
        bytes: before.bytes.saturating_sub(after.bytes),
        inodes: before.inodes.saturating_sub(after.inodes),
    })
}

fn point(world: &World, volume: &Volume, job: &Job, room: Room) -> Result<Point, SweepError> {
    volume.make_room()?;
    job.prepare(world)?;
    let left = volume.fill(room)?;
    let finished = job.call(world).run()?;
    let mut faults = job.check(world, &finished);
    faults.extend(check_message(job, &finished));
    faults.extend(leftovers::check(&job.store));
    let listed = world.call(&job.store, ["images"]).run()?;
    faults.extend(judge::check_code(&listed, "images cannot be listed on the full disk"));
    if matches!(job.recipe, Recipe::Run | Recipe::Prune) {
        let removed = world.call(&job.store, ["rmi", "other"]).run()?;
        faults.extend(judge::check_code(&removed, "an image cannot be removed on the full disk"));
    }
    volume.make_room()?;
    faults.extend(job.check_recovery(world)?);
    let recipe = job.recipe.name();
    let name = format!("{recipe} N={} with {} bytes, {} inodes", job.variant, left.bytes, left.inodes);
    Ok(Point { name, outcome: format!("{recipe}: {}", finished.status()), faults })
}

/// Checks that a failure says that the disk is full. Collection needs no room at all.
fn check_message(job: &Job, finished: &Finished) -> Option<Fault> {
    if finished.code == Some(0) {
        return None;
    }
    if job.recipe == Recipe::Prune {
        return Some(Fault::new("prune fails on the full disk", finished.summary()));
    }
    let message = finished.stderr.to_lowercase();
    let is_named = ["no space left", "disk is full", "enospc"].iter().any(|words| message.contains(words));
    (!is_named).then(|| Fault::new("the message does not say that the disk is full", finished.summary()))
}
