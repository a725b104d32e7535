//! Names: image references, platforms and digests, as users and documents write them.

use oci::{Digest, Platform, Reference};

/// Checks these properties:
///
/// - A complete name is parsed to itself.
/// - The familiar form of a name stands for the same image.
/// - A repository is a relative path without `..`, so that it can become a part of a URL.
/// - A digest and a platform are printed as they are parsed, but for the version of an operating system.
pub fn check(input: &[u8]) {
    let text = String::from_utf8_lossy(input);
    if let Ok(reference) = text.parse::<Reference>() {
        assert_eq!(reference.to_string().parse::<Reference>().as_ref(), Ok(&reference));
        let familiar = reference.familiar();
        assert_eq!(familiar.parse::<Reference>().as_ref(), Ok(&reference), "{familiar:?}");
        assert!(reference.tag.is_some() || reference.digest.is_some());
        assert!(reference.repository.split('/').all(|part| !matches!(part, "" | "." | "..")));
        assert!(!reference.registry.contains(['/', '@', '?', '#']), "{:?}", reference.registry);
    }
    if let Ok(digest) = text.parse::<Digest>() {
        assert_eq!(digest.to_string(), text);
    }
    if let Ok(platform) = text.parse::<Platform>() {
        // The printed form leaves out the version of the operating system, as containerd's does.
        let printed = Platform { os_version: None, os_features: Vec::new(), ..platform.clone() };
        assert_eq!(platform.to_string().parse(), Ok(printed), "{platform}");
        assert_eq!(platform.normalised().normalised(), platform.normalised());
        assert!(platform.serves(&platform), "{platform}");
    }
}
