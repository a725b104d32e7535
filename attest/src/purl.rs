//! Package URLs of images: `pkg:docker/debian@12?platform=linux%2Famd64`.
//!
//! Source: the purl specification 1.0, type `docker`; BuildKit writes the same text.

use std::fmt::Write as _;

use oci::{Platform, Reference};

/// Registry whose images are written without a registry.
const DEFAULT_REGISTRY: &str = "docker.io/";

/// Returns the package URL of an image for a platform.
///
/// A name with a digest gets the digest as a qualifier, and is written without a version unless it has a tag, too.
pub fn image_purl(name: &Reference, platform: &Platform) -> String {
    let full = name.name();
    let short = full.strip_prefix(DEFAULT_REGISTRY).unwrap_or(&full);
    let path = short.strip_prefix("library/").unwrap_or(short);
    let mut purl = "pkg:docker/".to_owned();
    path.split('/').for_each(|segment| {
        encode(&mut purl, segment);
        purl.push('/');
    });
    purl.pop();
    let version = name.tag.as_deref().or_else(|| name.digest.is_none().then_some("latest"));
    if let Some(version) = version {
        purl.push('@');
        encode(&mut purl, version);
    }
    let digest = name.digest.map(|digest| ("digest", digest.to_string()));
    let qualifiers = digest.into_iter().chain([("platform", platform.to_string())]);
    for (number, (key, value)) in qualifiers.enumerate() {
        purl.push(if number == 0 { '?' } else { '&' });
        let _ = write!(purl, "{key}=");
        encode(&mut purl, &value);
    }
    purl
}

/// Appends `text` with everything encoded that a component of a purl does not allow.
fn encode(purl: &mut String, text: &str) {
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~:".contains(&byte) {
            purl.push(byte.into());
        } else {
            let _ = write!(purl, "%{byte:02X}");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_image_has_the_url_that_buildkit_gives_it() {
        #[track_caller]
        fn check(name: &str, platform: &str, expected: &str) {
            let (name, platform) = (name.parse().expect("a name"), platform.parse().expect("a platform"));
            assert_eq!(image_purl(&name, &platform), expected);
        }
        check("x:1", "linux/amd64", "pkg:docker/x@1?platform=linux%2Famd64");
        check("busybox", "linux/arm/v7", "pkg:docker/busybox@latest?platform=linux%2Farm%2Fv7");
        check("org/tool:2", "linux/amd64", "pkg:docker/org/tool@2?platform=linux%2Famd64");
        check(
            "r.example:5000/a/b:3",
            "linux/arm64",
            "pkg:docker/r.example:5000/a/b@3?platform=linux%2Farm64",
        );
        let digest = oci::Digest::of(b"");
        let qualifier = format!("digest={digest}&platform=linux%2Famd64");
        check(&format!("x@{digest}"), "linux/amd64", &format!("pkg:docker/x?{qualifier}"));
        check(&format!("x:1@{digest}"), "linux/amd64", &format!("pkg:docker/x@1?{qualifier}"));
    }
}
