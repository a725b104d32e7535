//! `--sbom`, `--provenance` and `--attest`: which attestations a build makes.
//!
//! ```text
//! --attest      type=sbom[,FIELD…] | type=provenance[,FIELD…]
//! --sbom        BOOL | FIELD…          as --attest type=sbom
//! --provenance  BOOL | FIELD…          as --attest type=provenance
//! ```
//!
//! The last flag of a type wins. `disabled=true`, or `false` for the short forms, takes the attestation back.
//!
//! Source: buildx, `docs/reference/buildx_build.md`.

use std::collections::BTreeMap;

/// Attestations that the user asks for. The default asks for none.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct AttestRequest {
    /// True for an SBOM of each image.
    pub sbom: bool,
    /// Provenance of each image; `None` for no provenance.
    pub provenance: Option<ProvenanceRequest>,
}

/// Provenance that the user asks for.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ProvenanceRequest {
    /// Amount of detail in the provenance.
    pub mode: ProvenanceMode,
    /// Version of SLSA's format.
    pub version: SlsaVersion,
    /// URI of the place that builds; empty if the user does not name one.
    pub builder_id: String,
    /// True if the user states that the build is reproducible.
    pub is_reproducible: bool,
    /// Name of the file, for outputs that are files; `None` for `provenance.json`.
    pub file_name: Option<String>,
}

/// Amount of detail in a provenance.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum ProvenanceMode {
    /// Sources, the platform and the Dockerfile's name. No value of a build argument.
    #[default]
    Min,
    /// Also build arguments, labels, names of secrets, the steps and the Dockerfile itself.
    Max,
}

/// Version of the format of SLSA provenance.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum SlsaVersion {
    /// Version 1, the current one.
    #[default]
    V1,
    /// Older version 0.2, which some tools still expect.
    V02,
}

/// A flag that asks for no attestation that exists.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{flag} {value:?}: {reason}")]
pub struct AttestError {
    /// Flag as the user wrote it: `--attest`.
    pub flag: &'static str,
    /// Value of the flag.
    pub value: String,
    /// Defect of the value, as a clause.
    pub reason: String,
}

impl AttestRequest {
    /// Reports whether no attestation is asked for.
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    /// Takes over an `--attest`.
    pub fn add(&mut self, value: &str) -> Result<(), AttestError> {
        let refused = |reason: String| AttestError { flag: "--attest", value: value.to_owned(), reason };
        let mut fields = fields(value).map_err(refused)?;
        let kind = fields.remove("type").unwrap_or_default();
        match kind.as_str() {
            "sbom" => self.set_sbom(fields).map_err(refused),
            "provenance" => self.set_provenance(fields).map_err(refused),
            "" => Err(refused("type is required: type=sbom or type=provenance".to_owned())),
            other => Err(refused(format!("unknown type {other:?}: expected sbom or provenance"))),
        }
    }

    /// Takes over a `--sbom`.
    pub fn add_sbom(&mut self, value: &str) -> Result<(), AttestError> {
        let refused = |reason: String| AttestError { flag: "--sbom", value: value.to_owned(), reason };
        self.set_sbom(short(value).map_err(refused)?).map_err(refused)
    }

    /// Takes over a `--provenance`.
    pub fn add_provenance(&mut self, value: &str) -> Result<(), AttestError> {
        let refused = |reason: String| AttestError { flag: "--provenance", value: value.to_owned(), reason };
        self.set_provenance(short(value).map_err(refused)?).map_err(refused)
    }

    fn set_sbom(&mut self, mut fields: BTreeMap<String, String>) -> Result<(), String> {
        self.sbom = !disabled(&mut fields)?;
        match fields.pop_first() {
            Some((key, value)) if key == "generator" && !value.is_empty() => Err(format!(
                "generator={value} is not supported: packages are read from the databases in the image; leave \
                 generator out"
            )),
            Some((key, _)) if key != "generator" => Err(format!("unknown field {key:?}")),
            _ => Ok(()),
        }
    }

    fn set_provenance(&mut self, mut fields: BTreeMap<String, String>) -> Result<(), String> {
        let is_disabled = disabled(&mut fields)?;
        let mut request = ProvenanceRequest::default();
        for (key, value) in fields {
            request.set(&key, value)?;
        }
        self.provenance = (!is_disabled).then_some(request);
        Ok(())
    }
}

