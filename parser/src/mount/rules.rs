//! Rules about which fields a type of mount can have.
//!
//! Source: BuildKit, `frontend/dockerfile/instructions/commands_runmount.go`.

use super::{Mount, error::MountError, kind::MountType};

pub(super) fn check(mount: &Mount) -> Result<(), MountError> {
    let kind = mount.kind.name();
    let has_owner = matches!(mount.kind, MountType::Secret | MountType::Ssh | MountType::Cache);
    for (key, value) in [("mode", mount.mode), ("uid", mount.uid), ("gid", mount.gid)] {
        refuse_if(!has_owner && value.is_some(), || format!("{key} not allowed for {kind:?} type mounts"))?;
    }
    if mount.kind == MountType::Secret {
        check_secret(mount)?;
    }
    let has_ssh_source = mount.kind == MountType::Ssh && is_given(&mount.source);
    refuse_if(has_ssh_source, || "ssh does not support source".into())?;
    let is_wrongly_shared = mount.sharing.is_some() && mount.kind != MountType::Cache;
    refuse_if(is_wrongly_shared, || format!("invalid cache sharing set for {kind} mount"))
}

fn check_secret(mount: &Mount) -> Result<(), MountError> {
    let has_source = is_given(&mount.source);
    let has_id = is_given(&mount.id);
    refuse_if(is_given(&mount.from), || "secret mount should not have a from".into())?;
    refuse_if(mount.sharing.is_some(), || "secret mount should not define sharing".into())?;
    refuse_if(!has_source && !has_id && !is_given(&mount.target), || {
        "invalid secret mount. one of source, target required".into()
    })?;
    refuse_if(has_source && has_id, || "both source and id can't be set".into())
}

fn is_given(value: &Option<String>) -> bool {
    value.as_ref().is_some_and(|value| !value.is_empty())
}

fn refuse_if(is_wrong: bool, message: impl Fn() -> String) -> Result<(), MountError> {
    if is_wrong { Err(MountError::Conflict { message: message() }) } else { Ok(()) }
}
