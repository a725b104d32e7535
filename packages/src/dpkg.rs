//! Packages of dpkg: `/var/lib/dpkg/status`, and one file for each package in `status.d` (distroless images).
//!
//! A package that was removed and left its configuration is not installed.
//!
//! Source: deb822(5), deb-control(5), dpkg-query(1).

use std::io;
use std::path::Path;

use trees::tree::Tree;

use crate::database::Found;
use crate::limits::MAX_TEXT_DATABASE_BYTES;
use crate::os_release::Distribution;
use crate::package::{Kind, Package, Source, value};
use crate::paragraph::{Paragraph, paragraphs};
use crate::purl::Purl;

const STATUS: &str = "var/lib/dpkg/status";
const STATUS_DIR: &str = "var/lib/dpkg/status.d";

/// Reads the databases of dpkg.
pub(crate) fn read(tree: &dyn Tree, distribution: &Distribution, found: &mut Found) -> io::Result<()> {
    read_file(tree, Path::new(STATUS), distribution, found)?;
    let dir = Path::new(STATUS_DIR);
    if !tree.lookup(dir)?.is_some_and(|entry| entry.is_dir()) {
        return Ok(());
    }
    // Files that end in `.md5sums` list the files of a package and have no `Package:` line.
    for child in tree.children(dir)? {
        read_file(tree, &dir.join(child.name), distribution, found)?;
    }
    Ok(())
}

fn read_file(tree: &dyn Tree, path: &Path, distribution: &Distribution, found: &mut Found) -> io::Result<()> {
    let Some(bytes) = found.database(tree, path, MAX_TEXT_DATABASE_BYTES)? else { return Ok(()) };
    for paragraph in paragraphs(&String::from_utf8_lossy(&bytes)) {
        if let Some(package) = package(&paragraph, distribution) {
            found.add(path, package);
        }
    }
    Ok(())
}

fn package(paragraph: &Paragraph<'_>, distribution: &Distribution) -> Option<Package> {
    let is_installed =
        paragraph.get("Status").is_none_or(|status| status.split_whitespace().last() == Some("installed"));
    let name = paragraph.get("Package").filter(|_| is_installed)?;
    let version = paragraph.get("Version").unwrap_or_default();
    let architecture = paragraph.get("Architecture");
    let distro = distribution.qualifier();
    let purl = Purl {
        kind: "deb",
        namespace: distribution.id.as_deref().unwrap_or("debian"),
        name,
        version,
        qualifiers: &[("arch", architecture), ("distro", distro.as_deref())],
    };
    Some(Package {
        architecture: architecture.and_then(value),
        source: paragraph.get("Source").map(source),
        supplier: paragraph.get("Maintainer").and_then(value),
        purl: purl.text(),
        ..Package::new(Kind::Dpkg, name, version)
    })
}

/// Parses `name` or `name (version)`.
fn source(text: &str) -> Source {
    let (name, rest) = text.split_once('(').unwrap_or((text, ""));
    Source { name: value(name).unwrap_or_default(), version: value(rest.trim_end_matches(')')) }
}
