//! `power`: the power fails at a random moment, or at once after a command has succeeded.
//!
//! The volume is shut down as by the ioctl `EXT4_IOC_SHUTDOWN` without a flush of the journal: everything that was not
//! synced is lost, as after a power cut on a disk that keeps what it has acknowledged. As specified: the store opens and
//! is sound, the same build gives the right digest, and everything that a command with exit 0 has written is complete:
//! archives, local directories, `--iidfile` and `--metadata-file`.

use std::fs;
use std::io::{Read as _, Write as _};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use crate::error::SweepError;
use crate::judge;
use crate::leftovers;
use crate::process::Call;
use crate::report::{Fault, Point, Report};
use crate::volume::Volume;
use crate::world::{World, hash, program};

use super::Plan;

/// Size of the volume.
const VOLUME_MIB: u64 = 96;

/// Number of inodes of the volume.
const INODES: u32 = 4096;

/// Shuts the file system of a directory down as soon as a byte arrives. The program has started by then, so that the
/// moment is exact; the sweep itself has no unsafe code, which an ioctl needs.
const CUT_PROGRAM: &str = "import fcntl, os, struct, sys
volume = os.open(sys.argv[1], os.O_RDONLY)
sys.stdout.write('.')
sys.stdout.flush()
sys.stdin.read(1)
fcntl.ioctl(volume, 0x8004587d, struct.pack('I', 2))
";

/// Variant of the image that all steps build.
const VARIANT: usize = 1;

/// Commands that run one after the other until the power fails.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Step {
    Build,
    OciArchive,
    DockerArchive,
    LocalDirectory,
    Prune,
    OtherBuild,
}

const STEPS: [Step; 6] =
    [Step::Build, Step::OciArchive, Step::DockerArchive, Step::LocalDirectory, Step::Prune, Step::OtherBuild];

/// Volume on which the steps run, and the results that they have to give.
struct Subject<'a> {
    world: &'a World,
    volume: Volume,
    /// Copy of the unmounted volume, with the base image in its store.
    clean: PathBuf,
    /// SHA-256 of the docker archive.
    docker_hash: String,
    /// Local directory that the export gives.
    local: PathBuf,
    /// Usual time of the steps.
    elapsed: Vec<Duration>,
}

/// Cuts the power in the middle of a step or right after it.
pub fn sweep(world: &World, plan: &mut Plan, report: &mut Report) -> Result<(), SweepError> {
    let subject = Subject::create(world)?;
    for number in 0..plan.points {
        let last = plan.random.below(STEPS.len());
        let delay = plan.random.up_to(subject.elapsed[last]);
        // Half of the cuts follow a success at once: these show whether it was durable.
        let moment = if number % 2 == 0 { None } else { Some(delay) };
        report.add(subject.point(last, moment)?)?;
    }
    Ok(())
}

impl<'a> Subject<'a> {
    fn create(world: &'a World) -> Result<Self, SweepError> {
        let volume = Volume::create(&world.dir, VOLUME_MIB, INODES)?;
        crate::world::copy_store(&world.template, &volume.root.join("store"))?;
        volume.unmount()?;
        let clean = world.dir.join("clean.img");
        let (docker_hash, local, elapsed) = (String::new(), world.dir.join("local"), Vec::new());
        let mut subject = Self { world, volume, clean, docker_hash, local, elapsed };
        subject.copy(subject.volume.image(), &subject.clean)?;
        subject.volume.mount()?;
        for step in STEPS {
            let start = Instant::now();
            subject.call(step).expect_success()?;
            subject.elapsed.push(start.elapsed());
        }
        subject.docker_hash = hash(&subject.path("docker.tar"))?;
        program(
            "cp",
            &["-a", &subject.path("local").display().to_string(), &subject.local.display().to_string()],
        )?;
        subject.volume.unmount()?;
        Ok(subject)
    }

    fn copy(&self, from: &Path, to: &Path) -> Result<(), SweepError> {
        program("cp", &["--sparse=always", &from.display().to_string(), &to.display().to_string()])
    }

