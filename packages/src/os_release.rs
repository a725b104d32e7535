//! The distribution of an image, from `/etc/os-release` or `/usr/lib/os-release`.
//!
//! Source: os-release(5).

use std::io;
use std::path::Path;

use trees::tree::Tree;

use crate::database::Found;
use crate::limits::MAX_DESCRIPTION_BYTES;
use crate::package::value;

/// Distribution that the packages of the system belong to. Both values are absent if the image does not name one.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub struct Distribution {
    /// Identifier such as `debian` or `fedora`.
    pub id: Option<String>,
    /// Version such as `13` or `3.20.1`.
    pub version: Option<String>,
}

impl Distribution {
    /// Reads the distribution of a tree.
    pub(crate) fn of(tree: &dyn Tree, found: &mut Found) -> io::Result<Self> {
        for path in ["etc/os-release", "usr/lib/os-release"] {
            if let Some(bytes) = found.database(tree, Path::new(path), MAX_DESCRIPTION_BYTES)? {
                return Ok(Self::parse(&String::from_utf8_lossy(&bytes)));
            }
        }
        Ok(Self::default())
    }

    /// Returns the qualifier `distro` of a purl: `debian-13`; `None` for an image without a distribution.
    pub(crate) fn qualifier(&self) -> Option<String> {
        let id = self.id.as_ref()?;
        Some(self.version.as_ref().map_or_else(|| id.clone(), |version| format!("{id}-{version}")))
    }

    fn parse(text: &str) -> Self {
        let field = |name: &str| {
            let values = text.lines().filter_map(|line| line.trim().strip_prefix(name)?.strip_prefix('='));
            values.map(|text| text.trim_matches(['"', '\'', ' '])).next_back().and_then(value)
        };
        Self { id: field("ID"), version: field("VERSION_ID") }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn identifier_and_version_are_read_with_and_without_quotes() {
        let text = "NAME=\"Debian\"\nVERSION_ID=\"13\"\nID=debian\nID_LIKE=x\n";
        let expected = Distribution { id: Some("debian".into()), version: Some("13".into()) };
        assert_eq!(Distribution::parse(text), expected);
        assert_eq!(Distribution::parse("VERSION=1\n"), Distribution::default());
    }
}
