//! Packages of Node.js: the `package.json` of each directory in a `node_modules` directory.
//!
//! Source: npm documentation, "package.json"; purl type `npm`.

use serde_json::Value;

use crate::package::{Kind, Package, value};
use crate::purl::Purl;

/// Reads a `package.json`. `None` if it names no package; such files select a module system and are common. The error is
/// the defect, as a clause.
pub(crate) fn package(bytes: &[u8]) -> Result<Option<Package>, String> {
    let document: Value = serde_json::from_slice(bytes).map_err(|error| format!("it is damaged: {error}"))?;
    let text = |field: &str| document.get(field).and_then(Value::as_str);
    let (Some(name), Some(version)) = (text("name"), text("version")) else { return Ok(None) };
    let (namespace, base) = match name.split_once('/') {
        Some((scope, base)) if scope.starts_with('@') => (scope, base),
        _ => ("", name),
    };
    let purl = Purl { kind: "npm", namespace, name: base, version, ..Purl::default() };
    Ok(Some(Package {
        license: license(&document),
        purl: purl.text(),
        ..Package::new(Kind::Npm, name, version)
    }))
}

/// Returns the license: text, or in old packages `{"type": …}`.
fn license(document: &Value) -> Option<String> {
    let license = document.get("license")?;
    license.as_str().or_else(|| license.get("type")?.as_str()).and_then(value)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scopes_are_namespaces_and_old_licenses_are_read() {
        let json = br#"{"name":"@babel/core","version":"7.1.0","license":{"type":"MIT"}}"#;
        let package = package(json).expect("JSON").expect("a package");
        assert_eq!(package.purl, "pkg:npm/%40babel/core@7.1.0");
        assert_eq!(package.license.as_deref(), Some("MIT"));
    }

    #[test]
    fn a_file_that_selects_a_module_system_is_no_package() {
        assert_eq!(package(br#"{"type":"module"}"#), Ok(None));
        assert_eq!(package(b"[1]"), Ok(None));
        assert!(package(b"{").is_err());
    }
}