    /// Path of a file on the volume.
    fn path(&self, name: &str) -> PathBuf {
        self.volume.root.join(name)
    }

    fn call(&self, step: Step) -> Call {
        let store = self.path("store");
        let output = |kind: &str, name: &str| format!("type={kind},dest={}", self.path(name).display());
        let build = |variant, flags: &[&str]| self.world.build_with(&store, variant, flags.iter().copied());
        let (id, metadata) =
            (self.path("id").display().to_string(), self.path("metadata").display().to_string());
        match step {
            Step::Build => build(VARIANT, &["-t", "image", "--iidfile", &id, "--metadata-file", &metadata]),
            Step::OciArchive => build(VARIANT, &["-o", &output("oci", "oci.tar")]),
            Step::DockerArchive => build(VARIANT, &["-o", &output("docker", "docker.tar")]),
            Step::LocalDirectory => build(VARIANT, &["-o", &output("local", "local")]),
            Step::Prune => self.world.call(&store, ["prune", "-a"]),
            Step::OtherBuild => build(0, &["-t", "other"]),
        }
    }

    /// Runs the steps up to `last`, and cuts the power during the last step, or after it if `moment` is `None`.
    fn point(&self, last: usize, moment: Option<Duration>) -> Result<Point, SweepError> {
        self.copy(&self.clean, self.volume.image())?;
        self.volume.mount()?;
        let cut = Cut::prepare(&self.volume.root)?;
        let done = self.run_and_cut(cut, last, moment)?;
        let mut faults = leftovers::check(&self.path("store"));
        self.volume.unmount()?;
        self.volume.mount()?;
        for step in &STEPS[..done] {
            faults.extend(self.check_result(*step)?);
        }
        faults.extend(self.check_store()?);
        faults.extend(leftovers::check(&self.path("store")));
        self.volume.unmount()?;
        let when = if moment.is_none() { "after" } else { "during" };
        let delay = moment.map(|moment| format!(" at {} ms", moment.as_millis())).unwrap_or_default();
        Ok(Point {
            name: format!("{when} {:?}{delay}, {done} steps done", STEPS[last]),
            outcome: format!("cut {when} {:?}", STEPS[last]),
            faults,
        })
    }

    /// Returns the number of steps that ended with exit 0 before the cut.
    fn run_and_cut(&self, cut: Cut, last: usize, moment: Option<Duration>) -> Result<usize, SweepError> {
        for step in &STEPS[..last] {
            self.call(*step).expect_success()?;
        }
        let mut running = self.call(STEPS[last]).start()?;
        let mut is_done = false;
        match moment {
            None => {
                is_done = running.wait()?.code == Some(0);
                cut.now()?;
            }
            Some(delay) => {
                std::thread::sleep(delay);
                let has_ended = running.has_ended();
                cut.now()?;
                running.kill_group();
                is_done |= has_ended && running.wait()?.code == Some(0);
            }
        }
        Ok(last + usize::from(is_done))
    }

    /// Checks what a step has written before the cut.
    fn check_result(&self, step: Step) -> Result<Vec<Fault>, SweepError> {
        let expected = &self.world.digests[VARIANT];
        let faults = match step {
            Step::Build => {
                let named = self.check_image("image", expected)?;
                let id = self.check_text("id", expected, "--iidfile is lost after exit 0");
                let metadata = self.check_metadata(expected);
                named.into_iter().chain(id).chain(metadata).collect()
            }
            Step::OciArchive => self.check_archive("oci.tar", &self.world.archives[VARIANT]),
            Step::DockerArchive => self.check_archive("docker.tar", &self.docker_hash),
            Step::LocalDirectory => self.check_local(),
            Step::OtherBuild => self.check_image("other", &self.world.digests[0])?,
            Step::Prune => Vec::new(),
        };
        Ok(faults)
    }

