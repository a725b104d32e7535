//! buildah, with storage of its own that is reset before cold runs.

use std::path::{Path, PathBuf};
use std::process::Command;

use super::{Engine, Kit, Site, Trouble, command};
use crate::workload::{Act, BUSYBOX, Base, Build, Compression, Dest};

/// Flags with which buildah runs a RUN, the best first: not every runtime works with every machine's cgroups.
const WAYS: [&[&str]; 3] =
    [&["--isolation", "oci"], &["--isolation", "oci", "--runtime", "runc"], &["--isolation", "chroot"]];

/// The buildah of this machine.
#[derive(Debug)]
pub struct Buildah {
    kit: Kit,
    program: PathBuf,
    dir: PathBuf,
    version: String,
    way: &'static [&'static str],
}

impl Buildah {
    /// Finds the buildah of this machine. Fails if it cannot build here at all.
    pub fn find(kit: Kit) -> Result<Self, Trouble> {
        let program = kit.program("buildah")?;
        let dir = kit.folder("buildah")?;
        let version = kit.meter.output(Command::new(&program).arg("--version"))?.trim().to_owned();
        let mut found = Self { kit, program, dir, version, way: WAYS[0] };
        found.reset(&[Base::Busybox])?;
        found.choose_way()?;
        Ok(found)
    }

    /// Tries a RUN with each set of flags, and keeps the first that works.
    fn choose_way(&mut self) -> Result<(), Trouble> {
        let probe = self.kit.folder("buildah-probe")?;
        let text = format!("FROM {BUSYBOX}\nRUN true\n");
        std::fs::write(probe.join("Dockerfile"), text).map_err(Trouble::io("write a Dockerfile"))?;
        let site = Site { dir: &self.kit.dir, registry: "", no_cache: false };
        let mut last = None;
        for way in WAYS {
            let build = Build {
                context: "buildah-probe",
                dockerfile: "Dockerfile",
                tag: "dsbench/probe",
                from_registry: false,
                network: false,
                dest: Dest::Store,
            };
            self.way = way;
            match self.kit.meter.run(&self.build(&build, &site)) {
                Ok(_) => return Ok(()),
                Err(error) => last = Some(error),
            }
        }
        last.map_or(Ok(()), |error| Err(error.into()))
    }

    fn command<'a>(&self, arguments: impl IntoIterator<Item = &'a str>) -> Command {
        let mut command = command(&self.program, self.storage());
        command.args(arguments);
        command
    }

    fn storage(&self) -> Vec<String> {
        let at = |name: &str| self.dir.join(name).display().to_string();
        ["--storage-driver", "overlay", "--root", &at("root"), "--runroot", &at("run")]
            .map(ToOwned::to_owned)
            .to_vec()
    }

    fn build(&self, build: &Build, site: &Site<'_>) -> Command {
        // Without namespaces there is no network to leave out.
        let network = if build.network || self.way.contains(&"chroot") { "host" } else { "none" };
        let mut command = self.command(["bud", "--layers", "--tls-verify=false", "--network", network]);
        command.args(self.way).args(site.build_arguments(build));
        command
    }

    fn deliver(&self, build: &Build, site: &Site<'_>) -> Option<Command> {
        let mut command = self.command(["push", "--quiet"]);
        let tag = site.tag(build.tag);
        match build.dest {
            Dest::Store => return None,
            Dest::Layout(compression) => {
                match compression {
                    Compression::None => command.arg("--disable-compression"),
                    packed => command.args(["--compression-format", packed.name()]),
                };
                command.arg(&tag).arg(format!("oci:{}:latest", site.output("buildah").display()))
            }
            Dest::Registry => command.arg("--tls-verify=false").arg(&tag).arg(format!("docker://{tag}")),
        };
        Some(command)
    }

    /// Returns a shell command in which `b` calls buildah.
    fn script(&self, text: &str, arguments: &[&str]) -> Command {
        let storage = self.storage().join(" ");
        let text = format!("b() {{ {} {storage} \"$@\"; }}; {text}", self.program.display());
        let mut shell = command(Path::new("sh"), ["-euc", &text, "sh"]);
        shell.args(arguments);
        shell
    }
}

impl Engine for Buildah {
    fn name(&self) -> &'static str {
        "buildah"
    }

    fn version(&self) -> String {
        format!("{}, bud --layers {}", self.version, self.way.join(" "))
    }

    fn reset(&mut self, bases: &[Base]) -> Result<(), Trouble> {
        self.kit.meter.run(&self.command(["rm", "--all"]))?;
        self.kit.meter.run(&self.command(["rmi", "--all", "--force"]))?;
        for &base in bases {
            let archive = format!("docker-archive:{}", self.kit.bases.archive(base).display());
            self.kit.meter.run(&self.command(["pull", "--quiet", &archive]))?;
        }
        Ok(())
    }

    fn commands(&self, act: &Act, site: &Site<'_>) -> Result<Vec<Command>, Trouble> {
        match act {
            Act::Build(build) => {
                Ok([self.build(build, site)].into_iter().chain(self.deliver(build, site)).collect())
            }
            Act::Run { tag, command } => {
                let way = self.way.join(" ");
                let text = format!(
                    "c=$(b from --pull-never \"$1\"); shift; b run {way} \"$c\" -- \"$@\"; b rm \"$c\" > /dev/null"
                );
                let tag = site.tag(tag);
                Ok(vec![self.script(&text, &[&[tag.as_str()], *command].concat())])
            }
        }
    }

    fn read(&self, site: &Site<'_>, tag: &str, path: &str) -> Result<Command, Trouble> {
        let text = "c=$(b from --pull-never \"$1\"); cat \"$(b mount \"$c\")$2\"; b rm \"$c\" > /dev/null";
        Ok(self.script(text, &[&site.tag(tag), path]))
    }
}
