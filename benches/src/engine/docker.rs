//! Docker: a daemon of our own, or one that runs already.
//!
//! Debian's client has a BuildKit mode built in; newer clients leave it to a plugin, buildx. So every client of this
//! machine is tried, and the first that builds with BuildKit is used; if none does, the first that builds at all.

use std::cell::Cell;
use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use super::{Daemon, Engine, Kit, Site, Trouble, command};
use crate::isolate::CGROUP;
use crate::memory;
use crate::workload::{Act, BUSYBOX, Base, Build, Compression, Dest};

/// Longest time that a daemon gets to start.
const START_LIMIT: Duration = Duration::from_secs(60);

/// Docker, with BuildKit where the client has it.
#[derive(Debug)]
pub struct Docker {
    kit: Kit,
    client: PathBuf,
    host: String,
    with_buildkit: bool,
    version: String,
    /// The daemon that we started; `None` for somebody else's, of which we remove only what these benchmarks made.
    own: Option<Dockerd>,
}

impl Docker {
    /// Starts a daemon of our own.
    pub fn start(kit: Kit) -> Result<Self, Trouble> {
        if !nix::unistd::geteuid().is_root() {
            return Err(Trouble::NotHere("dockerd needs root".to_owned()));
        }
        let dockerd = Dockerd::start(&kit)?;
        Self::at(kit, dockerd.host(), Some(dockerd))
    }

    /// Connects to a daemon that runs already.
    pub fn given(kit: Kit, host: String) -> Result<Self, Trouble> {
        Self::at(kit, host, None)
    }

    fn at(kit: Kit, host: String, own: Option<Dockerd>) -> Result<Self, Trouble> {
        let clients = kit.programs("docker");
        let first = clients.first().ok_or_else(|| Trouble::NotHere("docker is not installed".to_owned()))?;
        let mut found =
            Self { client: first.clone(), kit, host, with_buildkit: true, version: String::new(), own };
        found.load(&[Base::Busybox])?;
        found.choose_client(&clients)?;
        let format = "{{.Client.Version}}, server {{.Server.Version}}";
        let version = found.kit.meter.output(&found.command(["version", "--format", format]))?;
        let builder = if found.with_buildkit { "BuildKit" } else { "its old builder" };
        found.version = format!("Docker client {} with {builder}", version.trim());
        Ok(found)
    }

    fn choose_client(&mut self, clients: &[PathBuf]) -> Result<(), Trouble> {
        let probe = self.kit.folder("docker-probe")?;
        let text = format!("FROM {BUSYBOX}\nRUN true\n");
        fs::write(probe.join("Dockerfile"), text).map_err(Trouble::io("write a Dockerfile"))?;
        let mut last = None;
        for with_buildkit in [true, false] {
            for client in clients {
                self.client.clone_from(client);
                self.with_buildkit = with_buildkit;
                let mut build = self.command(["build", "--network", "none", "--tag", "dsbench/probe"]);
                match self.kit.meter.run(build.arg(&probe)) {
                    Ok(_) => return Ok(()),
                    Err(error) => last = Some(error),
                }
            }
        }
        last.map_or(Ok(()), |error| Err(error.into()))
    }

    fn command<'a>(&self, arguments: impl IntoIterator<Item = &'a str>) -> Command {
        let mut command = command(&self.client, arguments);
        command.env("DOCKER_HOST", &self.host).env_remove("DOCKER_CONTEXT");
        command.env("DOCKER_BUILDKIT", if self.with_buildkit { "1" } else { "0" });
        command
    }

    fn load(&self, bases: &[Base]) -> Result<(), Trouble> {
        for &base in bases {
            let mut load = self.command(["load", "--quiet", "--input"]);
            self.kit.meter.run(load.arg(self.kit.bases.archive(base)))?;
        }
        Ok(())
    }

    fn build(&self, build: &Build, site: &Site<'_>) -> Command {
        let network = if build.network { "host" } else { "none" };
        let mut command = self.command(["build", "--network", network]);
        if site.no_cache && self.own.is_none() {
            command.arg("--no-cache");
        }
        command.args(site.build_arguments(build));
        command
    }

    fn deliver(&self, build: &Build, site: &Site<'_>) -> Result<Option<Command>, Trouble> {
        let tag = site.tag(build.tag);
        match build.dest {
            Dest::Store => Ok(None),
            Dest::Layout(Compression::None) => {
                let mut save = self.command(["save", "--output"]);
                save.arg(site.output("docker")).arg(tag);
                Ok(Some(save))
            }
            Dest::Layout(_) => Err(Trouble::NotSupported("docker save does not compress")),
            Dest::Registry => Ok(Some(self.command(["push", "--quiet", &tag]))),
        }
    }

    /// Removes only the images that these benchmarks have made.
    fn remove_own_images(&self) -> Result<(), Trouble> {
        let list = self.command(["image", "ls", "--format", "{{.Repository}}:{{.Tag}}"]);
        let images = self.kit.meter.output(&list)?;
        let ours = |image: &&str| image.starts_with("dsbench/") || image.contains("/pushed:");
        for image in images.lines().filter(ours) {
            self.kit.meter.run(&self.command(["image", "rm", "--force", image]))?;
        }
        Ok(())
    }
}