impl ProvenanceRequest {
    fn set(&mut self, key: &str, value: String) -> Result<(), String> {
        match (key, value.as_str()) {
            ("mode", "min" | "") => self.mode = ProvenanceMode::Min,
            ("mode", "max") => self.mode = ProvenanceMode::Max,
            ("mode", other) => return Err(format!("unknown mode {other:?}: expected min or max")),
            ("version", "v1" | "") => self.version = SlsaVersion::V1,
            ("version", "v0.2") => self.version = SlsaVersion::V02,
            ("version", other) => return Err(format!("unknown version {other:?}: expected v1 or v0.2")),
            ("builder-id", _) => self.builder_id = value,
            ("reproducible", _) => self.is_reproducible = boolean(key, &value)?,
            ("filename", "") => self.file_name = None,
            ("filename", name) if name.contains('/') => {
                return Err(format!("filename={name} is a path: expected the name of a file"));
            }
            ("filename", _) => self.file_name = Some(value),
            // The attestation is part of the image in any case.
            ("inline-only", _) => drop(boolean(key, &value)?),
            (other, _) => return Err(format!("unknown field {other:?}")),
        }
        Ok(())
    }
}

/// Reads a short form: a boolean, or fields.
fn short(value: &str) -> Result<BTreeMap<String, String>, String> {
    if value.contains('=') {
        return fields(value);
    }
    let is_wanted = boolean("the value", value)?;
    Ok(BTreeMap::from([("disabled".to_owned(), (!is_wanted).to_string())]))
}

/// Reads `KEY=VALUE` pairs between commas.
fn fields(value: &str) -> Result<BTreeMap<String, String>, String> {
    let pair = |field: &str| match field.trim().split_once('=') {
        Some((key, value)) => Ok((key.trim().to_ascii_lowercase(), value.to_owned())),
        None => Err(format!("{field:?} is not KEY=VALUE")),
    };
    value.split(',').map(pair).collect()
}

fn disabled(fields: &mut BTreeMap<String, String>) -> Result<bool, String> {
    fields.remove("disabled").map_or(Ok(false), |value| boolean("disabled", &value))
}

fn boolean(key: &str, value: &str) -> Result<bool, String> {
    match value {
        "" | "1" | "t" | "T" | "true" | "TRUE" | "True" => Ok(true),
        "0" | "f" | "F" | "false" | "FALSE" | "False" => Ok(false),
        _ => Err(format!("{key} {value:?} is not a boolean")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn attest(values: &[&str]) -> Result<AttestRequest, AttestError> {
        let mut request = AttestRequest::default();
        values.iter().try_for_each(|value| request.add(value)).map(|()| request)
    }

    #[test]
    fn short_forms_are_booleans_or_fields() {
        #[track_caller]
        fn check(sbom: &str, provenance: &str, expected: (bool, Option<ProvenanceMode>)) {
            let mut request = AttestRequest::default();
            request.add_sbom(sbom).expect("an SBOM");
            request.add_provenance(provenance).expect("a provenance");
            assert_eq!((request.sbom, request.provenance.map(|provenance| provenance.mode)), expected);
        }
        check("true", "true", (true, Some(ProvenanceMode::Min)));
        check("", "1", (true, Some(ProvenanceMode::Min)));
        check("false", "0", (false, None));
        check("generator=", "mode=max", (true, Some(ProvenanceMode::Max)));
        check("disabled=true", "mode=max,disabled=true", (false, None));
    }

    #[test]
    fn the_last_flag_of_a_type_wins() {
        let request = attest(&["type=sbom", "type=provenance,mode=max", "type=sbom,disabled=1"]);
        let provenance = ProvenanceRequest { mode: ProvenanceMode::Max, ..ProvenanceRequest::default() };
        assert_eq!(request, Ok(AttestRequest { sbom: false, provenance: Some(provenance) }));
        assert!(AttestRequest::default().is_empty());
    }

    #[test]
    fn a_provenance_has_fields() {
        let text = "type=provenance,version=v0.2,builder-id=https://ci.example/1,reproducible=true,\
                    filename=p.json,inline-only=true";
        let expected = ProvenanceRequest {
            mode: ProvenanceMode::Min,
            version: SlsaVersion::V02,
            builder_id: "https://ci.example/1".to_owned(),
            is_reproducible: true,
            file_name: Some("p.json".to_owned()),
        };
        assert_eq!(attest(&[text]).expect("it is one").provenance, Some(expected));
    }

    #[test]
    fn other_values_are_refused_with_a_reason() {
        #[track_caller]
        fn check(value: &str, complaint: &str) {
            let error = attest(&[value]).expect_err(value).to_string();
            assert!(error.starts_with("--attest ") && error.contains(complaint), "{error}");
        }
        check("sbom", "not KEY=VALUE");
        check("mode=max", "type is required");
        check("type=vex", "unknown type \"vex\"");
        check("type=sbom,generator=scanner:1", "generator=scanner:1 is not supported");
        check("type=sbom,colour=red", "unknown field \"colour\"");
        check("type=provenance,mode=huge", "expected min or max");
        check("type=provenance,version=v9", "expected v1 or v0.2");
        check("type=provenance,disabled=perhaps", "not a boolean");
        check("type=provenance,filename=../x", "is a path");
        let error = AttestRequest::default().add_sbom("maybe").expect_err("no boolean").to_string();
        assert_eq!(error, "--sbom \"maybe\": the value \"maybe\" is not a boolean");
    }
}
