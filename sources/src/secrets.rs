//! Secrets that the user gave to a build.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

/// Largest secret that is accepted, as in BuildKit.
const MAX_SECRET_BYTES: u64 = 500 * 1024;

/// Origin of a secret's bytes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SecretSource {
    /// A file that is read whenever the secret is needed.
    File(PathBuf),
    /// The bytes themselves, such as the value of an environment variable.
    Value(Vec<u8>),
}

/// A secret that cannot be used.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SecretError {
    /// The file of the secret cannot be read.
    #[error("cannot read secret {id} from {}", path.display())]
    Unreadable {
        /// Id of the secret.
        id: String,
        /// File that was given for it.
        path: PathBuf,
        /// Error of the operating system.
        source: io::Error,
    },
    /// The secret is larger than any real one.
    #[error("secret {id} is larger than {limit_bytes} bytes")]
    TooLarge {
        /// Id of the secret.
        id: String,
        /// Largest size that is accepted.
        limit_bytes: u64,
    },
}

/// The secrets of a build (`--secret`), by id.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Secrets(pub BTreeMap<String, SecretSource>);

impl Secrets {
    /// Reads the secret with the given id. Returns `None` if the user gave no such secret.
    pub fn read(&self, id: &str) -> Result<Option<Vec<u8>>, SecretError> {
        let Some(source) = self.0.get(id) else { return Ok(None) };
        let bytes = match source {
            SecretSource::Value(bytes) => bytes.clone(),
            SecretSource::File(path) => read_file(path).map_err(|source| SecretError::Unreadable {
                id: id.to_owned(),
                path: path.clone(),
                source,
            })?,
        };
        if bytes.len() as u64 > MAX_SECRET_BYTES {
            return Err(SecretError::TooLarge { id: id.to_owned(), limit_bytes: MAX_SECRET_BYTES });
        }
        Ok(Some(bytes))
    }

    /// Returns the ids of all secrets, sorted.
    pub fn ids(&self) -> impl Iterator<Item = &str> {
        self.0.keys().map(String::as_str)
    }
}

/// Reads at most one byte more than is accepted, so that the caller sees that there is too much.
fn read_file(path: &Path) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    File::open(path)?.take(MAX_SECRET_BYTES + 1).read_to_end(&mut bytes)?;
    Ok(bytes)
}
