//! The value of `RUN --mount`: `type=cache,target=/root/.cache`.
//!
//! ```text
//! mount = field { "," field }
//! field = key [ "=" value ]       quoted as in CSV
//! ```
//!
//! Values may hold variables, so it is read twice, as BuildKit does. When the file is parsed,
//! [`check`] looks at the shape and at `from`, which is never expanded. When the RUN is lowered,
//! [`parse`] reads everything, each value expanded by the caller. Expanding after splitting matters:
//! a comma in a variable's value makes no new field.
//!
//! Fields are taken from left to right: what `size` and `required` mean depends on the type so far.

use crate::{csv, suggest::suggest};

/// What is mounted.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum MountType {
    /// A part of the context, a stage or an image.
    #[default]
    Bind,
    /// A directory that outlives the build.
    Cache,
    /// Memory.
    Tmpfs,
    /// A secret as a file or variable.
    Secret,
    /// The socket of an SSH agent.
    Ssh,
}

const TYPES: [(&str, MountType); 5] = [
    ("bind", MountType::Bind),
    ("cache", MountType::Cache),
    ("tmpfs", MountType::Tmpfs),
    ("secret", MountType::Secret),
    ("ssh", MountType::Ssh),
];

impl MountType {
    /// The word of `type=`.
    pub fn name(self) -> &'static str {
        TYPES.iter().find(|(_, kind)| *kind == self).map_or("bind", |(name, _)| name)
    }
}

/// What happens if several steps want one cache at a time.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Sharing {
    /// They share it.
    #[default]
    Shared,
    /// Each gets its own.
    Private,
    /// They wait for each other.
    Locked,
}

const SHARINGS: [(&str, Sharing); 3] =
    [("shared", Sharing::Shared), ("private", Sharing::Private), ("locked", Sharing::Locked)];

/// The keys that a misspelt one may have meant.
const KEYS: [&str; 17] = [
    "type",
    "from",
    "source",
    "target",
    "readonly",
    "id",
    "sharing",
    "required",
    "mode",
    "uid",
    "gid",
    "src",
    "dst",
    "ro",
    "rw",
    "readwrite",
    "env",
];

/// One mount; what is `None` was not given.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Mount {
    /// `type`.
    pub kind: MountType,
    /// `from`: a stage, a named context or an image.
    pub from: Option<String>,
    /// `source`, `src`.
    pub source: Option<String>,
    /// `target`, `dst`, `destination`.
    pub target: Option<String>,
    /// `readonly`, `readwrite`, or the type's default: only caches and tmpfs are writable.
    pub is_readonly: bool,
    /// `id`: of a cache, a secret or an agent.
    pub id: Option<String>,
    /// `sharing` of a cache.
    pub sharing: Option<Sharing>,
    /// `required`: it is an error if the secret or agent is not there.
    pub is_required: bool,
    /// `size` of a tmpfs.
    pub size_bytes: Option<u64>,
    /// `mode` of a cache, secret or socket.
    pub mode: Option<u32>,
    /// `uid`.
    pub uid: Option<u32>,
    /// `gid`.
    pub gid: Option<u32>,
    /// `env`: the variable that a secret is put into.
    pub env: Option<String>,
}

/// A mount that cannot be.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum MountError {
    /// The fields cannot be told apart.
    #[error("failed to parse csv mounts: {reason}")]
    Csv {
        /// What is wrong with the quotes.
        reason: &'static str,
    },
    /// A value cannot be expanded.
    #[error(transparent)]
    Expand(#[from] crate::expand::ExpandError),
    /// A variable where none may be.
    #[error("'{key}' doesn't support variable expansion, define alias stage instead")]
    NotExpanded {
        /// The key.
        key: String,
    },
    /// A key without a value that needs one.
    #[error("invalid field '{field}' must be a key=value pair")]
    NoValue {
        /// The field.
        field: String,
    },
    /// No such key.
    #[error("unexpected key '{key}' in '{field}'{}", did_you_mean(.meant))]
    UnknownKey {
        /// The key.
        key: String,
        /// The field.
        field: String,
        /// A key that is close.
        meant: Option<&'static str>,
    },
    /// A key that other types have.
    #[error("unexpected key '{key}' for mount type '{}'", .kind.name())]
    WrongType {
        /// The key.
        key: String,
        /// The type so far.
        kind: MountType,
    },
    /// A value that is none of the words allowed.
    #[error("unsupported {what} {value:?}{}", did_you_mean(.meant))]
    UnknownWord {
        /// "mount type" or "sharing value".
        what: &'static str,
        /// The value.
        value: String,
        /// A word that is close.
        meant: Option<&'static str>,
    },
    /// A value that is no boolean, size or number.
    #[error("invalid value for {key}: {value}")]
    InvalidValue {
        /// The key.
        key: String,
        /// The value.
        value: String,
    },
    /// A value that is no number.
    #[error("invalid value {value} for {key}")]
    InvalidNumber {
        /// The key.
        key: String,
        /// The value.
        value: String,
    },
    /// Fields that do not go together.
    #[error("{message}")]
    Conflict {
        /// BuildKit's wording.
        message: String,
    },
}

