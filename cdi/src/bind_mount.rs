//! Files and directories of this machine that a spec requires in the container.

use std::path::PathBuf;

use sandbox::{DetachedMount, Mount, MountSource};

use crate::CdiError;
use crate::origin::Origin;
use crate::spec::SpecMount;

/// A file or directory of this machine to mount.
#[derive(Debug, Clone)]
pub(crate) struct BindMount {
    origin: Origin,
    /// Path in the container.
    pub(crate) target: PathBuf,
    /// Path on this machine.
    pub(crate) host: PathBuf,
    restrictions: Restrictions,
}

/// Rights that a mount takes away.
#[derive(Debug, Clone, Copy, Default)]
struct Restrictions {
    read_only: bool,
    no_suid: bool,
    no_exec: bool,
}

impl BindMount {
    /// Checks a mount of a spec. Its host path is looked up in [`BindMount::mount`] only.
    pub(crate) fn of(mount: &SpecMount, origin: &Origin) -> Result<Self, CdiError> {
        if let Some(kind) = mount.kind.as_deref().filter(|kind| !matches!(*kind, "" | "bind" | "none")) {
            return Err(origin.unsupported(format!("a mount of type {kind:?}")));
        }
        let mut restrictions = Restrictions::default();
        for option in &mount.options {
            restrictions.add(option, origin)?;
        }
        let (target, host) = (mount.container_path.clone(), mount.host_path.clone());
        Ok(Self { origin: origin.clone(), target, host, restrictions })
    }

    /// Returns a mount of the same file at another path in the container.
    pub(crate) fn at(&self, target: PathBuf) -> Self {
        Self { target, ..self.clone() }
    }

    /// Makes the mount, of everything that is mounted below the host path too.
    pub(crate) fn mount(&self) -> Result<Mount, CdiError> {
        let mount = DetachedMount::of_host_path(&self.host);
        let mount = mount.map_err(|error| self.origin.host(&self.host, error))?;
        mount.restrict(self.restrictions.no_suid, self.restrictions.no_exec)?;
        let source = MountSource::Detached(mount);
        Ok(Mount { target: self.target.clone(), source, read_only: self.restrictions.read_only })
    }
}

impl Restrictions {
    fn add(&mut self, option: &str, origin: &Origin) -> Result<(), CdiError> {
        match option {
            "ro" => self.read_only = true,
            "nosuid" => self.no_suid = true,
            "noexec" => self.no_exec = true,
            // Every mount of a sandbox has some of these options; the others have no effect that matters.
            "rw" | "bind" | "rbind" | "private" | "rprivate" | "nodev" | "suid" | "exec" | "relatime"
            | "noatime" | "nodiratime" | "strictatime" => {}
            other => return Err(origin.unsupported(format!("the mount option {other:?}"))),
        }
        Ok(())
    }
}
