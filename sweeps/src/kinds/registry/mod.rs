//! `registry`: pulls from, and pushes to, a registry on the loopback that has one fault.
//!
//! As specified: within [`MAX_WAIT`] the build succeeds with the right digest, or fails with a message that names the
//! registry or the document. A transient fault that happens once fails no build. A build that failed leaves no name and no
//! pin. Afterwards the same build from the same registry without the fault succeeds, and the store is sound. A push with
//! exit 0 is complete, and one that failed has published nothing else. Ctrl-C ends each of them within [`MAX_INTERRUPT`].

mod contents;
mod faults;
mod image;
mod message;
mod server;
mod upload;

use std::fs;
use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use rustix::process::{Signal, kill_process};

use crate::error::SweepError;
use crate::judge;
use crate::leftovers;
use crate::process::{Call, Finished};
use crate::report::{Fault as Finding, Point, Report};
use crate::world::{World, remove};

use self::image::Image;
use self::message::Fault;
use self::server::Server;
use super::Plan;

/// Time after which a build that waits for a faulty registry hangs.
const MAX_WAIT: Duration = Duration::from_secs(120);

/// Longest time between Ctrl-C and the end of the program, on a machine that is busy with other points.
const MAX_INTERRUPT: Duration = Duration::from_secs(3);

/// Points that run at the same time: most of them wait.
const WORKERS: usize = 6;

/// Outcome that a fault has to have.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Expect {
    Success,
    Failure,
    /// The client can mend the fault or refuse the answer.
    Either,
}

/// A fault of the registry.
#[derive(Clone)]
struct Case {
    name: String,
    image: Image,
    fault: Option<Fault>,
    needs_token: bool,
    expect: Expect,
    is_slow: bool,
    /// The fault concerns a push; all others concern a pull.
    is_push: bool,
}

/// Everything that the workers share.
struct Shared<'a> {
    world: &'a World,
    /// Image without a fault.
    image: Image,
    /// Digest of the build on top of that image.
    digest: String,
    /// Digest of the manifest that a push publishes.
    published: String,
    cases: Vec<Case>,
    next: AtomicUsize,
    points: usize,
}

/// Pulls from registries with random faults.
pub fn sweep(world: &World, plan: &mut Plan, report: &mut Report) -> Result<(), SweepError> {
    let image = Image::export(world)?;
    let mut cases = faults::cases(&image, &mut plan.random);
    cases.extend(contents::cases(&image));
    cases.extend(faults::push_cases());
    cases.retain(|case| !(plan.is_short && case.is_slow));
    for last in (1..cases.len()).rev() {
        cases.swap(last, plan.random.below(last + 1));
    }
    let next = AtomicUsize::new(0);
    let (digest, published) = (String::new(), String::new());
    let mut shared = Shared { world, image, digest, published, cases, next, points: plan.points };
    shared.digest = shared.expected_digest()?;
    shared.published = shared.expected_manifest()?;
    let report = Mutex::new(report);
    let outcome: Result<(), SweepError> = std::thread::scope(|scope| {
        let (shared, report) = (&shared, &report);
        let workers: Vec<_> =
            (0..WORKERS).map(|worker| scope.spawn(move || shared.work(worker, report))).collect();
        workers
            .into_iter()
            .try_for_each(|worker| worker.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic)))
    });
    outcome?;
    let report = report.into_inner().unwrap_or_else(PoisonError::into_inner);
    let faults = leftovers::check(&world.dir.join("store"));
    report.add(Point { name: "after all pulls".to_owned(), outcome: "processes".to_owned(), faults })
}