impl MountError {
    /// What to do about it.
    pub fn hint(&self) -> Option<String> {
        let words = |words: Vec<&str>| Some(format!("use {}", words.join(", ")));
        match self {
            Self::UnknownWord { meant: None, what: "mount type", .. } => {
                words(TYPES.map(|(word, _)| word).to_vec())
            }
            Self::UnknownWord { meant: None, .. } => words(SHARINGS.map(|(word, _)| word).to_vec()),
            Self::UnknownKey { meant: None, .. } => Some(format!("the options here are {}", KEYS.join(", "))),
            Self::NotExpanded { .. } => {
                Some("write `FROM $NAME AS source` above, and from=source here".to_owned())
            }
            Self::NoValue { field } => Some(format!("write {field}=VALUE")),
            Self::InvalidNumber { key, .. } if key == "mode" => {
                Some("write an octal mode like 0755".to_owned())
            }
            Self::InvalidNumber { .. } => Some("write a number".to_owned()),
            Self::InvalidValue { key, .. } if key == "size" => Some("write a size like 64m".to_owned()),
            Self::InvalidValue { .. } => Some("write true or false".to_owned()),
            _ => None,
        }
    }

    /// The part of the option that is to blame; `None` if that is not one alone.
    pub fn culprit(&self) -> Option<&str> {
        match self {
            Self::NotExpanded { key } | Self::WrongType { key, .. } => Some(key),
            Self::NoValue { field } => Some(field),
            Self::UnknownKey { key, .. } => Some(key),
            Self::UnknownWord { value, .. } => Some(value),
            Self::InvalidValue { value, .. } | Self::InvalidNumber { value, .. } => Some(value),
            Self::Csv { .. } | Self::Expand(_) | Self::Conflict { .. } => None,
        }
    }
}

fn did_you_mean(meant: &Option<&'static str>) -> String {
    meant.map(|word| format!(" (did you mean {word}?)")).unwrap_or_default()
}

/// One `key=value` or `key`, the key in lower case.
struct Field {
    text: String,
    key: String,
    value: Option<String>,
}

/// Checks what can be checked before variables are expanded.
pub fn check(value: &str) -> Result<(), MountError> {
    for field in fields(value)? {
        let has_variable = field.value.is_some_and(|value| has_variable(&value));
        if field.key == "from" && has_variable {
            return Err(MountError::NotExpanded { key: field.key });
        }
    }
    Ok(())
}

/// The value of `from`, which is never expanded; the last one if it is given twice.
pub fn from(value: &str) -> Result<Option<String>, MountError> {
    check(value)?;
    let of_from = fields(value)?.into_iter().filter(|field| field.key == "from");
    Ok(of_from.filter_map(|field| field.value).next_back())
}

/// Reads a mount; `expand` is applied to every value.
pub fn parse(
    value: &str,
    mut expand: impl FnMut(&str) -> Result<String, crate::expand::ExpandError>,
) -> Result<Mount, MountError> {
    let mut mount = Mount::default();
    let mut is_readonly = None;
    for field in fields(value)? {
        match &field.value {
            None => without_value(&mut mount, &mut is_readonly, &field)?,
            Some(value) => with_value(&mut mount, &mut is_readonly, &field, expand(value)?)?,
        }
    }
    let is_writable = matches!(mount.kind, MountType::Cache | MountType::Tmpfs);
    mount.is_readonly = is_readonly.unwrap_or(!is_writable);
    validate(&mount)?;
    Ok(mount)
}

