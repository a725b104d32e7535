//! in-toto statements: a claim about artifacts.
//!
//! Source: in-toto attestation framework, spec/v1/statement.md.

use std::collections::BTreeMap;

use oci::Digest;
use serde::Serialize;
use serde_json::Value;

/// Type of a statement of the framework's version 1.
const STATEMENT_TYPE: &str = "https://in-toto.io/Statement/v1";

/// A claim, and the URI that says how to read it.
#[derive(Debug, Clone, PartialEq)]
pub struct Predicate {
    /// URI of the claim's format, such as `https://slsa.dev/provenance/v1`.
    pub predicate_type: &'static str,
    /// Claim in that format.
    pub body: Value,
    /// Name of the file that holds the statement, for outputs that are files: `provenance.json`.
    pub file_name: String,
}

/// An artifact that a claim is about.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Subject {
    /// Name of the artifact: the purl of an image, or the path of a file.
    pub name: String,
    /// Digest of the artifact's content, by algorithm.
    pub digest: BTreeMap<&'static str, String>,
}

impl Subject {
    /// Creates the subject of an artifact with this content.
    pub fn new(name: String, digest: &Digest) -> Self {
        Self { name, digest: BTreeMap::from([("sha256", digest.hex())]) }
    }
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Statement<'a> {
    #[serde(rename = "_type")]
    kind: &'static str,
    predicate_type: &'static str,
    subject: &'a [Subject],
    predicate: &'a Value,
}

/// Returns the statement that `predicate` holds for the subjects, as JSON.
pub fn statement(predicate: &Predicate, subjects: &[Subject]) -> Vec<u8> {
    let Predicate { predicate_type, body, .. } = predicate;
    let statement = Statement { kind: STATEMENT_TYPE, predicate_type, subject: subjects, predicate: body };
    serde_json::to_vec(&statement).expect("a statement has string keys only")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_statement_names_its_subjects_and_the_type_of_its_claim() {
        let (predicate_type, file_name) = ("https://example.com/claim/v1", "claim.json".to_owned());
        let predicate = Predicate { predicate_type, body: serde_json::json!({"b": 1, "a": 2}), file_name };
        let subject = Subject::new("pkg:docker/x@1".to_owned(), &Digest::of(b""));
        let expected = concat!(
            r#"{"_type":"https://in-toto.io/Statement/v1","predicateType":"https://example.com/claim/v1","#,
            r#""subject":[{"name":"pkg:docker/x@1","digest":{"sha256":"#,
            r#""e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"}}],"#,
            r#""predicate":{"a":2,"b":1}}"#
        );
        assert_eq!(String::from_utf8_lossy(&statement(&predicate, &[subject])), expected);
    }
}
