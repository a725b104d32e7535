//! The JSON of an SPDX 2.3 document, as far as it is used here.
//!
//! Source: SPDX 2.3 and its JSON schema.

use serde::Serialize;

/// Value of a field about which the document makes no statement.
pub(super) const NO_ASSERTION: &str = "NOASSERTION";

/// Identifier of the document within itself.
const DOCUMENT_ID: &str = "SPDXRef-DOCUMENT";

/// A document. The default has no name, no time and no packages.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Document {
    #[serde(rename = "SPDXID")]
    pub id: &'static str,
    pub spdx_version: &'static str,
    pub data_license: &'static str,
    pub name: String,
    pub document_namespace: String,
    pub creation_info: CreationInfo,
    pub packages: Vec<PackageEntry>,
    pub relationships: Vec<Relationship>,
    #[serde(rename = "hasExtractedLicensingInfos", skip_serializing_if = "Vec::is_empty")]
    pub extracted_licenses: Vec<LicenseText>,
}

impl Default for Document {
    fn default() -> Self {
        Self {
            id: DOCUMENT_ID,
            spdx_version: "SPDX-2.3",
            // The specification demands this license for the data of every document.
            data_license: "CC0-1.0",
            name: String::new(),
            document_namespace: String::new(),
            creation_info: CreationInfo::default(),
            packages: Vec::new(),
            relationships: Vec::new(),
            extracted_licenses: Vec::new(),
        }
    }
}

/// Time and tool of a document.
#[derive(Debug, Default, Serialize)]
pub(super) struct CreationInfo {
    created: String,
    creators: [String; 1],
}

impl CreationInfo {
    pub fn new(created: String, tool: &str) -> Self {
        Self { created, creators: [format!("Tool: {tool}")] }
    }
}

/// A package of a document.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct PackageEntry {
    #[serde(rename = "SPDXID")]
    pub id: String,
    pub name: String,
    #[serde(rename = "versionInfo", skip_serializing_if = "Option::is_none")]
    pub version: Option<String>,
    pub supplier: String,
    pub download_location: &'static str,
    pub files_analyzed: bool,
    pub license_concluded: &'static str,
    pub license_declared: String,
    pub copyright_text: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub source_info: Option<String>,
    #[serde(rename = "primaryPackagePurpose", skip_serializing_if = "Option::is_none")]
    pub primary_purpose: Option<&'static str>,
    #[serde(rename = "externalRefs", skip_serializing_if = "Vec::is_empty")]
    pub external_references: Vec<ExternalReference>,
}

impl PackageEntry {
    /// Creates the entry of a package about which nothing but its name is known.
    pub fn new(id: String, name: String) -> Self {
        Self {
            id,
            name,
            version: None,
            supplier: NO_ASSERTION.to_owned(),
            download_location: NO_ASSERTION,
            files_analyzed: false,
            license_concluded: NO_ASSERTION,
            license_declared: NO_ASSERTION.to_owned(),
            copyright_text: NO_ASSERTION,
            source_info: None,
            primary_purpose: None,
            external_references: Vec::new(),
        }
    }
}

/// A reference to a package in the words of others.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct ExternalReference {
    reference_category: &'static str,
    reference_type: &'static str,
    reference_locator: String,
}

impl ExternalReference {
    /// Creates the reference that is a package URL.
    pub fn purl(locator: String) -> Self {
        Self { reference_category: "PACKAGE-MANAGER", reference_type: "purl", reference_locator: locator }
    }
}

/// A relationship of two elements of a document.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Relationship {
    spdx_element_id: String,
    relationship_type: &'static str,
    related_spdx_element: String,
}

impl Relationship {
    /// Says that the document describes the element `id`.
    pub fn describes(id: &str) -> Self {
        Self::new(DOCUMENT_ID, "DESCRIBES", id)
    }

    /// Says that the element `whole` contains the element `part`.
    pub fn contains(whole: &str, part: &str) -> Self {
        Self::new(whole, "CONTAINS", part)
    }

    fn new(from: &str, relationship_type: &'static str, to: &str) -> Self {
        Self { spdx_element_id: from.to_owned(), relationship_type, related_spdx_element: to.to_owned() }
    }
}

/// A license that is a text and no SPDX expression.
#[derive(Debug, Serialize)]
pub(super) struct LicenseText {
    #[serde(rename = "licenseId")]
    pub id: String,
    #[serde(rename = "extractedText")]
    pub text: String,
}
