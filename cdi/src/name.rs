//! Requests of users for devices, and the rules for names.
//!
//! ```text
//! request = vendor "/" class [ "=" ( name | "*" ) ]
//! ```

use std::fmt;
use std::str::FromStr;

use crate::CdiError;

/// A request for devices of one kind.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Request {
    /// Vendor and class: `nvidia.com/gpu`.
    pub(crate) kind: String,
    pub(crate) selector: Selector,
}

/// Selects devices among all of a kind.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Selector {
    /// The first device by name.
    First,
    /// All devices, written `*`.
    All,
    /// The device with this name, or all devices with this class if no device has the name.
    Named(String),
}

impl FromStr for Request {
    type Err = CdiError;

    fn from_str(text: &str) -> Result<Self, CdiError> {
        let bad = |reason| CdiError::Name { name: text.to_owned(), reason };
        let (kind, name) = text.split_once('=').unwrap_or((text, ""));
        check_kind(kind).map_err(bad)?;
        let selector = match name {
            "" => Selector::First,
            "*" => Selector::All,
            name => {
                check_name(name).map_err(bad)?;
                Selector::Named(name.to_owned())
            }
        };
        Ok(Self { kind: kind.to_owned(), selector })
    }
}

impl fmt::Display for Request {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.selector {
            Selector::First => f.write_str(&self.kind),
            Selector::All => write!(f, "{}=*", self.kind),
            Selector::Named(name) => write!(f, "{}={name}", self.kind),
        }
    }
}

/// Checks a kind: `vendor.com/class`. The error is the rule that it breaks.
pub(crate) fn check_kind(kind: &str) -> Result<(), &'static str> {
    let Some((vendor, class)) = kind.split_once('/') else {
        return Err("it is not VENDOR/CLASS=NAME, for example nvidia.com/gpu=all");
    };
    let starts_well = |part: &str| part.starts_with(|first: char| first.is_ascii_alphabetic());
    if [vendor, class].into_iter().all(|part| starts_well(part) && is_word(part, "_-.")) {
        return Ok(());
    }
    Err(
        "vendor and class begin with a letter, end with a letter or digit, and have only letters, digits, _, - and . in between",
    )
}

/// Checks the name of a device, the part after `=`. The error is the rule that it breaks.
pub(crate) fn check_name(name: &str) -> Result<(), &'static str> {
    if is_word(name, "_-.:") {
        return Ok(());
    }
    Err(
        "a name begins and ends with a letter or digit, and has only letters, digits, _, -, . and : in between",
    )
}

/// Reports whether `text` begins and ends with a letter or digit and has only these and the characters of `between`.
fn is_word(text: &str, between: &str) -> bool {
    let alphanumeric = |c: char| c.is_ascii_alphanumeric();
    text.starts_with(alphanumeric)
        && text.ends_with(alphanumeric)
        && text.chars().all(|c| alphanumeric(c) || between.contains(c))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_request_selects_the_first_all_or_named_devices() {
        let check = |text: &str, selector: Selector| {
            let request: Request = text.parse().expect("a valid request");
            assert_eq!(
                (request.kind.as_str(), &request.selector),
                ("vendor1.com/dev-ice", &selector),
                "{text}"
            );
        };
        check("vendor1.com/dev-ice", Selector::First);
        check("vendor1.com/dev-ice=", Selector::First);
        check("vendor1.com/dev-ice=*", Selector::All);
        check("vendor1.com/dev-ice=0:1", Selector::Named("0:1".into()));
    }

    #[test]
    fn malformed_requests_are_refused() {
        for text in [
            "", "gpu", "/", "vendor/", "/class", "1v/class", "v/c-", "v/c/d", "v/c=a=b", "v/c=-", "v/c=a b",
            "v/../c",
        ] {
            assert!(text.parse::<Request>().is_err(), "{text}");
        }
    }
}
