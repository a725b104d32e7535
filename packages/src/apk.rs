//! Packages of apk: `/lib/apk/db/installed`, which version 3 of apk keeps in `/usr/lib/apk/db`.
//!
//! A package is a group of lines `letter:value` that an empty line ends: `P` name, `V` version, `A` architecture,
//! `L` license, `o` origin, `m` maintainer. Letters differ from capital letters.
//!
//! Source: apk-tools, "Apk spec", section on the installed database.

use std::io;
use std::path::Path;

use trees::tree::Tree;

use crate::database::Found;
use crate::limits::MAX_TEXT_DATABASE_BYTES;
use crate::os_release::Distribution;
use crate::package::{Kind, Package, Source, value};
use crate::purl::Purl;

const DATABASES: [&str; 2] = ["lib/apk/db/installed", "usr/lib/apk/db/installed"];

/// Reads the database of apk. Where `/lib` is a symlink to `/usr/lib`, both paths are one file.
pub(crate) fn read(tree: &dyn Tree, distribution: &Distribution, found: &mut Found) -> io::Result<()> {
    for path in DATABASES.map(Path::new) {
        if let Some(bytes) = found.database(tree, path, MAX_TEXT_DATABASE_BYTES)? {
            let text = String::from_utf8_lossy(&bytes);
            text.split("\n\n").for_each(|group| found.add(path, package(group, distribution)));
            return Ok(());
        }
    }
    Ok(())
}

fn package(group: &str, distribution: &Distribution) -> Package {
    let field = |letter: &str| {
        group
            .lines()
            .find_map(|line| line.split_once(':').filter(|(name, _)| *name == letter))
            .map(|(_, text)| text)
    };
    let (name, version) = (field("P").unwrap_or_default(), field("V").unwrap_or_default());
    let distro = distribution.qualifier();
    let purl = Purl {
        kind: "apk",
        namespace: distribution.id.as_deref().unwrap_or("alpine"),
        name,
        version,
        qualifiers: &[("arch", field("A")), ("distro", distro.as_deref())],
    };
    Package {
        architecture: field("A").and_then(value),
        license: field("L").and_then(value),
        source: field("o").and_then(value).map(|name| Source { name, version: None }),
        supplier: field("m").and_then(value),
        purl: purl.text(),
        ..Package::new(Kind::Apk, name, version)
    }
}
