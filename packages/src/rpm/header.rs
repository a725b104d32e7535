//! The header of a package of rpm: tagged values.
//!
//! ```text
//! count of entries, length of the data      4 bytes each; all numbers are big-endian
//! entries    tag, type, offset in the data, number of values      4 bytes each
//! data       texts end in a zero byte
//! ```
//!
//! Source: rpm documentation, "RPM Package format, Header".

use super::bytes::{array, be32};
use crate::os_release::Distribution;
use crate::package::{Kind, Package, Source, value};
use crate::purl::Purl;

const TAG_NAME: usize = 1000;
const TAG_VERSION: usize = 1001;
const TAG_RELEASE: usize = 1002;
const TAG_EPOCH: usize = 1003;
const TAG_VENDOR: usize = 1011;
const TAG_LICENSE: usize = 1014;
const TAG_ARCH: usize = 1022;
const TAG_SOURCE: usize = 1044;

/// Types of values that are texts: one text, several, or one for each language. The first counts.
const TEXTS: [usize; 3] = [6, 8, 9];
const INT32: usize = 4;
const ENTRY_BYTES: usize = 16;

/// Name of the pseudo-packages that hold the keys of repositories.
const KEY_NAME: &str = "gpg-pubkey";

/// Reads a header; `None` if it is damaged. Keys of repositories give a package without a name, which is left out.
pub(super) fn package(header: &[u8], distribution: &Distribution) -> Option<Package> {
    let header = Header::parse(header)?;
    let text = |tag| header.text(tag);
    let (name, version) = (text(TAG_NAME)?, text(TAG_VERSION)?);
    if name == KEY_NAME {
        return Some(Package::new(Kind::Rpm, "", ""));
    }
    let full = match text(TAG_RELEASE) {
        Some(release) => format!("{version}-{release}"),
        None => version,
    };
    let epoch = header.number(TAG_EPOCH).map(|epoch| epoch.to_string());
    let (architecture, distro) = (text(TAG_ARCH), distribution.qualifier());
    let purl = Purl {
        kind: "rpm",
        namespace: distribution.id.as_deref().unwrap_or_default(),
        name: &name,
        version: &full,
        qualifiers: &[
            ("arch", architecture.as_deref()),
            ("distro", distro.as_deref()),
            ("epoch", epoch.as_deref()),
        ],
    };
    let shown = epoch.as_ref().map_or_else(|| full.clone(), |epoch| format!("{epoch}:{full}"));
    Some(Package {
        purl: purl.text(),
        license: text(TAG_LICENSE).as_deref().and_then(value),
        source: text(TAG_SOURCE).as_deref().and_then(value).map(|name| Source { name, version: None }),
        supplier: text(TAG_VENDOR).as_deref().and_then(value),
        architecture,
        ..Package::new(Kind::Rpm, &name, &shown)
    })
}

/// Entries and data of a header whose lengths agree.
struct Header<'a> {
    entries: &'a [u8],
    data: &'a [u8],
}

impl<'a> Header<'a> {
    fn parse(bytes: &'a [u8]) -> Option<Self> {
        let start = 8;
        let end = start + be32(bytes, 0)?.checked_mul(ENTRY_BYTES)?;
        let data_end = end.checked_add(be32(bytes, 4)?)?;
        Some(Self { entries: bytes.get(start..end)?, data: bytes.get(end..data_end)? })
    }

    /// Returns the type and the offset of a tag.
    fn find(&self, tag: usize) -> Option<(usize, usize)> {
        let entry = self.entries.chunks_exact(ENTRY_BYTES).find(|entry| be32(entry, 0) == Some(tag))?;
        Some((be32(entry, 4)?, be32(entry, 8)?))
    }

    fn text(&self, tag: usize) -> Option<String> {
        let (_, offset) = self.find(tag).filter(|(kind, _)| TEXTS.contains(kind))?;
        let rest = self.data.get(offset..)?;
        let end = rest.iter().position(|byte| *byte == 0)?;
        Some(String::from_utf8_lossy(&rest[..end]).into_owned())
    }

    fn number(&self, tag: usize) -> Option<u32> {
        let (_, offset) = self.find(tag).filter(|(kind, _)| *kind == INT32)?;
        array(self.data, offset).map(u32::from_be_bytes)
    }
}
