//! `concurrent`: 16 processes build at the same time in one store, beside a process that prunes again and again.
//!
//! As specified: every build and every prune succeeds, every build gives its digest, and the store is sound afterwards.

use std::path::Path;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use crate::error::SweepError;
use crate::judge;
use crate::leftovers;
use crate::random::Random;
use crate::report::{Point, Report};
use crate::world::{VARIANTS, World};

use super::Plan;

/// Number of processes that build at the same time.
const BUILDERS: usize = 16;

/// Pause between two prunes.
const PAUSE: Duration = Duration::from_millis(100);

/// Time after which a build or a prune counts as starved.
const MAX_WAIT: Duration = Duration::from_secs(180);

/// Everything that the threads share.
struct Shared<'a> {
    world: &'a World,
    store: &'a Path,
    report: Mutex<&'a mut Report>,
    active: AtomicUsize,
}

/// Starts the builders, each of which makes `plan.points` builds, and prunes until the last has ended.
pub fn sweep(world: &World, plan: &mut Plan, report: &mut Report) -> Result<(), SweepError> {
    let store = world.copy_of(&world.template, "store")?;
    report.plan(BUILDERS * plan.points);
    let active = AtomicUsize::new(BUILDERS);
    let shared = Shared { world, store: &store, report: Mutex::new(report), active };
    let outcome = std::thread::scope(|scope| {
        let shared = &shared;
        let builders: Vec<_> = (0..BUILDERS)
            .map(|builder| {
                let (random, builds) = (plan.random.fork(), plan.points);
                scope.spawn(move || shared.build_often(builder, builds, random))
            })
            .collect();
        let pruner = scope.spawn(|| shared.prune_often());
        builders
            .into_iter()
            .chain([pruner])
            .try_for_each(|thread| thread.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic)))
    });
    outcome?;
    let checked = world.call(&store, ["check", "--read-data"]).run()?;
    let mut faults = judge::check_code(&checked, "the store is not sound afterwards");
    faults.extend(leftovers::check(&store));
    faults.extend(leftovers::check_temporary(&store));
    let outcome = format!("check: {}", checked.status());
    let report = shared.report.into_inner().unwrap_or_else(std::sync::PoisonError::into_inner);
    report.add(Point { name: "after all builds".to_owned(), outcome, faults })
}

impl Shared<'_> {
    /// Builds random variants; each tenth build uses no cache.
    fn build_often(&self, builder: usize, builds: usize, mut random: Random) -> Result<(), SweepError> {
        let outcome = (0..builds).try_for_each(|number| {
            let (variant, is_uncached) = (random.below(VARIANTS), random.below(10) == 0);
            let tag = format!("builder-{builder}:{variant}");
            let flags = ["-t", &tag].into_iter().chain(is_uncached.then_some("--no-cache"));
            let build = self.world.build_with(self.store, variant, flags).limit(MAX_WAIT);
            let finished = build.run()?;
            let faults = judge::check_success(&finished, &self.world.digests[variant], "a build fails");
            let name = format!("builder {builder}, build {number}, N={variant}");
            self.add(Point { name, outcome: format!("build: {}", finished.status()), faults })
        });
        self.active.fetch_sub(1, Ordering::SeqCst);
        outcome
    }

    /// Prunes until no builder is active.
    fn prune_often(&self) -> Result<(), SweepError> {
        while self.active.load(Ordering::SeqCst) > 0 {
            let finished = self.world.call(self.store, ["prune", "-a"]).limit(MAX_WAIT).run()?;
            let faults = judge::check_code(&finished, "prune fails or starves");
            let name = format!("prune after {} s", finished.elapsed.as_secs());
            self.add(Point { name, outcome: format!("prune: {}", finished.status()), faults })?;
            std::thread::sleep(PAUSE);
        }
        Ok(())
    }

    fn add(&self, point: Point) -> Result<(), SweepError> {
        self.report.lock().unwrap_or_else(std::sync::PoisonError::into_inner).add(point)
    }
}
