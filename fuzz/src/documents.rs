//! Documents of images: manifests, indexes and configurations, as a registry sends them.

use oci::{Document, ImageConfig};
use serde::Serialize;

/// Checks these properties:
///
/// - A document that is parsed and written again is the same document.
/// - Writing is deterministic: a document always gives the same bytes, and so the same digest.
/// - The announced media type decides the kind only if the document agrees.
pub fn check(input: &[u8]) {
    for announced in
        [None, Some("application/json"), Some(oci::media_type::MANIFEST), Some(oci::media_type::INDEX)]
    {
        if let Ok(document) = Document::parse(announced, input) {
            check_document(&document);
        }
    }
    if let Ok(Document::Manifest(manifest)) = Document::parse(None, MANIFEST)
        && let Ok(config) = ImageConfig::parse(&manifest, input)
    {
        let bytes = written(&config);
        let again = ImageConfig::parse(&manifest, &bytes).expect("a written configuration is valid");
        assert_eq!(written(&again), bytes);
        // The rules for a base and for a finished image answer for every document.
        let _ = oci::validate::base(&manifest, &config).is_ok();
        let _ = oci::validate::image(&manifest, &config).is_ok();
    }
}

/// A manifest whose configuration can be any document.
const MANIFEST: &[u8] =
    br#"{"schemaVersion":2,"config":{"mediaType":"application/vnd.oci.image.config.v1+json",
"digest":"sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855","size":2},"layers":[]}"#;

fn check_document(document: &Document) {
    let bytes = match document {
        Document::Manifest(manifest) => written(manifest),
        Document::Index(index) => written(index),
    };
    let again = Document::parse(Some(document.media_type()), &bytes).expect("a written document is valid");
    assert_eq!(again, *document);
}

fn written(document: &impl Serialize) -> Vec<u8> {
    let bytes = serde_json::to_vec(document).expect("the document has only strings as keys");
    assert_eq!(serde_json::to_vec(document).expect("as before"), bytes);
    bytes
}
