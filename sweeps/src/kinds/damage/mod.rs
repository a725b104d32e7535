//! `damage`: every kind of file and directory of a store is damaged in every way.
//!
//! As specified: every command gives the right result or a message, in limited time; nothing outside of the store
//! changes, wherever a symlink leads; `check --repair` heals, so that the same build succeeds afterwards, if need be
//! after the lost base image was imported again.

mod canary;
mod files;
mod harm;

use std::path::{Path, PathBuf};
use std::time::Duration;

use crate::error::SweepError;
use crate::judge;
use crate::leftovers;
use crate::process::{Call, Finished};
use crate::report::{Fault, Point, Report};
use crate::world::World;

use self::canary::Canary;
use self::harm::Harm;
use super::Plan;

/// Time after which a command on a damaged store hangs.
const MAX_WAIT: Duration = Duration::from_secs(20);

/// Program of a container that reads every file of the image.
const READ_ALL: &str = "cat /bin/busybox /etc/passwd /n /all /sum /m/* | sha256sum";

/// A file or directory, and its damage.
#[derive(Debug, Clone)]
struct Case {
    kind: String,
    harm: Harm,
    /// Paths of this kind, relative to the store.
    paths: Vec<PathBuf>,
}

/// Store to damage, and the results that it has to give.
struct Subject<'a> {
    world: &'a World,
    /// Undamaged store: two images and a container.
    sound: PathBuf,
    /// Output of [`READ_ALL`].
    output: String,
    canary: Canary,
}

/// Damages a random file of each kind in each way, in random order.
pub fn sweep(world: &World, plan: &mut Plan, report: &mut Report) -> Result<(), SweepError> {
    let subject = Subject::create(world)?;
    report.add(subject.repair_exists()?)?;
    let mut cases = cases(&files::kinds(&subject.sound)?);
    for last in (1..cases.len()).rev() {
        cases.swap(last, plan.random.below(last + 1));
    }
    let mut done = 0;
    for case in cases.iter().cycle() {
        if done == plan.points {
            break;
        }
        let path = plan.random.choose(&case.paths).clone();
        let store = world.copy_of(&subject.sound, "store")?;
        let full = store.join(&path);
        let other = subject.sound.join(plan.random.choose(&case.paths));
        let target = subject.canary.target(full.is_dir());
        if harm::harm(case.harm, &full, &target, &other, &mut plan.random)? {
            report.add(subject.point(&store, case, &path)?)?;
            done += 1;
        }
    }
    Ok(())
}

/// Returns every kind with every damage.
fn cases(kinds: &files::Kinds) -> Vec<Case> {
    let each = |(kind, paths): (&String, &Vec<PathBuf>)| {
        let harms: &[Harm] = if kind.ends_with('/') { &harm::DIRECTORY_HARMS } else { &harm::FILE_HARMS };
        let case = |harm: &Harm| Case { kind: kind.clone(), harm: *harm, paths: paths.clone() };
        harms.iter().map(case).collect::<Vec<_>>()
    };
    kinds.iter().flat_map(each).collect()
}

impl<'a> Subject<'a> {
    fn create(world: &'a World) -> Result<Self, SweepError> {
        let sound = world.copy_of(&world.built, "sound")?;
        world.call(&sound, ["run", "--name", "stopped", "image", "sh", "-c", "echo a"]).expect_success()?;
        let canary = Canary::create(&world.dir.join("canary"))?;
        let mut subject = Self { world, sound, output: String::new(), canary };
        subject.output = subject.run(&subject.sound).expect_success()?;
        Ok(subject)
    }

    fn repair_exists(&self) -> Result<Point, SweepError> {
        let help = self.world.call(&self.sound, ["check", "--help"]).expect_success()?;
        let faults = if help.contains("--repair") {
            Vec::new()
        } else {
            vec![Fault::new("check has no --repair", "the store is healed by import and build alone")]
        };
        Ok(Point { name: "check --help".to_owned(), outcome: "help".to_owned(), faults })
    }

