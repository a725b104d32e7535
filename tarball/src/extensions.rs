//! Extension headers before a member: PAX records, and GNU's long names.

use super::member::Member;
use super::pax::{Records, last};
use crate::TarError;
use crate::error::bad_entry;

/// Extension headers seen since the last member, each kind at most once.
#[derive(Default)]
pub(super) struct Extensions {
    records: Option<Records>,
    long_name: Option<Vec<u8>>,
    long_link: Option<Vec<u8>>,
}

impl Extensions {
    pub(super) fn set_records(&mut self, records: Records) -> Result<(), TarError> {
        set_once(&mut self.records, records)
    }

    pub(super) fn set_long_name(&mut self, name: Vec<u8>) -> Result<(), TarError> {
        set_once(&mut self.long_name, name)
    }

    pub(super) fn set_long_link(&mut self, link: Vec<u8>) -> Result<(), TarError> {
        set_once(&mut self.long_link, link)
    }

    /// Checks that no extension header is left over where the tar ends.
    pub(super) fn check_end(&self) -> Result<(), TarError> {
        if self.records.is_some() || self.long_name.is_some() || self.long_link.is_some() {
            return Err(bad_entry(b"", "an extended header without an entry after it"));
        }
        Ok(())
    }

    /// Sets the name and the link target of `member`, and returns the remaining records.
    pub(super) fn apply_names(self, member: &mut Member) -> Result<Records, TarError> {
        let records = self.records.unwrap_or_default();
        override_text(&mut member.name, self.long_name, last(&records, b"path"))?;
        override_text(&mut member.link, self.long_link, last(&records, b"linkpath"))?;
        Ok(records)
    }
}

fn set_once<T>(slot: &mut Option<T>, value: T) -> Result<(), TarError> {
    match slot.replace(value) {
        None => Ok(()),
        Some(_) => Err(bad_entry(b"", "two extended headers of one kind for one member")),
    }
}

/// Replaces the text of a header with a long one, in GNU's form or as a PAX record. Both at once are an error,
/// because readers differ in which one they take.
fn override_text(text: &mut Vec<u8>, gnu: Option<Vec<u8>>, pax: Option<&[u8]>) -> Result<(), TarError> {
    match (gnu, pax) {
        (Some(name), Some(_)) => Err(bad_entry(&name, "a long name both in GNU's form and in that of PAX")),
        (Some(long), None) => {
            *text = long;
            Ok(())
        }
        (None, Some(long)) => {
            *text = long.to_vec();
            Ok(())
        }
        (None, None) => Ok(()),
    }
}
