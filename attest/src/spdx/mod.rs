//! The packages of an image as an SPDX 2.3 document.
//!
//! ```text
//! document   the JSON of a document, its packages and relationships
//! license    licenses as packages state them: an SPDX expression, or a text with a reference to it
//! ```
//!
//! The image is the package that the document describes, and contains all others. The document lists no files and concludes
//! no license: the databases of package managers are the only source.

mod document;
mod license;

use oci::{Digest, Platform, Reference, rfc3339};
use packages::{Inventory, Kind, Package};

use crate::purl::image_purl;
use crate::statement::Predicate;
use document::{CreationInfo, Document, ExternalReference, NO_ASSERTION, PackageEntry, Relationship};
use license::Licenses;

/// Type of a predicate that is an SPDX document.
pub const SPDX_PREDICATE: &str = "https://spdx.dev/Document";

/// Identifier of the image within its document.
const IMAGE_ID: &str = "SPDXRef-Image";

/// Place that the URIs of documents are in. None of them is fetched: the URI only has to be unique.
const NAMESPACE: &str = "https://spdx.org/spdxdocs/dsbuild-";

/// An image, and what its SBOM says about it.
#[derive(Debug, Clone, Copy)]
pub struct Sbom<'a> {
    /// Name of the image; `None` for an image without a name.
    pub name: Option<&'a Reference>,
    /// Platform of the image.
    pub platform: &'a Platform,
    /// Packages that the image contains.
    pub inventory: &'a Inventory,
    /// Time of creation in seconds since 1970: that of the image, so that the same image has the same SBOM.
    pub created_s: i64,
    /// Program and version that make the document, as in `dsbuild-0.1.0`.
    pub tool: &'a str,
}

impl Sbom<'_> {
    /// Returns the SBOM as a claim about the image.
    pub fn predicate(&self) -> Predicate {
        let mut document = self.document();
        // The name of the document is that of its content, so that it is unique and always the same.
        let digest = Digest::of(&serde_json::to_vec(&document).expect("a document has string keys only"));
        document.document_namespace = format!("{NAMESPACE}{}", digest.hex());
        let body = serde_json::to_value(&document).expect("a document has string keys only");
        Predicate { predicate_type: SPDX_PREDICATE, body, file_name: "sbom.spdx.json".to_owned() }
    }

    fn document(&self) -> Document {
        let mut licenses = Licenses::default();
        let packages = &self.inventory.packages;
        let entries = packages.iter().map(|package| entry(package, &mut licenses));
        let entries: Vec<PackageEntry> = [self.image()].into_iter().chain(entries).collect();
        let contains = entries.iter().skip(1).map(|entry| Relationship::contains(IMAGE_ID, &entry.id));
        let relationships = [Relationship::describes(IMAGE_ID)].into_iter().chain(contains).collect();
        Document {
            name: self.title(),
            creation_info: CreationInfo::new(rfc3339(self.created_s), self.tool),
            packages: entries,
            relationships,
            extracted_licenses: licenses.into_texts(),
            ..Document::default()
        }
    }

    fn title(&self) -> String {
        self.name.map_or_else(|| "image".to_owned(), Reference::familiar)
    }

    fn image(&self) -> PackageEntry {
        let purl = self.name.map(|name| ExternalReference::purl(image_purl(name, self.platform)));
        let distribution = &self.inventory.distribution;
        let system = distribution.id.as_ref().map(|id| match &distribution.version {
            Some(version) => format!("an image of {id} {version}"),
            None => format!("an image of {id}"),
        });
        PackageEntry {
            primary_purpose: Some("CONTAINER"),
            source_info: system,
            external_references: purl.into_iter().collect(),
            ..PackageEntry::new(IMAGE_ID.to_owned(), self.title())
        }
    }
}

fn entry(package: &Package, licenses: &mut Licenses) -> PackageEntry {
    let location = package.location.to_string_lossy();
    let license = package.license.as_deref().map(|text| licenses.expression(text));
    PackageEntry {
        version: (!package.version.is_empty()).then(|| package.version.clone()),
        supplier: package.supplier.as_deref().map_or_else(|| NO_ASSERTION.to_owned(), supplier),
        license_declared: license.unwrap_or_else(|| NO_ASSERTION.to_owned()),
        source_info: Some(format!("listed by {} in /{location}", manager(package.kind))),
        external_references: vec![ExternalReference::purl(package.purl.clone())],
        ..PackageEntry::new(identifier(package), package.name.clone())
    }
}

/// Returns the identifier of a package within its document: letters, digits, dots and hyphens only.
fn identifier(package: &Package) -> String {
    let name: String =
        package.name.chars().map(|c| if c.is_ascii_alphanumeric() || c == '.' { c } else { '-' }).collect();
    let digest = Digest::of(format!("{}\0{}", package.purl, package.location.display()).as_bytes());
    format!("SPDXRef-{}-{name}-{}", package.kind, &digest.hex()[..16])
}

/// Returns the supplier in SPDX's form. Databases do not tell a person from a team, and the latter is what suppliers mostly
/// are.
fn supplier(text: &str) -> String {
    format!("Organization: {}", text.replace(['\n', '\r'], " "))
}

