//! Packages of a conda environment: one JSON file for each package in `conda-meta`.
//!
//! Source: conda documentation, "conda-meta"; purl type `conda`.

use serde::Deserialize;

use crate::package::{Kind, Package, value};
use crate::purl::Purl;

/// Fields of a file in `conda-meta`. Each can be absent or null.
#[derive(Deserialize, Default)]
#[serde(default)]
struct Record {
    name: Option<String>,
    version: Option<String>,
    build: Option<String>,
    subdir: Option<String>,
    license: Option<String>,
    channel: Option<String>,
}

/// Reads one file of `conda-meta`. The error is the defect, as a clause.
pub(crate) fn package(bytes: &[u8]) -> Result<Package, String> {
    let record: Record = serde_json::from_slice(bytes).map_err(|error| format!("it is damaged: {error}"))?;
    let (name, version) = (record.name.unwrap_or_default(), record.version.unwrap_or_default());
    let channel = record.channel.as_deref().map(|channel| channel_name(channel, record.subdir.as_deref()));
    let purl = Purl {
        kind: "conda",
        name: &name,
        version: &version,
        qualifiers: &[
            ("build", record.build.as_deref()),
            ("channel", channel.filter(|channel| !channel.is_empty())),
            ("subdir", record.subdir.as_deref()),
        ],
        ..Purl::default()
    };
    Ok(Package {
        architecture: record.subdir.as_deref().and_then(value),
        license: record.license.as_deref().and_then(value),
        purl: purl.text(),
        ..Package::new(Kind::Conda, &name, &version)
    })
}

/// Returns the last part of a channel's URL, without the directory of the platform: `conda-forge`.
fn channel_name<'a>(channel: &'a str, subdir: Option<&str>) -> &'a str {
    let channel = channel.trim_end_matches('/');
    let channel = subdir.and_then(|subdir| channel.strip_suffix(subdir)).unwrap_or(channel);
    channel.trim_end_matches('/').rsplit('/').next().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_channel_is_named_without_its_server() {
        assert_eq!(
            channel_name("https://conda.anaconda.org/conda-forge/linux-64", Some("linux-64")),
            "conda-forge"
        );
        assert_eq!(channel_name("defaults", None), "defaults");
        assert_eq!(channel_name("/", Some("x")), "");
    }

    #[test]
    fn null_counts_as_absent() {
        let package = package(br#"{"name":"a","version":null,"license":null}"#).expect("a package");
        assert_eq!(
            (package.version.as_str(), package.license, package.purl.as_str()),
            ("", None, "pkg:conda/a")
        );
    }
}