/// `$` before anything: even `$$` is refused.
fn has_variable(value: &str) -> bool {
    value.find('$').is_some_and(|at| !value[at + 1..].is_empty())
}

fn fields(value: &str) -> Result<Vec<Field>, MountError> {
    let fields = csv::fields(value).map_err(|reason| MountError::Csv { reason })?;
    Ok(fields.into_iter().map(field).collect())
}

fn field(text: String) -> Field {
    let (key, value) = match text.split_once('=') {
        Some((key, value)) => (key.to_lowercase(), Some(value.to_string())),
        None => (text.to_lowercase(), None),
    };
    Field { text, key, value }
}

fn without_value(mount: &mut Mount, is_readonly: &mut Option<bool>, field: &Field) -> Result<(), MountError> {
    match field.key.as_str() {
        "readonly" | "ro" => *is_readonly = Some(true),
        "readwrite" | "rw" => *is_readonly = Some(false),
        "required" => {
            only_for(mount, &field.key, &[MountType::Secret, MountType::Ssh])?;
            mount.is_required = true;
        }
        _ => return Err(MountError::NoValue { field: field.text.clone() }),
    }
    Ok(())
}

fn with_value(
    mount: &mut Mount,
    is_readonly: &mut Option<bool>,
    field: &Field,
    value: String,
) -> Result<(), MountError> {
    let key = field.key.as_str();
    match key {
        "type" => mount.kind = word("mount type", &TYPES, &value)?,
        "from" => mount.from = Some(value),
        "source" | "src" => mount.source = Some(value),
        "target" | "dst" | "destination" => mount.target = Some(value),
        "readonly" | "ro" => *is_readonly = Some(boolean(key, &value)?),
        "readwrite" | "rw" => *is_readonly = Some(!boolean(key, &value)?),
        "required" => {
            only_for(mount, key, &[MountType::Secret, MountType::Ssh])?;
            mount.is_required = boolean(key, &value)?;
        }
        "size" => {
            only_for(mount, key, &[MountType::Tmpfs])?;
            mount.size_bytes = Some(size_bytes(&value).ok_or_else(|| invalid(key, &value))?);
        }
        "id" => mount.id = Some(value),
        "sharing" => mount.sharing = Some(word("sharing value", &SHARINGS, &value)?),
        "mode" => mount.mode = Some(number(key, &value, 8)?),
        "uid" => mount.uid = Some(number(key, &value, 10)?),
        "gid" => mount.gid = Some(number(key, &value, 10)?),
        "env" => mount.env = Some(value),
        _ => {
            let (key, field) = (field.key.clone(), field.text.clone());
            return Err(MountError::UnknownKey { meant: suggest(&key, &KEYS), key, field });
        }
    }
    Ok(())
}

fn only_for(mount: &Mount, key: &str, kinds: &[MountType]) -> Result<(), MountError> {
    if kinds.contains(&mount.kind) {
        return Ok(());
    }
    Err(MountError::WrongType { key: key.into(), kind: mount.kind })
}