    fn check_image(&self, name: &str, expected: &str) -> Result<Vec<Fault>, SweepError> {
        let listed = self.world.call(&self.path("store"), ["images"]).run()?;
        let id = &expected["sha256:".len()..][..12];
        let is_listed = listed.stdout.lines().any(|line| line.starts_with(name) && line.contains(id));
        let lost = || Fault::new("an image is lost after exit 0", format!("{name} {}", listed.stdout));
        Ok((!is_listed).then(lost).into_iter().collect())
    }

    fn check_text(&self, name: &str, expected: &str, rule: &'static str) -> Option<Fault> {
        let text = fs::read_to_string(self.path(name)).unwrap_or_else(|error| error.to_string());
        (text.trim() != expected).then(|| Fault::new(rule, format!("{text:?}")))
    }

    fn check_metadata(&self, expected: &str) -> Option<Fault> {
        let text = fs::read_to_string(self.path("metadata")).unwrap_or_else(|error| error.to_string());
        let is_whole =
            serde_json::from_str::<serde_json::Value>(&text).is_ok_and(|document| document.is_object());
        let is_right = is_whole && text.contains(expected);
        (!is_right).then(|| Fault::new("--metadata-file is lost after exit 0", format!("{text:?}")))
    }

    fn check_archive(&self, name: &str, expected: &str) -> Vec<Fault> {
        let found = hash(&self.path(name)).unwrap_or_else(|error| error.to_string());
        let length = fs::metadata(self.path(name)).map_or(0, |found| found.len());
        let lost =
            || Fault::new("an archive is lost after exit 0", format!("{name}: {length} bytes, {found}"));
        (found != expected).then(lost).into_iter().collect()
    }

    fn check_local(&self) -> Vec<Fault> {
        let (found, expected) = (self.path("local").display().to_string(), self.local.display().to_string());
        let compared = program("diff", &["-r", "--no-dereference", &expected, &found]);
        let lost =
            |error: SweepError| Fault::new("a local directory is lost after exit 0", error.to_string());
        compared.err().map(lost).into_iter().collect()
    }

    /// Checks that the store opens, is sound, and builds.
    fn check_store(&self) -> Result<Vec<Fault>, SweepError> {
        let store = self.path("store");
        let mut faults = Vec::new();
        for args in [&["images"][..], &["check", "--read-data"]] {
            let finished = self.world.call(&store, args.iter().copied()).run()?;
            faults.extend(judge::check_code(&finished, "the store is not sound after the power cut"));
        }
        let built = self.world.build(&store, VARIANT).run()?;
        let expected = &self.world.digests[VARIANT];
        faults.extend(judge::check_success(&built, expected, "the build fails after the power cut"));
        let checked = self.world.call(&store, ["check", "--read-data"]).run()?;
        faults.extend(judge::check_code(&checked, "the store is not sound after the next build"));
        faults.extend(leftovers::check_temporary(&store));
        Ok(faults)
    }
}

/// Program that waits for the moment of the power cut.
struct Cut(Child);

impl Cut {
    /// Starts the program, and waits until it is ready.
    fn prepare(volume: &Path) -> Result<Self, SweepError> {
        let mut child = Command::new("python3")
            .args(["-c", CUT_PROGRAM])
            .arg(volume)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .map_err(|_| SweepError::MissingProgram("python3"))?;
        let mut ready = [0];
        let output = child.stdout.as_mut().map(|output| output.read_exact(&mut ready));
        output.unwrap_or(Ok(())).map_err(SweepError::at(volume))?;
        Ok(Self(child))
    }

    /// Cuts the power, and returns when the file system is down.
    fn now(mut self) -> Result<(), SweepError> {
        let at = || SweepError::at(Path::new("EXT4_IOC_SHUTDOWN"));
        if let Some(mut input) = self.0.stdin.take() {
            input.write_all(b".").map_err(at())?;
        }
        let status = self.0.wait().map_err(at())?;
        if status.success() { Ok(()) } else { Err(at()(std::io::Error::other(status.to_string()))) }
    }
}
