//! What a user asks for.
//!
//! ```text
//! request = vendor "/" class [ "=" ( name | "*" ) ]
//! ```

use std::fmt;
use std::str::FromStr;

use crate::CdiError;

/// Devices of one kind.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Request {
    /// `vendor/class`.
    pub(crate) kind: String,
    pub(crate) which: Which,
}

/// Which of a kind.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Which {
    /// The first by name.
    First,
    All,
    /// The one of this name; else those that the annotation for classes puts under it.
    Named(String),
}

impl FromStr for Request {
    type Err = CdiError;

    fn from_str(text: &str) -> Result<Self, CdiError> {
        let bad = |reason| CdiError::Name { name: text.to_owned(), reason };
        let (kind, name) = text.split_once('=').unwrap_or((text, ""));
        check_kind(kind).map_err(bad)?;
        let which = match name {
            "" => Which::First,
            "*" => Which::All,
            name => {
                check_name(name).map_err(bad)?;
                Which::Named(name.to_owned())
            }
        };
        Ok(Self { kind: kind.to_owned(), which })
    }
}

impl fmt::Display for Request {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.which {
            Which::First => f.write_str(&self.kind),
            Which::All => write!(f, "{}=*", self.kind),
            Which::Named(name) => write!(f, "{}={name}", self.kind),
        }
    }
}

/// `vendor.com/class`.
pub(crate) fn check_kind(kind: &str) -> Result<(), &'static str> {
    let Some((vendor, class)) = kind.split_once('/') else {
        return Err("it is not VENDOR/CLASS=NAME, for example nvidia.com/gpu=all");
    };
    let starts_well = |part: &str| part.starts_with(|first: char| first.is_ascii_alphabetic());
    match [vendor, class].into_iter().all(|part| starts_well(part) && is_word(part, "_-.")) {
        true => Ok(()),
        false => Err(
            "vendor and class begin with a letter, end with a letter or digit, and have only those, _, - and . in between",
        ),
    }
}

/// The part after `=`.
pub(crate) fn check_name(name: &str) -> Result<(), &'static str> {
    match is_word(name, "_-.:") {
        true => Ok(()),
        false => {
            Err("a name begins and ends with a letter or digit and has only those, _, -, . and : in between")
        }
    }
}

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
    fn requests() {
        let check = |text: &str, which: Which| {
            let request: Request = text.parse().expect("a name");
            assert_eq!((request.kind.as_str(), &request.which), ("vendor1.com/dev-ice", &which), "{text}");
        };
        check("vendor1.com/dev-ice", Which::First);
        check("vendor1.com/dev-ice=", Which::First);
        check("vendor1.com/dev-ice=*", Which::All);
        check("vendor1.com/dev-ice=0:1", Which::Named("0:1".into()));
    }

    #[test]
    fn what_is_no_request() {
        for text in [
            "", "gpu", "/", "vendor/", "/class", "1v/class", "v/c-", "v/c/d", "v/c=a=b", "v/c=-", "v/c=a b",
            "v/../c",
        ] {
            assert!(text.parse::<Request>().is_err(), "{text}");
        }
    }
}