fn word<T: std::marker::Copy>(
    what: &'static str,
    words: &[(&'static str, T)],
    value: &str,
) -> Result<T, MountError> {
    let known = words.iter().find(|(word, _)| word.eq_ignore_ascii_case(value));
    known.map(|(_, meaning)| *meaning).ok_or_else(|| {
        let names: Vec<&'static str> = words.iter().map(|(word, _)| *word).collect();
        MountError::UnknownWord { what, value: value.into(), meant: suggest(value, &names) }
    })
}

fn boolean(key: &str, value: &str) -> Result<bool, MountError> {
    csv::boolean(value).ok_or_else(|| invalid(key, value))
}

fn number(key: &str, value: &str, radix: u32) -> Result<u32, MountError> {
    let digits = Some(value).filter(|value| !value.starts_with('+'));
    let number = digits.and_then(|digits| u32::from_str_radix(digits, radix).ok());
    number.ok_or_else(|| MountError::InvalidNumber { key: key.into(), value: value.into() })
}

fn invalid(key: &str, value: &str) -> MountError {
    MountError::InvalidValue { key: key.into(), value: value.into() }
}

/// `1.5g`, `64 MiB`, `100`: always in powers of 1024.
///
/// Source: docker/go-units, RAMInBytes.
fn size_bytes(text: &str) -> Option<u64> {
    let split = text.rfind(|c: char| c.is_ascii_digit() || matches!(c, '.' | ' '))? + 1;
    let (number, unit) = text.split_at(split);
    let number: f64 = number.strip_suffix(' ').unwrap_or(number).parse().ok()?;
    let power = match unit.to_ascii_lowercase().as_str() {
        "" | "b" => 0,
        "k" | "kb" | "kib" => 1,
        "m" | "mb" | "mib" => 2,
        "g" | "gb" | "gib" => 3,
        "t" | "tb" | "tib" => 4,
        "p" | "pb" | "pib" => 5,
        _ => return None,
    };
    let bytes = number * 1024_f64.powi(power);
    (bytes >= 0.0 && bytes < i64::MAX as f64).then_some(bytes as u64)
}

fn validate(mount: &Mount) -> Result<(), MountError> {
    let kind = mount.kind.name();
    let has_owner = matches!(mount.kind, MountType::Secret | MountType::Ssh | MountType::Cache);
    for (key, value) in [("mode", mount.mode), ("uid", mount.uid), ("gid", mount.gid)] {
        refuse(!has_owner && value.is_some(), || format!("{key} not allowed for {kind:?} type mounts"))?;
    }
    if mount.kind == MountType::Secret {
        validate_secret(mount)?;
    }
    refuse(mount.kind == MountType::Ssh && is_given(&mount.source), || "ssh does not support source".into())?;
    let wrongly_shared = mount.sharing.is_some() && mount.kind != MountType::Cache;
    refuse(wrongly_shared, || format!("invalid cache sharing set for {kind} mount"))
}

fn validate_secret(mount: &Mount) -> Result<(), MountError> {
    let source = is_given(&mount.source);
    let id = is_given(&mount.id);
    refuse(is_given(&mount.from), || "secret mount should not have a from".into())?;
    refuse(mount.sharing.is_some(), || "secret mount should not define sharing".into())?;
    refuse(!source && !id && !is_given(&mount.target), || {
        "invalid secret mount. one of source, target required".into()
    })?;
    refuse(source && id, || "both source and id can't be set".into())
}

fn is_given(value: &Option<String>) -> bool {
    value.as_ref().is_some_and(|value| !value.is_empty())
}

fn refuse(wrong: bool, message: impl Fn() -> String) -> Result<(), MountError> {
    if wrong { Err(MountError::Conflict { message: message() }) } else { Ok(()) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(value: &str) -> Result<Mount, MountError> {
        parse(value, |text| Ok(text.replace("$v", "a,b")))
    }

    fn some(text: &str) -> Option<String> {
        Some(text.to_string())
    }

    #[test]
    fn every_key_is_read() {
        let cache = "type=cache,id=i,target=/t,source=/s,from=f,sharing=LOCKED,mode=0755,uid=1,gid=2,ro";
        let expected = Mount {
            kind: MountType::Cache,
            from: some("f"),
            source: some("/s"),
            target: some("/t"),
            is_readonly: true,
            id: some("i"),
            sharing: Some(Sharing::Locked),
            mode: Some(0o755),
            uid: Some(1),
            gid: Some(2),
            ..Mount::default()
        };
        assert_eq!(read(cache), Ok(expected));
        let secret = Mount {
            kind: MountType::Secret,
            id: some("i"),
            env: some("E"),
            is_readonly: true,
            is_required: true,
            ..Mount::default()
        };
        assert_eq!(read("type=secret,id=i,env=E,required"), Ok(secret));
    }

    #[track_caller]
    fn check_readonly(value: &str, expected: bool) {
        assert_eq!(read(value).map(|mount| mount.is_readonly), Ok(expected), "{value}");
    }

    #[test]
    fn only_caches_and_tmpfs_are_writable_by_themselves() {
        check_readonly("target=/t", true);
        check_readonly("type=bind,target=/t,rw", false);
        check_readonly("target=/t,readwrite=true", false);
        check_readonly("target=/t,rw=0", true);
        check_readonly("type=cache,target=/t", false);
        check_readonly("type=cache,target=/t,readonly=1", true);
        check_readonly("type=tmpfs,target=/t", false);
        check_readonly("type=secret,id=x", true);
        check_readonly("type=ssh", true);
    }

    #[test]
    fn fields_are_split_before_they_are_expanded() {
        assert_eq!(read("target=$v").map(|mount| mount.target), Ok(some("a,b")));
        assert_eq!(read("\"target=a,b\"").map(|mount| mount.target), Ok(some("a,b")));
        assert_eq!(read("\"target=a\"\"b\"").map(|mount| mount.target), Ok(some("a\"b")));
        assert_eq!(read("DST=/t").map(|mount| mount.target), Ok(some("/t")));
    }

    #[track_caller]
    fn check_size(text: &str, expected: Option<u64>) {
        assert_eq!(size_bytes(text), expected, "{text}");
    }

    #[test]
    fn sizes_are_powers_of_1024() {
        check_size("100", Some(100));
        check_size("64k", Some(64 << 10));
        check_size("1.5GiB", Some(3 << 29));
        check_size("2 mb", Some(2 << 20));
        check_size("7b", Some(7));
        check_size("1pB", Some(1 << 50));
        check_size("", None);
        check_size("k", None);
        check_size("1x", None);
        check_size("1kx", None);
        check_size("-1", None);
        check_size("1e400", None);
    }

    #[track_caller]
    fn check_error(value: &str, expected: &str) {
        assert_eq!(read(value).expect_err("this mount is wrong").to_string(), expected);
    }

    #[test]
    fn wrong_mounts_are_refused() {
        check_error("", "failed to parse csv mounts: EOF");
        check_error("\"a", "failed to parse csv mounts: extraneous or missing \" in quoted-field");
        check_error("target=a\"b", "failed to parse csv mounts: bare \" in non-quoted-field");
        check_error("typ=cache", "unexpected key 'typ' in 'typ=cache' (did you mean type?)");
        check_error("whatever=1", "unexpected key 'whatever' in 'whatever=1'");
        check_error("type=tmp", "unsupported mount type \"tmp\" (did you mean tmpfs?)");
        check_error("type=cache,sharing=lock", "unsupported sharing value \"lock\" (did you mean locked?)");
        check_error("target", "invalid field 'target' must be a key=value pair");
        check_error("ro=maybe", "invalid value for ro: maybe");
        check_error("type=cache,mode=9", "invalid value 9 for mode");
        check_error("type=cache,uid=-1", "invalid value -1 for uid");
        check_error("type=cache,gid=x", "invalid value x for gid");
        check_error("type=tmpfs,size=big", "invalid value for size: big");
        check_error("size=1k", "unexpected key 'size' for mount type 'bind'");
        check_error("required,type=secret", "unexpected key 'required' for mount type 'bind'");
        check_error("type=cache,required=true", "unexpected key 'required' for mount type 'cache'");
        check_error("mode=755", "mode not allowed for \"bind\" type mounts");
        check_error("type=tmpfs,uid=1", "uid not allowed for \"tmpfs\" type mounts");
        check_error("gid=1", "gid not allowed for \"bind\" type mounts");
        check_error("sharing=shared", "invalid cache sharing set for bind mount");
        check_error("type=ssh,sharing=shared", "invalid cache sharing set for ssh mount");
        check_error("type=ssh,source=x", "ssh does not support source");
        check_error("type=secret,id=x,from=y", "secret mount should not have a from");
        check_error("type=secret,id=x,sharing=shared", "secret mount should not define sharing");
        check_error("type=secret", "invalid secret mount. one of source, target required");
        check_error("type=secret,id=x,source=y", "both source and id can't be set");
    }

    #[test]
    fn before_expansion_only_the_shape_is_checked() {
        assert_eq!(check("type=$t,wrong=$x,anything"), Ok(()));
        assert_eq!(check("from=a$"), Ok(()));
        let error = check("target=/t,from=$stage").expect_err("from is never expanded");
        let expected = "'from' doesn't support variable expansion, define alias stage instead";
        assert_eq!(error.to_string(), expected);
    }
}
