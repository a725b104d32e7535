//! Python distributions: `*.dist-info/METADATA` and `*.egg-info`, in site-packages, dist-packages and environments alike.
//!
//! Source: Python packaging specifications "Core metadata" and "Recording installed projects"; purl type `pypi`.

use crate::package::{Kind, Package, value};
use crate::paragraph::Paragraph;
use crate::purl::Purl;

/// Longest license text that counts as the name of a license. Some packages put the whole license there.
const MAX_LICENSE_BYTES: usize = 100;

/// Returns the path of the metadata in a directory or file with this name; `None` if it is no Python distribution. An
/// egg-info without PKG-INFO is a file itself.
pub(crate) fn metadata_in(name: &str, is_dir: bool) -> Option<&'static str> {
    match (is_dir, name) {
        (true, name) if name.ends_with(".dist-info") => Some("METADATA"),
        (true, name) if name.ends_with(".egg-info") => Some("PKG-INFO"),
        (true, "EGG-INFO") => Some("PKG-INFO"),
        (false, name) if name.ends_with(".egg-info") => Some(""),
        _ => None,
    }
}

/// Reads the metadata of one distribution. `None` if the text names none.
pub(crate) fn package(bytes: &[u8]) -> Option<Package> {
    let text = String::from_utf8_lossy(bytes);
    let metadata = Paragraph::first(&text);
    let (name, version) = (metadata.get("Name")?, metadata.get("Version").unwrap_or_default());
    let canonical = name.to_ascii_lowercase().replace('_', "-");
    let purl = Purl { kind: "pypi", name: &canonical, version, ..Purl::default() };
    Some(Package {
        license: license(&metadata),
        supplier: metadata.get("Author").or_else(|| metadata.get("Author-email")).and_then(value),
        purl: purl.text(),
        ..Package::new(Kind::Pip, name, version)
    })
}

/// Returns the license expression, else the name of a license, else the license of a classifier.
fn license(metadata: &Paragraph<'_>) -> Option<String> {
    let is_name = |text: &&str| text.len() <= MAX_LICENSE_BYTES && !text.contains('\n') && *text != "UNKNOWN";
    let classifier = || {
        let classifiers = metadata.all("Classifier").filter(|text| text.starts_with("License ::"));
        classifiers.filter_map(|text| text.rsplit("::").next()).map(str::trim).next()
    };
    let named = metadata.get("License-Expression").or_else(|| metadata.get("License").filter(is_name));
    named.or_else(classifier).and_then(value)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check_license(text: &str, expected: Option<&str>) {
        let package = package(format!("Name: a\n{text}\n").as_bytes()).expect("a package");
        assert_eq!(package.license.as_deref(), expected, "{text}");
    }

    #[test]
    fn the_most_precise_license_wins() {
        check_license("License: MIT", Some("MIT"));
        check_license("License: MIT\nLicense-Expression: MIT OR Apache-2.0", Some("MIT OR Apache-2.0"));
        check_license(
            "License: UNKNOWN\nClassifier: License :: OSI Approved :: BSD License",
            Some("BSD License"),
        );
        check_license("License: Copyright\n 2020\nClassifier: Topic :: Net", None);
        check_license("License:", None);
    }

    #[test]
    fn a_text_without_a_name_is_no_distribution() {
        assert_eq!(package(b"Version: 1\n\nName: body\n"), None);
        assert_eq!(package(b"\xff\xfe\0"), None);
    }
}