impl Shared<'_> {
    /// Builds once from a registry without a fault.
    fn expected_digest(&self) -> Result<String, SweepError> {
        let server = Server::start(self.image.clone(), None, false)?;
        let dir = self.world.dir.join("expected");
        let output = self.build(&dir, &server)?.expect_success()?;
        Ok(judge::digest(&output).unwrap_or_default().to_owned())
    }

    /// Pushes once to a registry without a fault.
    fn expected_manifest(&self) -> Result<String, SweepError> {
        let server = Server::start(Image::default(), None, false)?;
        let store = self.world.copy_of(&self.world.built, "pushed")?;
        self.build_and_push(&store, &server).expect_success()?;
        Ok(image::digest(&server.image().manifest))
    }

    /// Runs cases until all points are done.
    fn work(&self, worker: usize, report: &Mutex<&mut Report>) -> Result<(), SweepError> {
        loop {
            let number = self.next.fetch_add(1, Ordering::SeqCst);
            if number >= self.points {
                return Ok(());
            }
            let dir = self.world.dir.join(format!("worker-{worker}"));
            let case = &self.cases[number % self.cases.len()];
            let point = if case.is_push { self.push(&dir, case)? } else { self.pull(&dir, case)? };
            report.lock().unwrap_or_else(PoisonError::into_inner).add(point)?;
        }
    }

    fn pull(&self, dir: &Path, case: &Case) -> Result<Point, SweepError> {
        remove(dir)?;
        let server = Server::start(case.image.clone(), case.fault.clone(), case.needs_token)?;
        let finished = self.build(dir, &server)?.limit(MAX_WAIT).run()?;
        // Documents that differ and are accepted give another image.
        let is_same = case.image.manifest == self.image.manifest;
        let mut faults = judge::check(&finished);
        if is_same {
            faults = judge::check_build(&finished, &self.digest);
        }
        faults.extend(check_outcome(case, &finished));
        faults.extend(check_traces(&dir.join("store"), &finished));
        let interrupted = dir.join("interrupted");
        let new = Server::start(case.image.clone(), case.fault.clone(), case.needs_token)?;
        faults.extend(check_interrupt(&self.build(&interrupted, &new)?, case)?);
        server.heal(self.image.clone());
        let again = self.build(dir, &server)?.args(["--pull"]).run()?;
        faults.extend(judge::check_success(&again, &self.digest, "the next pull fails"));
        let checked = self.world.call(&dir.join("store"), ["check", "--read-data"]).run()?;
        faults.extend(judge::check_code(&checked, "the store is not sound afterwards"));
        faults.extend(leftovers::check_temporary(&dir.join("store")));
        let outcome = format!("pull, expected {:?}: {}", case.expect, finished.status());
        Ok(Point { name: case.name.clone(), outcome, faults })
    }

    fn push(&self, dir: &Path, case: &Case) -> Result<Point, SweepError> {
        remove(dir)?;
        fs::create_dir_all(dir).map_err(SweepError::at(dir))?;
        let store = dir.join("store");
        crate::world::copy_store(&self.world.built, &store)?;
        let server = Server::start(case.image.clone(), case.fault.clone(), case.needs_token)?;
        let push = self.build_and_push(&store, &server);
        let finished = push.clone().limit(MAX_WAIT).run()?;
        let mut faults = judge::check(&finished);
        faults.extend(check_outcome(case, &finished));
        faults.extend(self.check_published(&server.image(), &finished));
        let new = Server::start(case.image.clone(), case.fault.clone(), case.needs_token)?;
        faults.extend(check_interrupt(&self.build_and_push(&store, &new), case)?);
        server.heal(server.image());
        let again = push.run()?;
        faults.extend(judge::check_code(&again, "the next push fails"));
        faults.extend(self.check_published(&server.image(), &again));
        let outcome = format!("push, expected {:?}: {}", case.expect, finished.status());
        Ok(Point { name: case.name.clone(), outcome, faults })
    }

    fn build_and_push(&self, store: &Path, server: &Server) -> Call {
        let name = format!("{}/image:1", server.host);
        self.world.build_with(store, 0, ["-t", name.as_str(), "--push"])
    }

    /// Checks that a push with exit 0 has published the image. The registry itself refuses a manifest without its blobs.
    fn check_published(&self, image: &Image, finished: &Finished) -> Option<Finding> {
        let published = image::digest(&image.manifest);
        let is_right = published == self.published;
        match finished.code {
            Some(0) if !is_right => Some(Finding::new("exit 0 without the published image", published)),
            Some(0) => None,
            // The answer to the last request can be lost after the registry has kept the image.
            _ if is_right || image.manifest.is_empty() => None,
            _ => Some(Finding::new("a push that failed has published something", published)),
        }
    }

    /// Prepares a build on top of the image of the registry, in a store of its own.
    fn build(&self, dir: &Path, server: &Server) -> Result<Call, SweepError> {
        fs::create_dir_all(dir).map_err(SweepError::at(dir))?;
        let dockerfile = dir.join("Dockerfile");
        let text = format!("FROM {}/image:1\nCOPY Dockerfile /copied\n", server.host);
        fs::write(&dockerfile, text).map_err(SweepError::at(&dockerfile))?;
        let file = dockerfile.display().to_string();
        let args = ["build", "-q", "-t", "image", "-f", &file];
        Ok(self.world.call(&dir.join("store"), args).args([&self.world.context]))
    }
}

/// Checks the exit code, and that a failure names the registry or a digest.
fn check_outcome(case: &Case, finished: &Finished) -> Vec<Finding> {
    let is_success = finished.code == Some(0);
    let mut faults = Vec::new();
    if is_success && case.expect == Expect::Failure {
        faults.push(Finding::new("a faulty answer is accepted", finished.stdout.trim()));
    }
    if !is_success && case.expect == Expect::Success {
        faults.push(Finding::new("a transient fault fails the build", finished.summary()));
    }
    let names_place = ["127.0.0.1", "sha256:"].iter().any(|word| finished.stderr.contains(word));
    if !is_success && !finished.is_timed_out && !names_place {
        faults.push(Finding::new("the message names no registry and no document", finished.summary()));
    }
    faults
}

/// Checks that a build that failed left neither its name nor a pin of the image that it could not get.
fn check_traces(store: &Path, finished: &Finished) -> Vec<Finding> {
    if finished.code == Some(0) {
        return Vec::new();
    }
    let mut faults = Vec::new();
    let pins = fs::read_dir(store.join("pins")).map_or(0, |entries| entries.filter_map(Result::ok).count());
    if pins > 0 {
        faults.push(Finding::new("a failed pull leaves a pin", pins.to_string()));
    }
    let names = fs::read_to_string(store.join("index.json")).unwrap_or_default();
    if names.contains("library/image:latest") {
        faults.push(Finding::new("a failed build has its name", finished.summary()));
    }
    faults
}

/// Interrupts a call after a part of a second; it has to end at once. A call that is over by then passes.
fn check_interrupt(call: &Call, case: &Case) -> Result<Option<Finding>, SweepError> {
    let mut running = call.clone().limit(MAX_WAIT).start()?;
    let spread = u64::try_from(case.name.len() % 8).unwrap_or_default();
    std::thread::sleep(Duration::from_millis(100 + 50 * spread));
    if running.has_ended() {
        return running.wait().map(|_| None);
    }
    let began = Instant::now();
    // The program can end by itself at this moment.
    let _ = kill_process(running.pid(), Signal::INT);
    let finished = running.wait()?;
    let took = began.elapsed();
    let is_late = took > MAX_INTERRUPT;
    Ok(is_late.then(|| Finding::new("Ctrl-C does not end it", format!("{took:?}: {}", finished.summary()))))
}
