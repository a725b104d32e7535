//! Package URLs (purl): `pkg:type/namespace/name@version?qualifiers`.
//!
//! Source: the purl specification 1.0 and its type definitions; colons are not encoded, blanks are `%20`.

use std::fmt::Write;

/// Parts of a package URL.
#[derive(Debug, Default)]
pub(crate) struct Purl<'a> {
    /// Type such as `deb` or `pypi`.
    pub(crate) kind: &'a str,
    /// Namespace such as a distribution or a scope; empty for none.
    pub(crate) namespace: &'a str,
    pub(crate) name: &'a str,
    pub(crate) version: &'a str,
    /// Keys and values in the order of the keys. Those without a value are left out.
    pub(crate) qualifiers: &'a [(&'a str, Option<&'a str>)],
}

impl Purl<'_> {
    /// Returns the URL in its canonical form.
    pub(crate) fn text(&self) -> String {
        let mut text = format!("pkg:{}/", self.kind);
        if !self.namespace.is_empty() {
            encode(&mut text, self.namespace);
            text.push('/');
        }
        encode(&mut text, self.name);
        if !self.version.is_empty() {
            text.push('@');
            encode(&mut text, self.version);
        }
        let present = self.qualifiers.iter().filter_map(|(key, value)| Some((key, (*value)?)));
        for (number, (key, value)) in present.enumerate() {
            text.push(if number == 0 { '?' } else { '&' });
            text.push_str(key);
            text.push('=');
            encode(&mut text, value);
        }
        text
    }
}

/// Appends `part` with everything encoded that a purl does not allow in a component.
fn encode(text: &mut String, part: &str) {
    for byte in part.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~:".contains(&byte) {
            text.push(byte.into());
        } else {
            let _ = write!(text, "%{byte:02X}");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn components_are_encoded_and_empty_ones_left_out() {
        let purl = Purl {
            kind: "deb",
            namespace: "debian",
            name: "g++",
            version: "1:2~rc+b",
            qualifiers: &[("arch", Some("amd64")), ("distro", None), ("x", Some("a b"))],
        };
        assert_eq!(purl.text(), "pkg:deb/debian/g%2B%2B@1:2~rc%2Bb?arch=amd64&x=a%20b");
        assert_eq!(
            Purl { kind: "npm", namespace: "@s", name: "n", ..Purl::default() }.text(),
            "pkg:npm/%40s/n"
        );
    }
}
