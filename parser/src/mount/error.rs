//! Errors of mounts, in BuildKit's words.

use super::kind::{MountType, SHARINGS, TYPES};
use crate::{expand::ExpandError, suggest::suggest};

/// The keys that are suggested for a misspelled one.
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

/// The value of `--mount` does not describe a mount.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum MountError {
    /// The value is not a line of CSV.
    #[error("failed to parse csv mounts: {reason}")]
    Csv {
        /// Message of Go's CSV reader.
        reason: &'static str,
    },
    /// The value of a field cannot be expanded.
    #[error(transparent)]
    Expand(#[from] ExpandError),
    /// The value of `from` has a variable, but is never expanded.
    #[error("'{key}' doesn't support variable expansion, define alias stage instead")]
    NotExpanded {
        /// Key of the field.
        key: String,
    },
    /// The field has no value, but its key requires one.
    #[error("invalid field '{field}' must be a key=value pair")]
    NoValue {
        /// Text of the field.
        field: String,
    },
    /// No type of mount has this key.
    #[error("unexpected key '{key}' in '{field}'{}", did_you_mean(.meant))]
    UnknownKey {
        /// Key of the field, in lower case.
        key: String,
        /// Text of the field.
        field: String,
        /// Known key with a similar spelling.
        meant: Option<&'static str>,
    },
    /// Only other types of mounts have this key.
    #[error("unexpected key '{key}' for mount type '{}'", .kind.name())]
    WrongType {
        /// Key of the field, in lower case.
        key: String,
        /// Type of the mount according to the fields so far.
        kind: MountType,
    },
    /// The value is not one of the words that the key allows.
    #[error("unsupported {what} {value:?}{}", did_you_mean(.meant))]
    UnknownWord {
        /// Noun for the value: "mount type" or "sharing value".
        what: &'static str,
        /// Value of the field.
        value: String,
        /// Allowed word with a similar spelling.
        meant: Option<&'static str>,
    },
    /// The value is not a boolean or not a size, whichever the key requires.
    #[error("invalid value for {key}: {value}")]
    InvalidValue {
        /// Key of the field, in lower case.
        key: String,
        /// Value of the field.
        value: String,
    },
    /// The value is not a number.
    #[error("invalid value {value} for {key}")]
    InvalidNumber {
        /// Key of the field, in lower case.
        key: String,
        /// Value of the field.
        value: String,
    },
    /// The fields contradict each other, or a required field is missing.
    #[error("{message}")]
    Conflict {
        /// Description in BuildKit's words.
        message: String,
    },
}

impl MountError {
    pub(super) fn unknown_key(key: &str, field: &str) -> Self {
        Self::UnknownKey { key: key.to_owned(), field: field.to_owned(), meant: suggest(key, &KEYS) }
    }

    /// Returns an instruction for the user, if there is one beyond the message.
    pub fn hint(&self) -> Option<String> {
        let use_one_of = |words: Vec<&str>| Some(format!("use {}", words.join(", ")));
        match self {
            Self::UnknownWord { meant: None, what: "mount type", .. } => {
                use_one_of(TYPES.map(|(word, _)| word).to_vec())
            }
            Self::UnknownWord { meant: None, .. } => use_one_of(SHARINGS.map(|(word, _)| word).to_vec()),
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

    /// Returns the part of the option that is to blame, or `None` if it is not a single part.
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
