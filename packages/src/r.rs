//! Packages in a library of R: a DESCRIPTION in the directory of the package.
//!
//! Only an installed package has a field `Built`; sources, which can lie anywhere, have none.
//!
//! Source: "Writing R Extensions", section 1.1.1; purl type `cran`.

use crate::package::{Kind, Package, value};
use crate::paragraph::Paragraph;
use crate::purl::Purl;

/// Reads the DESCRIPTION of an installed package. `None` for any other text.
pub(crate) fn package(bytes: &[u8]) -> Option<Package> {
    let text = String::from_utf8_lossy(bytes);
    let description = Paragraph::first(&text);
    let (name, version) = (description.get("Package")?, description.get("Version").unwrap_or_default());
    description.get("Built")?;
    let is_bioconductor = description.get("biocViews").is_some();
    let purl = Purl {
        kind: if is_bioconductor { "bioconductor" } else { "cran" },
        name,
        version,
        ..Purl::default()
    };
    Some(Package {
        license: description.get("License").and_then(value),
        supplier: description.get("Maintainer").and_then(value),
        purl: purl.text(),
        ..Package::new(Kind::R, name, version)
    })
}