    fn point(&self, store: &Path, case: &Case, path: &Path) -> Result<Point, SweepError> {
        let mut faults = Vec::new();
        let mut failures = 0;
        for round in 0..2 {
            failures += self.exercise(store, &mut faults)?;
            // A second round shows results of what the first has written, unless the first waits for a FIFO.
            if round == 0 && faults.iter().any(|fault| fault.rule == "a command hangs") {
                break;
            }
        }
        faults.extend(self.canary.check());
        faults.extend(self.heal(store)?);
        faults.extend(self.canary.check());
        faults.extend(leftovers::check(store));
        let result = if failures == 0 { "no failure" } else { "failures with messages" };
        let outcome = format!("{:?}: {result}", case.harm);
        Ok(Point { name: format!("{:?} of {} ({})", case.harm, case.kind, path.display()), outcome, faults })
    }

    fn run(&self, store: &Path) -> Call {
        self.world.call(store, ["run", "--rm", "image", "sh", "-c", READ_ALL]).limit(MAX_WAIT)
    }

    fn build(&self, store: &Path, variant: usize) -> Call {
        self.world.build(store, variant).limit(MAX_WAIT)
    }

    /// Runs every kind of command, and returns the number of those that failed.
    fn exercise(&self, store: &Path, faults: &mut Vec<Fault>) -> Result<usize, SweepError> {
        let archive = self.world.dir.join("damaged.oci.tar");
        let mut results: Vec<Finished> = Vec::new();
        for args in [&["images"][..], &["ps", "-a"], &["check", "--read-data"], &["du"]] {
            results.push(self.world.call(store, args.iter().copied()).limit(MAX_WAIT).run()?);
            faults.extend(judge::check(&results[results.len() - 1]));
        }
        // Variant 0 is cached; the other one runs its steps on top of the damaged base.
        for variant in [2, 0] {
            let built = self.build(store, variant).run()?;
            faults.extend(judge::check_build(&built, &self.world.digests[variant]));
            results.push(built);
        }
        let exported = self.world.export(store, 0, &archive).limit(MAX_WAIT).run()?;
        faults.extend(judge::check(&exported));
        faults.extend(self.check_archive(&archive, &exported));
        results.push(exported);
        if results[results.len() - 2].code == Some(0) {
            let run = self.run(store).run()?;
            faults.extend(judge::check(&run));
            if run.code == Some(0) && run.stdout != self.output {
                faults.push(Fault::new("a container reads wrong bytes", run.stdout.clone()));
            }
            results.push(run);
        }
        Ok(results.iter().filter(|result| result.code != Some(0)).count())
    }

    fn check_archive(&self, archive: &Path, exported: &Finished) -> Option<Fault> {
        let hash = crate::world::hash(archive).ok();
        // The next export must not find this archive.
        let _ = std::fs::remove_file(archive);
        let is_right = hash.as_deref() == Some(self.world.archives[0].as_str());
        let is_wrong = if exported.code == Some(0) { !is_right } else { hash.is_some() && !is_right };
        is_wrong.then(|| Fault::new("an export has wrong bytes", format!("{hash:?}")))
    }

    /// Repairs the store, and checks that everything works again. Only a lost base image has to be imported again.
    fn heal(&self, store: &Path) -> Result<Vec<Fault>, SweepError> {
        let mut faults = Vec::new();
        // A version without --repair fails here; the point of its own has reported that.
        let repaired = self.world.call(store, ["check", "--repair"]).limit(MAX_WAIT).run()?;
        if !repaired.stderr.contains("unexpected argument") {
            faults.extend(judge::check(&repaired));
        }
        if self.build(store, 0).run()?.code != Some(0) || self.build(store, 2).run()?.code != Some(0) {
            faults.extend(judge::check_code(&self.world.import(store).run()?, "the import does not heal"));
        }
        for variant in [2, 0] {
            let built = self.build(store, variant).run()?;
            let digest = &self.world.digests[variant];
            faults.extend(judge::check_success(&built, digest, "the build fails after repair and import"));
        }
        let run = self.run(store).run()?;
        faults.extend(judge::check_code(&run, "the image does not run after repair and import"));
        let checked = self.world.call(store, ["check", "--read-data"]).limit(MAX_WAIT).run()?;
        faults.extend(judge::check_code(&checked, "the store is not sound after repair and import"));
        Ok(faults)
    }
}