impl Engine for Docker {
    fn name(&self) -> &'static str {
        "docker"
    }

    fn version(&self) -> String {
        self.version.clone()
    }

    fn memory(&self) -> &'static str {
        "dockerd and containerd, over what they take when idle"
    }

    fn reset(&mut self, bases: &[Base]) -> Result<(), Trouble> {
        match &mut self.own {
            Some(dockerd) => {
                dockerd.ensure_up(&self.kit)?;
                self.kit.meter.run(&self.command(["system", "prune", "--all", "--force", "--volumes"]))?;
                self.kit.meter.run(&self.command(["builder", "prune", "--all", "--force"]))?;
            }
            None => self.remove_own_images()?,
        }
        self.load(bases)
    }

    fn commands(&self, act: &Act, site: &Site<'_>) -> Result<Vec<Command>, Trouble> {
        match act {
            Act::Build(build) => {
                Ok([self.build(build, site)].into_iter().chain(self.deliver(build, site)?).collect())
            }
            Act::Run { tag, command } => {
                let mut run = self.command(["run", "--rm", "--network", "none", &site.tag(tag)]);
                run.args(*command);
                Ok(vec![run])
            }
        }
    }

    fn read(&self, site: &Site<'_>, tag: &str, path: &str) -> Result<Command, Trouble> {
        let image = site.tag(tag);
        Ok(self.command(["run", "--rm", "--network", "none", "--entrypoint", "cat", &image, path]))
    }

    fn daemon(&self) -> Option<&dyn Daemon> {
        self.own.as_ref().map(|dockerd| dockerd as &dyn Daemon)
    }
}

/// A daemon of our own. It lives in our namespaces, and ends with them if not before.
#[derive(Debug)]
struct Dockerd {
    process: Child,
    dir: PathBuf,
    idle_bytes: Cell<u64>,
}

impl Dockerd {
    fn start(kit: &Kit) -> Result<Self, Trouble> {
        let program = kit.program("dockerd")?;
        let dir = kit.folder("docker")?;
        let process = Self::spawn(&program, &dir)?;
        let started = Self { process, dir, idle_bytes: Cell::new(0) };
        started.up(kit)
    }

    fn spawn(program: &Path, dir: &Path) -> Result<Child, Trouble> {
        let at = |name: &str| dir.join(name).display().to_string();
        fs::write(at("daemon.json"), "{}").map_err(Trouble::io("write daemon.json"))?;
        let log = File::create(at("log")).map_err(Trouble::io("write dockerd's log"))?;
        let mut command = Command::new(program);
        command
            .args(["--bridge=none", "--iptables=false", "--ip6tables=false", "--ip-forward=false"])
            .args(["--exec-opt=native.cgroupdriver=cgroupfs", "--cgroup-parent", CGROUP])
            .args(["--host", &host(dir), "--config-file", &at("daemon.json"), "--data-root", &at("data")])
            .args(["--exec-root", &at("exec"), "--pidfile", &at("pid")])
            // dockerd looks for containerd and runc in PATH.
            .env("PATH", "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin")
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(log);
        command.spawn().map_err(Trouble::io("start dockerd"))
    }

    fn host(&self) -> String {
        host(&self.dir)
    }

    /// Waits until the daemon answers, or until [`START_LIMIT`] has passed.
    fn up(mut self, kit: &Kit) -> Result<Self, Trouble> {
        self.wait(kit)?;
        Ok(self)
    }

    fn wait(&mut self, kit: &Kit) -> Result<(), Trouble> {
        let client = kit.program("docker")?;
        let deadline = Instant::now() + START_LIMIT;
        let mut ask = command(&client, ["version"]);
        ask.env("DOCKER_HOST", self.host());
        while kit.meter.run(&ask).is_err() {
            let has_ended = self.process.try_wait().map_err(Trouble::io("wait for dockerd"))?.is_some();
            if has_ended || Instant::now() > deadline {
                let log = fs::read_to_string(self.dir.join("log")).unwrap_or_default();
                let last = log.lines().last().unwrap_or_default();
                return Err(Trouble::NotHere(format!("dockerd does not start here: {last}")));
            }
            std::thread::sleep(Duration::from_millis(100));
        }
        self.idle_bytes.set(memory::resident_bytes(&self.pids()));
        Ok(())
    }

    /// Starts the daemon again if it has died.
    fn ensure_up(&mut self, kit: &Kit) -> Result<(), Trouble> {
        if self.process.try_wait().map_err(Trouble::io("wait for dockerd"))?.is_some() {
            self.process = Self::spawn(&kit.program("dockerd")?, &self.dir)?;
            self.wait(kit)?;
        }
        Ok(())
    }

    /// dockerd and its containerd; shims and containers are children of others.
    fn pids(&self) -> Vec<u32> {
        let own = self.process.id();
        std::iter::once(own).chain(memory::children(own)).collect()
    }
}

fn host(dir: &Path) -> String {
    format!("unix://{}", dir.join("socket").display())
}

impl Daemon for Dockerd {
    fn begin(&self) {
        memory::forget_peak(&self.pids());
    }

    fn grown_bytes(&self) -> u64 {
        memory::peak_bytes(&self.pids()).saturating_sub(self.idle_bytes.get())
    }
}

impl Drop for Dockerd {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}