fn manager(kind: Kind) -> &'static str {
    match kind {
        Kind::Dpkg => "dpkg",
        Kind::Apk => "apk",
        Kind::Rpm => "rpm",
        Kind::Pip => "Python",
        Kind::Conda => "conda",
        Kind::R => "R",
        Kind::Npm => "npm",
    }
}

#[cfg(test)]
mod tests {
    use packages::Distribution;
    use serde_json::Value;

    use super::*;

    fn package(kind: Kind, name: &str, license: Option<&str>) -> Package {
        Package {
            kind,
            name: name.to_owned(),
            version: "1.0".to_owned(),
            architecture: None,
            location: "db/status".into(),
            license: license.map(str::to_owned),
            source: None,
            supplier: Some("A Team <a@example.org>".to_owned()),
            purl: format!("pkg:generic/{name}@1.0"),
        }
    }

    fn document(name: Option<&str>, packages: Vec<Package>) -> Value {
        let distribution = Distribution { id: Some("debian".to_owned()), version: Some("13".to_owned()) };
        let inventory = Inventory { distribution, packages, ..Inventory::default() };
        let (name, platform) = (name.map(|name| name.parse().expect("a name")), Platform::host());
        let sbom = Sbom {
            name: name.as_ref(),
            platform: &platform,
            inventory: &inventory,
            created_s: 315_619_200,
            tool: "dsbuild-0.1.0",
        };
        let predicate = sbom.predicate();
        assert_eq!(predicate.body, sbom.predicate().body, "another call gives another document");
        predicate.body
    }

    #[test]
    fn the_document_describes_the_image_and_its_packages() {
        let document = document(Some("x:1"), vec![package(Kind::Dpkg, "g++", Some("MIT"))]);
        assert_eq!(document["spdxVersion"], "SPDX-2.3");
        assert_eq!(document["dataLicense"], "CC0-1.0");
        assert_eq!(document["SPDXID"], "SPDXRef-DOCUMENT");
        assert_eq!(document["creationInfo"]["created"], "1980-01-02T00:00:00Z");
        assert_eq!(document["creationInfo"]["creators"], serde_json::json!(["Tool: dsbuild-0.1.0"]));
        let [image, package] = &document["packages"].as_array().expect("a list")[..] else {
            panic!("{document}")
        };
        assert_eq!((&image["name"], &image["primaryPackagePurpose"]), (&"x:1".into(), &"CONTAINER".into()));
        assert_eq!(image["sourceInfo"], "an image of debian 13");
        assert_eq!((&package["name"], &package["versionInfo"]), (&"g++".into(), &"1.0".into()));
        assert_eq!(package["licenseDeclared"], "MIT");
        assert_eq!(package["supplier"], "Organization: A Team <a@example.org>");
        assert_eq!(package["sourceInfo"], "listed by dpkg in /db/status");
        assert_eq!(package["externalRefs"][0]["referenceLocator"], "pkg:generic/g++@1.0");
        let id = package["SPDXID"].as_str().expect("text");
        assert!(id.starts_with("SPDXRef-dpkg-g---"), "{id}");
        let relations: Vec<[&str; 3]> = document["relationships"]
            .as_array()
            .expect("a list")
            .iter()
            .map(|one| {
                ["spdxElementId", "relationshipType", "relatedSpdxElement"]
                    .map(|key| one[key].as_str().expect("text"))
            })
            .collect();
        let expected =
            [["SPDXRef-DOCUMENT", "DESCRIBES", "SPDXRef-Image"], ["SPDXRef-Image", "CONTAINS", id]];
        assert_eq!(relations, expected);
    }

    #[test]
    fn other_packages_give_another_namespace() {
        let namespace =
            |packages| document(None, packages)["documentNamespace"].as_str().expect("text").to_owned();
        let empty = namespace(Vec::new());
        assert!(empty.starts_with(NAMESPACE) && !empty.contains('#'), "{empty}");
        assert_ne!(empty, namespace(vec![package(Kind::Pip, "a", None)]));
    }

    #[test]
    fn a_package_that_is_installed_twice_has_two_identifiers() {
        let other = Package { location: "venv/a".into(), ..package(Kind::Pip, "a", None) };
        let document = document(None, vec![package(Kind::Pip, "a", None), other]);
        assert_ne!(document["packages"][1]["SPDXID"], document["packages"][2]["SPDXID"]);
    }

    #[test]
    fn a_license_that_is_no_expression_is_a_text_of_the_document() {
        let packages = ["BSD-3-Clause OR MIT", "Apache 2.0, see file", "Apache 2.0, see file"];
        let packages = packages
            .iter()
            .enumerate()
            .map(|(n, license)| package(Kind::Pip, &format!("p{n}"), Some(license)));
        let document = document(None, packages.collect());
        let declared =
            |n: usize| document["packages"][n]["licenseDeclared"].as_str().expect("text").to_owned();
        assert_eq!(declared(1), "BSD-3-Clause OR MIT");
        let texts = document["hasExtractedLicensingInfos"].as_array().expect("a list");
        assert_eq!(texts.len(), 1);
        assert_eq!(texts[0]["licenseId"], declared(2));
        assert_eq!(texts[0]["extractedText"], "Apache 2.0, see file");
        assert_eq!(declared(2), declared(3));
    }
}
