//! RUN --mount: the mounts of an Exec step.

use graph::paths;
use graph::{CacheSharing, ExecMount, MountKind, SecretEnv, StepId};
use parser::ast::Run;
use parser::mount::{self, Mount, MountType, Sharing};

use super::{CurrentStage, Dispatcher, Inputs};
use crate::error::Problem;
use crate::stages::StageId;

/// Mode of the file of a secret, if the mount names none.
const SECRET_MODE: u32 = 0o400;

/// Mode of the socket of an SSH agent, if the mount names none.
const SSH_MODE: u32 = 0o600;

/// Mounts of a RUN, and the variables that come with them.
#[derive(Debug, Default)]
pub(super) struct RunMounts {
    /// Mounts in the order of their flags.
    pub mounts: Vec<ExecMount>,
    /// Variables that hold the content of secrets.
    pub secret_env: Vec<SecretEnv>,
    /// Path of the first SSH agent's socket; `None` without an agent.
    pub ssh_socket: Option<String>,
    /// Number of SSH agents so far.
    agents: usize,
}

impl Dispatcher<'_> {
    /// Expands and checks the mounts of a RUN.
    pub(super) fn mounts(
        &mut self,
        current: &CurrentStage<'_>,
        run: &Run,
        inputs: &mut Inputs,
    ) -> Result<RunMounts, Problem> {
        let mut mounts = RunMounts::default();
        for (value, from) in run.mounts.iter().zip(&current.command.mounts) {
            let expand = |word: &str| {
                let expanded = self.expander().word(word, &current.state);
                expanded.map(|expanded| self.checked(current, expanded))
            };
            let mount = mount::parse(value, expand).map_err(Problem::Mount)?;
            self.session.budget.check()?;
            match mount.kind {
                MountType::Secret => mounts.add_secret(current, mount)?,
                MountType::Ssh => mounts.add_ssh(current, mount)?,
                _ => {
                    let mount = self.file_mount(current, mount, *from, inputs)?;
                    mounts.mounts.push(mount);
                }
            }
        }
        Ok(mounts)
    }

    /// Makes a mount that shows files: bind, cache or tmpfs.
    fn file_mount(
        &mut self,
        current: &CurrentStage<'_>,
        mount: Mount,
        from: Option<StageId>,
        inputs: &mut Inputs,
    ) -> Result<ExecMount, Problem> {
        let written = mount.target.as_deref().unwrap_or_default();
        let target = target(current, written)?;
        let from = match from {
            Some(from) => Some(self.mount_files(from, written)?),
            None => None,
        };
        let source = paths::clean(mount.source.as_deref().unwrap_or_default());
        let kind = match mount.kind {
            MountType::Tmpfs => MountKind::Tmpfs { size_bytes: mount.size_bytes.filter(|size| *size > 0) },
            MountType::Cache => MountKind::Cache {
                id: self.cache_id(&mount, written),
                sharing: sharing(mount.sharing),
                from: from.map(|step| inputs.index(step)),
                source,
                mode: mount.mode,
                uid: mount.uid,
                gid: mount.gid,
            },
            _ => {
                let step = from.unwrap_or_else(|| self.context());
                MountKind::Bind { from: Some(inputs.index(step)), source }
            }
        };
        Ok(ExecMount { target, read_only: mount.is_readonly, kind })
    }

    fn mount_files(&mut self, from: StageId, target: &str) -> Result<StepId, Problem> {
        let files = self.files_of(from).map(|files| files.step);
        files.ok_or_else(|| Problem::MountFromLater {
            from: self.table.entry(from).label.clone(),
            target: target.to_owned(),
        })
    }

    /// Returns the ID of a cache: its `id`, or else its mount point as written, in the namespace of the build.
    fn cache_id(&self, mount: &Mount, target: &str) -> String {
        let namespace = self.session.build_args.get("BUILDKIT_CACHE_MOUNT_NS").map_or("", String::as_str);
        let id = mount.id.clone().filter(|id| !id.is_empty());
        format!("{namespace}/{}", id.unwrap_or_else(|| clean_as_written(target)))
    }
}

impl RunMounts {
    /// A secret is a file, a variable, or both.
    fn add_secret(&mut self, current: &CurrentStage<'_>, mount: Mount) -> Result<(), Problem> {
        let given = |text: Option<String>| text.filter(|text| !text.is_empty());
        let (written, variable) = (given(mount.target), given(mount.env));
        let named = given(mount.source).or_else(|| given(mount.id));
        let id = match named {
            Some(id) => id,
            None => paths::base_name(written.as_deref().unwrap_or_default()).unwrap_or_default().to_owned(),
        };
        let written = match (written, &variable) {
            (Some(target), _) => Some(target),
            (None, Some(_)) => None,
            (None, None) => Some(format!("/run/secrets/{}", paths::base_name(&id).unwrap_or(&id))),
        };
        let required = mount.is_required;
        if let Some(written) = written {
            let target = target(current, &written)?;
            let (mode, uid, gid) = access(mount.mode, mount.uid, mount.gid, SECRET_MODE);
            let kind = MountKind::Secret { id: id.clone(), mode, uid, gid, required };
            self.mounts.push(ExecMount { target, read_only: true, kind });
        }
        if let Some(variable) = variable {
            self.secret_env.push(SecretEnv { variable, id, required });
        }
        Ok(())
    }

    fn add_ssh(&mut self, current: &CurrentStage<'_>, mount: Mount) -> Result<(), Problem> {
        let default = format!("/run/buildkit/ssh_agent.{}", self.agents);
        let written = mount.target.filter(|target| !target.is_empty()).unwrap_or(default);
        let target = target(current, &written)?;
        let id = mount.id.filter(|id| !id.is_empty()).unwrap_or_else(|| "default".to_owned());
        let (mode, uid, gid) = access(mount.mode, mount.uid, mount.gid, SSH_MODE);
        let kind = MountKind::Ssh { id, mode, uid, gid, required: mount.is_required };
        self.ssh_socket.get_or_insert_with(|| target.clone());
        self.agents += 1;
        self.mounts.push(ExecMount { target, read_only: true, kind });
        Ok(())
    }
}

fn access(mode: Option<u32>, uid: Option<u32>, gid: Option<u32>, default: u32) -> (u32, u32, u32) {
    (mode.unwrap_or(default), uid.unwrap_or(0), gid.unwrap_or(0))
}

/// Returns the path of a mount point. An empty one means the working directory; it cannot be the root.
fn target(current: &CurrentStage<'_>, written: &str) -> Result<String, Problem> {
    let target = paths::join(&current.state.working_dir(), written);
    if target == "/" { Err(Problem::BadMountTarget { target }) } else { Ok(target) }
}

/// Cleans a path and leaves it relative if it was: `./a/` becomes `a`, an empty path becomes `.`.
fn clean_as_written(path: &str) -> String {
    let clean = paths::clean(path);
    if path.starts_with('/') {
        clean
    } else if clean == "/" {
        ".".to_owned()
    } else {
        clean[1..].to_owned()
    }
}

fn sharing(sharing: Option<Sharing>) -> CacheSharing {
    match sharing.unwrap_or_default() {
        Sharing::Shared => CacheSharing::Shared,
        Sharing::Private => CacheSharing::Private,
        Sharing::Locked => CacheSharing::Locked,
    }
}
