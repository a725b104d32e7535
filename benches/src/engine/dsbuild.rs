//! dsbuild itself, with a store of its own.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use super::{Bases, Engine, Kit, OURS, Site, Trouble};
use crate::workload::{Act, Base, Build, Dest};

/// The dsbuild under test.
#[derive(Debug)]
pub struct Dsbuild {
    kit: Kit,
    program: PathBuf,
    store: PathBuf,
    version: String,
    can_push: bool,
}

impl Dsbuild {
    /// Wraps `program`. Fails if it does not exist or does not run.
    pub fn new(kit: Kit, program: PathBuf) -> Result<Self, Trouble> {
        if !program.is_file() {
            return Err(Trouble::NotHere(format!("{}: `cargo xtask dist` makes it", program.display())));
        }
        let store = kit.dir.join("dsbuild");
        let version = kit.meter.output(Command::new(&program).arg("--version"))?.trim().to_owned();
        let help = kit.meter.output(Command::new(&program).args(["build", "--help"]))?;
        Ok(Self { kit, program, store, version, can_push: help.contains("--push") })
    }

    fn command(&self, subcommand: &str) -> Command {
        let mut command = Command::new(&self.program);
        command.env("DSBUILD_ROOT", &self.store).arg(subcommand);
        command
    }

    fn build(&self, build: &Build, site: &Site<'_>) -> Result<Command, Trouble> {
        let mut command = self.command("build");
        if build.network {
            command.args(["--network", "host", "--allow", "network.host"]);
        } else {
            command.args(["--network", "none"]);
        }
        match build.dest {
            Dest::Store => {}
            Dest::Layout(compression) => {
                let dest = site.output(OURS);
                let output =
                    format!("type=oci,tar=false,compression={},dest={}", compression.name(), dest.display());
                command.args(["--output", "type=image", "--output", &output]);
            }
            Dest::Registry if self.can_push => drop(command.arg("--push")),
            Dest::Registry => return Err(Trouble::NotSupported("this dsbuild does not push")),
        }
        command.args(site.build_arguments(build));
        Ok(command)
    }

    /// Writes the image of a Dockerfile as a docker archive, which all tools use as a base image.
    pub fn archive(&self, context: &Path, tag: &str, dest: &Path) -> Result<(), Trouble> {
        let mut command = self.command("build");
        command
            .args(["--tag", tag, "--output", &format!("type=docker,dest={}", dest.display())])
            .arg(context);
        self.kit.meter.run(&command)?;
        Ok(())
    }
}

impl Engine for Dsbuild {
    fn name(&self) -> &'static str {
        OURS
    }

    fn version(&self) -> String {
        self.version.clone()
    }

    fn reset(&mut self, bases: &[Base]) -> Result<(), Trouble> {
        if self.store.exists() {
            fs::remove_dir_all(&self.store).map_err(Trouble::io("remove dsbuild's store"))?;
        }
        for &base in bases {
            let mut command = self.command("import");
            self.kit
                .meter
                .run(command.args(["--tag", Bases::tag(base)]).arg(self.kit.bases.archive(base)))?;
        }
        Ok(())
    }

    fn commands(&self, act: &Act, site: &Site<'_>) -> Result<Vec<Command>, Trouble> {
        match act {
            Act::Build(build) => Ok(vec![self.build(build, site)?]),
            Act::Run { tag, command } => {
                let mut run = self.command("run");
                run.args(["--rm", "--network", "none", &site.tag(tag)]).args(*command);
                Ok(vec![run])
            }
        }
    }

    fn read(&self, site: &Site<'_>, tag: &str, path: &str) -> Result<Command, Trouble> {
        let mut run = self.command("run");
        run.args(["--rm", "--network", "none", "--entrypoint", "cat", &site.tag(tag), path]);
        Ok(run)
    }
}
