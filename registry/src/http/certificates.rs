//! Certificates of one registry, from folders as docker and podman have them.
//!
//! ```text
//! /etc/docker/certs.d/reg.example:5000/
//!     ca.crt                      an authority, or the server's own certificate (any name, `.crt`)
//!     client.cert, client.key     what this machine shows to the registry (any name, in pairs)
//! ```
//!
//! All folders that exist count: their authorities are added to those of the system, and the first pair is shown.
//!
//! Source: docker's "Verify repository client with certificates"; containers-certs.d(5).

use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};

/// Largest file of certificates that is read.
const MAX_FILE_BYTES: u64 = 1 << 20;

/// Certificates that a user keeps for one registry; empty for most registries.
#[derive(Debug, Default)]
pub(crate) struct RegistryCertificates {
    /// Authorities, and certificates of servers, that are trusted besides the system's.
    pub authorities: Vec<CertificateDer<'static>>,
    /// Certificate that the registry is shown if it asks for one.
    pub client: Option<ClientCertificate>,
}

/// A certificate with its chain, and the key to it.
#[derive(Debug)]
pub(crate) struct ClientCertificate {
    pub chain: Vec<CertificateDer<'static>>,
    pub key: PrivateKeyDer<'static>,
}

impl Clone for ClientCertificate {
    fn clone(&self) -> Self {
        Self { chain: self.chain.clone(), key: self.key.clone_key() }
    }
}

impl RegistryCertificates {
    /// Reads the certificates for `registry` (`host[:port]`) below `directories`; the error names the file.
    pub fn read(directories: &[PathBuf], registry: &str) -> Result<Self, String> {
        let mut found = Self::default();
        for directory in directories {
            found.add(&directory.join(registry))?;
        }
        Ok(found)
    }

    fn add(&mut self, directory: &Path) -> Result<(), String> {
        for path in files(directory)? {
            match path.extension().and_then(|extension| extension.to_str()) {
                Some("crt") => self.authorities.extend(certificates(&path)?),
                Some("cert") => {
                    let client = client(&path)?;
                    self.client.get_or_insert(client);
                }
                Some("key") if !path.with_extension("cert").exists() => {
                    return Err(format!(
                        "{}: there is no certificate {}",
                        path.display(),
                        with(&path, "cert")
                    ));
                }
                _ => {}
            }
        }
        Ok(())
    }
}

/// Lists a directory in order of names. A missing directory, or one that only root can list, is empty, as with podman.
fn files(directory: &Path) -> Result<Vec<PathBuf>, String> {
    let entries = match std::fs::read_dir(directory) {
        Ok(entries) => entries,
        Err(error) if matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::PermissionDenied) => {
            return Ok(Vec::new());
        }
        Err(error) => return Err(unreadable(directory, &error)),
    };
    let paths = entries.map(|entry| entry.map(|entry| entry.path()));
    let mut paths: Vec<PathBuf> =
        paths.collect::<Result<_, _>>().map_err(|error| unreadable(directory, &error))?;
    paths.sort_unstable();
    Ok(paths)
}

fn certificates(path: &Path) -> Result<Vec<CertificateDer<'static>>, String> {
    let found: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(&read(path)?).collect();
    match found {
        Ok(found) if !found.is_empty() => Ok(found),
        _ => Err(format!("{}: it has no PEM certificate", path.display())),
    }
}

fn client(path: &Path) -> Result<ClientCertificate, String> {
    let key = path.with_extension("key");
    if !key.exists() {
        return Err(format!("{}: there is no key {}", path.display(), with(path, "key")));
    }
    let chain = certificates(path)?;
    let key = PrivateKeyDer::from_pem_slice(&read(&key)?)
        .map_err(|_| format!("{}: it has no PEM private key", key.display()))?;
    Ok(ClientCertificate { chain, key })
}

/// Returns the name of the file beside `path` with another extension.
fn with(path: &Path, extension: &str) -> String {
    let path = path.with_extension(extension);
    path.file_name().unwrap_or_default().to_string_lossy().into_owned()
}

fn read(path: &Path) -> Result<Vec<u8>, String> {
    let mut bytes = Vec::new();
    File::open(path)
        .and_then(|file| file.take(MAX_FILE_BYTES).read_to_end(&mut bytes))
        .map_err(|error| unreadable(path, &error))?;
    Ok(bytes)
}

fn unreadable(path: &Path, error: &io::Error) -> String {
    format!("{}: {error}", path.display())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Writes `files` into the folder for `reg:5000` of a fresh certs.d, and reads them.
    #[track_caller]
    fn check(files: &[(&str, &str)], complaint: &str) {
        let directory = tempfile::tempdir().expect("temporary folder");
        let registry = directory.path().join("reg:5000");
        std::fs::create_dir(&registry).expect("a folder");
        for (name, text) in files {
            std::fs::write(registry.join(name), text).expect("write");
        }
        let error =
            RegistryCertificates::read(&[directory.path().to_owned()], "reg:5000").expect_err(complaint);
        assert!(error.contains(complaint), "{error}");
    }

    #[test]
    fn files_that_cannot_be_meant_are_named() {
        check(&[("ca.crt", "no PEM")], "ca.crt: it has no PEM certificate");
        check(&[("a.cert", "")], "a.cert: there is no key a.key");
        check(&[("a.key", "")], "a.key: there is no certificate a.cert");
        check(&[("a.key", ""), ("a.cert", "no PEM")], "a.cert: it has no PEM certificate");
    }

    #[test]
    fn a_registry_without_a_folder_has_no_certificates() {
        let directory = tempfile::tempdir().expect("temporary folder");
        let found = RegistryCertificates::read(&[directory.path().to_owned()], "reg:5000").expect("readable");
        assert!(found.authorities.is_empty() && found.client.is_none());
    }
}
