//! A BuildKit that runs already, spoken to by `buildctl`.
//!
//! It belongs to somebody else: nothing of it is pruned, and cold builds use `--no-cache`. Base images are passed as OCI
//! layouts, which BuildKit reads since 0.11.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use super::{Bases, Engine, Kit, Site, Trouble, command};
use crate::workload::{Act, BIG, Base, Build, Dest};

/// A running BuildKit, driven by `buildctl`.
#[derive(Debug)]
pub struct Buildctl {
    kit: Kit,
    program: PathBuf,
    address: String,
    version: String,
    /// Base images that builds can start from.
    bases: Vec<Layout>,
}

/// A base image as an OCI layout.
#[derive(Debug)]
struct Layout {
    base: Base,
    dir: PathBuf,
    digest: String,
}

impl Buildctl {
    /// Connects to the BuildKit at `address`.
    pub fn given(kit: Kit, address: String) -> Result<Self, Trouble> {
        let program = kit.program("buildctl")?;
        let mut ask = command(&program, ["--addr", &address, "debug", "info"]);
        let version = kit.meter.output(&ask)?.lines().next().unwrap_or_default().trim().to_owned();
        ask = command(&program, ["--version"]);
        let client = kit.meter.output(&ask)?.trim().to_owned();
        Ok(Self { kit, program, address, version: format!("{client}, {version}"), bases: Vec::new() })
    }

    fn layout(&self, base: Base) -> Result<Layout, Trouble> {
        let dir = self.kit.dir.join("buildctl").join(Bases::tag(base).replace([':', '/'], "-"));
        if !dir.exists() {
            fs::create_dir_all(&dir).map_err(Trouble::io("make a folder"))?;
            let archive = format!("docker-archive:{}", self.kit.bases.archive(base).display());
            let dest = format!("oci:{}:base", dir.display());
            let skopeo = self.kit.program("skopeo")?;
            let copy = command(&skopeo, ["--insecure-policy", "copy", "--quiet", &archive, &dest]);
            self.kit.meter.run(&copy)?;
        }
        let digest = manifest_digest(&dir.join("index.json"))?;
        Ok(Layout { base, dir, digest })
    }

    fn build(&self, build: &Build, site: &Site<'_>, output: &str) -> Command {
        let context = site.dir.join(build.context).display().to_string();
        let mut command = command(&self.program, ["--addr", &self.address, "build"]);
        command.args(["--frontend", "dockerfile.v0", "--progress", "plain"]);
        command.args(["--local", &format!("context={context}"), "--local", &format!("dockerfile={context}")]);
        command.args(["--opt", &format!("filename={}", build.dockerfile)]);
        command.args(["--opt", &format!("build-arg:REGISTRY={}", site.registry)]);
        if build.network {
            command.args(["--opt", "force-network-mode=host", "--allow", "network.host"]);
        } else {
            command.args(["--opt", "force-network-mode=none"]);
        }
        for (n, Layout { base, dir, digest }) in self.bases.iter().enumerate() {
            command.args(["--oci-layout", &format!("base{n}={}", dir.display())]);
            let name = Bases::tag(*base);
            command.args(["--opt", &format!("context:{name}=oci-layout://base{n}@{digest}")]);
        }
        if site.no_cache {
            command.arg("--no-cache");
        }
        command.args(["--output", output]);
        command
    }
}

/// Returns the digest of the only manifest of a layout.
fn manifest_digest(index: &Path) -> Result<String, Trouble> {
    let text = fs::read(index).map_err(Trouble::io("read index.json"))?;
    let index: serde_json::Value =
        serde_json::from_slice(&text).map_err(|error| Trouble::Wrong(format!("index.json: {error}")))?;
    let digest = index["manifests"][0]["digest"].as_str();
    digest.map(ToOwned::to_owned).ok_or_else(|| Trouble::Wrong("index.json names no manifest".to_owned()))
}

impl Engine for Buildctl {
    fn name(&self) -> &'static str {
        "buildctl"
    }

    fn version(&self) -> String {
        self.version.clone()
    }

    fn memory(&self) -> &'static str {
        "buildctl alone"
    }

    fn reset(&mut self, bases: &[Base]) -> Result<(), Trouble> {
        self.bases = bases.iter().map(|&base| self.layout(base)).collect::<Result<_, _>>()?;
        Ok(())
    }

    fn commands(&self, act: &Act, site: &Site<'_>) -> Result<Vec<Command>, Trouble> {
        let Act::Build(build) = act else {
            return Err(Trouble::NotSupported("BuildKit alone runs no containers"));
        };
        if build.tag == BIG {
            return Err(Trouble::NotSupported("BuildKit alone keeps no images to start from"));
        }
        let tag = site.tag(build.tag);
        let output = match build.dest {
            Dest::Store => format!("type=image,name={tag}"),
            Dest::Layout(compression) => {
                let dest = site.output("buildctl");
                format!("type=oci,tar=false,compression={},dest={}", compression.name(), dest.display())
            }
            Dest::Registry => format!("type=image,name={tag},push=true,registry.insecure=true"),
        };
        Ok(vec![self.build(build, site, &output)])
    }

    fn read(&self, site: &Site<'_>, tag: &str, path: &str) -> Result<Command, Trouble> {
        let _ = (site, tag, path);
        Err(Trouble::NotSupported("BuildKit alone shows no file of an image"))
    }
}
