//! Flags of `run` about mounts, and the volumes of the image, as the document of a container has them.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use cache::Store;
use oci::Empty;
use runner::container::{Container, TmpfsMount, Volume, VolumeOptions};
use runner::volumes::{self, NewVolume};

use crate::failure::Failure;
use cli::container::MountArgs;
use cli::mounts::{self, MountKind, MountRequest};

/// All mounts of a container.
#[derive(Debug, Default)]
pub struct Mounts {
    /// Directories of this machine and volumes.
    pub volumes: Vec<Volume>,
    /// File systems in memory.
    pub tmpfs: Vec<TmpfsMount>,
}

/// Reads the flags about mounts. Volumes that do not exist are created, and `of_image` names the volumes that the image asks for.
pub fn read(args: &MountArgs, of_image: &BTreeMap<String, Empty>, store: &Store) -> Result<Mounts, Failure> {
    let mut requests: Vec<MountRequest> = Vec::new();
    requests.extend(args.volumes.iter().map(|text| mounts::volume(text)).collect::<Result<Vec<_>, _>>()?);
    requests.extend(args.mounts.iter().map(|text| mounts::mount(text)).collect::<Result<Vec<_>, _>>()?);
    requests.extend(args.tmpfs.iter().map(|text| mounts::tmpfs(text)).collect::<Result<Vec<_>, _>>()?);
    check_targets(&requests)?;
    let mut all = Mounts::default();
    for request in &requests {
        all.add(request, store)?;
    }
    for text in &args.volumes_from {
        all.add_from(text, store)?;
    }
    for target in of_image.keys() {
        let request = mounts::volume(target).ok().filter(|request| !all.has(&request.target));
        if let Some(request) = request {
            all.add(&request, store)?;
        }
    }
    Ok(all)
}

/// Refuses two mounts at the same place.
fn check_targets(requests: &[MountRequest]) -> Result<(), Failure> {
    for (index, request) in requests.iter().enumerate() {
        if requests[..index].iter().any(|other| other.target == request.target) {
            return Err(Failure::usage(format!("Duplicate mount point: {}", request.target)));
        }
    }
    Ok(())
}

impl Mounts {
    fn has(&self, target: &str) -> bool {
        self.volumes.iter().any(|one| one.target == target)
            || self.tmpfs.iter().any(|one| one.target == target)
    }

    fn add(&mut self, request: &MountRequest, store: &Store) -> Result<(), Failure> {
        match request.kind {
            MountKind::Bind => self.volumes.push(bind(request)?),
            MountKind::Volume => self.add_volume(request, store)?,
            MountKind::Tmpfs => self.tmpfs.push(tmpfs(request)),
        }
        Ok(())
    }

    fn add_volume(&mut self, request: &MountRequest, store: &Store) -> Result<(), Failure> {
        let is_anonymous = request.source.is_empty();
        let new = NewVolume {
            name: (!is_anonymous).then(|| request.source.clone()),
            labels: request.labels.iter().cloned().collect(),
            options: BTreeMap::new(),
        };
        let name = volumes::create(store, &new)?;
        let volume = volumes::find(store, &name)?;
        if let Some(options) = volume.tmpfs_options() {
            self.tmpfs.push(TmpfsMount {
                target: request.target.clone(),
                options,
                read_only: request.read_only,
                allows_suid: true,
                allows_exec: true,
            });
            return Ok(());
        }
        self.volumes.push(Volume {
            source: volume.source(store),
            is_named: volume.is_in_store(),
            is_anonymous,
            ..plain(request)
        });
        Ok(())
    }

    /// Adds the mounts of another container, `CONTAINER[:ro|:rw]`, that are not covered.
    fn add_from(&mut self, text: &str, store: &Store) -> Result<(), Failure> {
        let (name, mode) = text.split_once(':').unwrap_or((text, ""));
        let is_read_only = match mode {
            "" | "rw" | "z" | "Z" => false,
            "ro" => true,
            _ => {
                return Err(Failure::usage(format!("--volumes-from {text:?}: the only modes are ro and rw")));
            }
        };
        for volume in Container::find(store, name)?.config.volumes {
            if !self.has(&volume.target) {
                let read_only = volume.read_only || is_read_only;
                self.volumes.push(Volume { read_only, ..volume });
            }
        }
        Ok(())
    }
}

fn plain(request: &MountRequest) -> Volume {
    Volume {
        target: request.target.clone(),
        read_only: request.read_only,
        options: VolumeOptions {
            no_copy: request.no_copy,
            subpath: request.subpath.clone(),
            propagation: request.propagation.clone(),
            is_alone: request.is_alone,
            takes_owner: request.takes_owner,
        },
        ..Volume::default()
    }
}

/// Returns the mount of a directory or file of this machine. `--volume` makes it, `--mount` does not.
fn bind(request: &MountRequest) -> Result<Volume, Failure> {
    let source = PathBuf::from(&request.source);
    if !source.exists() {
        if !request.makes_source {
            return Err(Failure::input(format!("bind source path does not exist: {}", request.source))
                .hint("make it first, or use --volume, which makes it"));
        }
        std::fs::create_dir_all(&source)
            .map_err(|error| Failure::input(format!("cannot make {}", request.source)).caused_by(&error))?;
    }
    let source = std::fs::canonicalize(Path::new(&request.source))?;
    Ok(Volume { source, ..plain(request) })
}

fn tmpfs(request: &MountRequest) -> TmpfsMount {
    let mut options = request.tmpfs_options.clone();
    if !options.iter().any(|(name, _)| name == "mode") {
        options.push(("mode".to_owned(), "1777".to_owned()));
    }
    TmpfsMount {
        target: request.target.clone(),
        options,
        read_only: request.read_only,
        allows_suid: request.allows_suid,
        allows_exec: request.allows_exec,
    }
}
