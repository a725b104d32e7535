//! Sources of a build as dependencies: a URI and the digest of the content. URIs have no user and no password, and no path
//! of this machine.

use std::collections::BTreeMap;
use std::path::Path;

use attest::{Dependency, image_purl};
use builder::{Material, Materials};
use frontend::options::Context;
use graph::url::without_user;
use graph::{ImageOrigin, Source};
use oci::{Digest, Platform};

/// Returns the dependency that a source is; `None` for local files, and for a source that was not fetched.
pub(super) fn of(source: &Source, platform: &Platform, materials: &Materials) -> Option<Dependency> {
    match source {
        Source::Image { name, manifest } => {
            Some(Dependency { uri: image_uri(name, platform), digest: sha256(manifest) })
        }
        Source::Http { url, checksum, .. } => {
            let digest = match materials.find(source) {
                Some(Material::File(digest)) => digest,
                _ => (*checksum)?,
            };
            Some(Dependency { uri: without_user(url), digest: sha256(&digest) })
        }
        Source::Git { remote, reference, .. } => match materials.find(source)? {
            Material::Commit(hash) => {
                let fragment = reference.as_ref().map_or_else(String::new, |name| format!("#{name}"));
                Some(Dependency { uri: without_user(remote) + &fragment, digest: commit(&hash) })
            }
            Material::File(_) => None,
        },
        Source::Scratch | Source::Local { .. } | Source::Stored { .. } => None,
    }
}

/// Returns the dependency that a build context is; `None` for a directory of this machine and for standard input.
pub(super) fn of_context(context: &Context) -> Option<Dependency> {
    let Context::Stored { origin, commit: hash, archive, .. } = context else { return None };
    let digest = match (hash, archive) {
        (Some(hash), _) => commit(hash),
        (None, Some(archive)) => sha256(archive),
        (None, None) => BTreeMap::new(),
    };
    (origin != "-").then(|| Dependency { uri: origin.clone(), digest })
}

fn image_uri(origin: &ImageOrigin, platform: &Platform) -> String {
    match origin {
        ImageOrigin::Registry(name) | ImageOrigin::Store { name } => image_purl(name, platform),
        ImageOrigin::Layout { path } => {
            let name = path.file_name().unwrap_or(Path::new("layout").as_os_str()).to_string_lossy();
            format!("pkg:oci/{name}")
        }
    }
}

fn sha256(digest: &Digest) -> BTreeMap<&'static str, String> {
    BTreeMap::from([("sha256", digest.hex())])
}

/// Returns the digest of a commit. Repositories with sha256 have longer hashes.
fn commit(hash: &str) -> BTreeMap<&'static str, String> {
    let algorithm = if hash.len() == 64 { "sha256" } else { "sha1" };
    BTreeMap::from([(algorithm, hash.to_owned())])
}
