//! The value of `RUN --mount`: `type=cache,target=/root/.cache`.
//!
//! ```text
//! mount = field { "," field }
//! field = key [ "=" value ]       quoted as in CSV
//! ```
//!
//! Values can hold variables, so a mount is parsed twice, as in BuildKit. When the file is parsed, [`check`] looks at
//! the form of the fields and at `from`, which is never expanded. When RUN is lowered, [`parse`] reads all fields and
//! expands their values. Fields are split before they are expanded, so a comma in the value of a variable does not
//! start a new field.
//!
//! Fields are read from left to right: whether `size` and `required` are allowed depends on the type so far.

mod error;
mod field;
mod kind;
mod rules;

pub use error::MountError;
pub use kind::{MountType, Sharing};

use crate::expand::ExpandError;
use field::{Field, boolean, number, size_bytes, word};
use kind::{SHARINGS, TYPES};

/// A mount of RUN; fields that are not given are `None`.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Mount {
    /// `type`: the kind of content to mount.
    pub kind: MountType,
    /// `from`: name of the stage, named context or image to mount from.
    pub from: Option<String>,
    /// `source` or `src`: path in the place named by `from`.
    pub source: Option<String>,
    /// `target`, `dst` or `destination`: path of the mount point.
    pub target: Option<String>,
    /// `readonly` or `readwrite`; if neither is given, caches and tmpfs are writable and the others read-only.
    pub is_readonly: bool,
    /// `id`: name of the cache, secret or SSH agent.
    pub id: Option<String>,
    /// `sharing`: treatment of steps that use the cache at the same time.
    pub sharing: Option<Sharing>,
    /// `required`: whether a missing secret or SSH agent is an error.
    pub is_required: bool,
    /// `size`: maximum size of the tmpfs in bytes.
    pub size_bytes: Option<u64>,
    /// `mode`: permissions of the cache, secret or socket.
    pub mode: Option<u32>,
    /// `uid`: user ID of the owner.
    pub uid: Option<u32>,
    /// `gid`: group ID of the owner.
    pub gid: Option<u32>,
    /// `env`: name of the environment variable that holds the secret.
    pub env: Option<String>,
}

/// Checks a mount before variables are expanded: the quotes of its fields, and that `from` has no variable.
pub fn check(value: &str) -> Result<(), MountError> {
    for field in field::split(value)? {
        if field.key == "from" && field.has_variable() {
            return Err(MountError::NotExpanded { key: field.key });
        }
    }
    Ok(())
}

/// Returns the value of `from`, which is never expanded; if it is given several times, the last one.
pub fn from(value: &str) -> Result<Option<String>, MountError> {
    check(value)?;
    let fields = field::split(value)?.into_iter().filter(|field| field.key == "from");
    Ok(fields.filter_map(|field| field.value).next_back())
}

/// Parses a mount, expanding the value of each field with `expand`.
pub fn parse(
    value: &str,
    mut expand: impl FnMut(&str) -> Result<String, ExpandError>,
) -> Result<Mount, MountError> {
    let mut draft = Draft::default();
    for field in field::split(value)? {
        match &field.value {
            None => draft.set_flag(&field)?,
            Some(value) => draft.set_value(&field, expand(value)?)?,
        }
    }
    let mount = draft.finish();
    rules::check(&mount)?;
    Ok(mount)
}

/// A mount some of whose fields have been read.
#[derive(Default)]
struct Draft {
    mount: Mount,
    /// The last `readonly` or `readwrite`; `None` if neither was given.
    is_readonly: Option<bool>,
}

impl Draft {
    fn set_flag(&mut self, field: &Field) -> Result<(), MountError> {
        match field.key.as_str() {
            "readonly" | "ro" => self.is_readonly = Some(true),
            "readwrite" | "rw" => self.is_readonly = Some(false),
            "required" => {
                self.check_type(&field.key, &[MountType::Secret, MountType::Ssh])?;
                self.mount.is_required = true;
            }
            _ => return Err(MountError::NoValue { field: field.text.clone() }),
        }
        Ok(())
    }

    fn set_value(&mut self, field: &Field, value: String) -> Result<(), MountError> {
        let mount = &mut self.mount;
        let key = field.key.as_str();
        match key {
            "type" => mount.kind = word("mount type", &TYPES, &value)?,
            "from" => mount.from = Some(value),
            "source" | "src" => mount.source = Some(value),
            "target" | "dst" | "destination" => mount.target = Some(value),
            "readonly" | "ro" => self.is_readonly = Some(boolean(key, &value)?),
            "readwrite" | "rw" => self.is_readonly = Some(!boolean(key, &value)?),
            "required" => {
                self.check_type(key, &[MountType::Secret, MountType::Ssh])?;
                self.mount.is_required = boolean(key, &value)?;
            }
            "size" => {
                self.check_type(key, &[MountType::Tmpfs])?;
                self.mount.size_bytes = Some(size_bytes(key, &value)?);
            }
            "id" => mount.id = Some(value),
            "sharing" => mount.sharing = Some(word("sharing value", &SHARINGS, &value)?),
            "mode" => mount.mode = Some(number(key, &value, 8)?),
            "uid" => mount.uid = Some(number(key, &value, 10)?),
            "gid" => mount.gid = Some(number(key, &value, 10)?),
            "env" => mount.env = Some(value),
            _ => return Err(MountError::unknown_key(key, &field.text)),
        }
        Ok(())
    }

    /// Checks that the type so far is one of `kinds`, the types that have the key.
    fn check_type(&self, key: &str, kinds: &[MountType]) -> Result<(), MountError> {
        if kinds.contains(&self.mount.kind) {
            return Ok(());
        }
        Err(MountError::WrongType { key: key.into(), kind: self.mount.kind })
    }

    fn finish(self) -> Mount {
        let is_writable = matches!(self.mount.kind, MountType::Cache | MountType::Tmpfs);
        Mount { is_readonly: self.is_readonly.unwrap_or(!is_writable), ..self.mount }
    }
}

#[cfg(test)]
mod tests;
