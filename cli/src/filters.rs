//! The values of `--filter`: `KEY=VALUE`, as docker reads them.
//!
//! Values of one key are alternatives, except for labels, all of which must match. Several keys must match together.

use std::collections::BTreeMap;

use super::{moment, values};
use crate::UsageError;

/// Conditions of a list or of a removal.
#[derive(Debug, Default)]
pub struct Filters {
    pairs: Vec<(String, String)>,
}

impl Filters {
    /// Parses the values of the flag. A key that the command does not know is an error.
    pub fn parse(texts: &[String], known: &[&str]) -> Result<Self, UsageError> {
        let mut pairs = Vec::new();
        for text in texts {
            let (key, value) = text.split_once('=').ok_or_else(|| {
                UsageError::new(format!("--filter {text:?}: a filter is KEY=VALUE"))
                    .with_hint(keys_hint(known))
            })?;
            let key = key.trim().to_ascii_lowercase();
            if !known.contains(&key.as_str()) {
                let error = UsageError::new(format!("--filter {text:?}: invalid filter {key:?}"));
                return Err(error.with_hint(keys_hint(known)));
            }
            pairs.push((key, value.trim().to_owned()));
        }
        Ok(Self { pairs })
    }

    /// Returns the values of a key, in the order of the command line.
    pub fn values<'a>(&'a self, key: &'a str) -> impl Iterator<Item = &'a str> {
        self.pairs.iter().filter(move |(name, _)| name == key).map(|(_, value)| value.as_str())
    }

    /// Reports whether a key is absent, or one of its values is accepted.
    pub fn accepts(&self, key: &str, accept: impl FnMut(&str) -> bool) -> bool {
        self.values(key).next().is_none() || self.values(key).any(accept)
    }

    /// Returns the value of a key that is true or false; `None` if it is absent.
    pub fn switch(&self, key: &str) -> Result<Option<bool>, UsageError> {
        let Some(text) = self.values(key).last() else { return Ok(None) };
        values::switch(text)
            .map(Some)
            .map_err(|reason| UsageError::new(format!("--filter {key}={text}: {reason}")))
    }

    /// Reports whether labels satisfy `label=KEY`, `label=KEY=VALUE`, `label!=KEY` and `label!=KEY=VALUE`.
    pub fn accepts_labels(&self, labels: &BTreeMap<String, String>) -> bool {
        let has = |wanted: &str| match wanted.split_once('=') {
            Some((key, value)) => labels.get(key).is_some_and(|found| found == value),
            None => labels.contains_key(wanted),
        };
        self.values("label").all(has) && !self.values("label!").any(has)
    }

    /// Returns the moment before which things must have been made, in milliseconds since 1970; `None` without `until`.
    pub fn until_ms(&self, now_ms: u64) -> Result<Option<u64>, UsageError> {
        let Some(text) = self.values("until").last() else { return Ok(None) };
        moment::parse(text, now_ms).map(Some).ok_or_else(|| {
            UsageError::new(format!("--filter until={text}: not a moment"))
                .with_hint("for example until=24h, until=2026-01-31 or until=2026-01-31T12:00:00Z")
        })
    }
}

fn keys_hint(known: &[&str]) -> String {
    let shown: Vec<&str> = known.iter().copied().filter(|key| !key.ends_with('!')).collect();
    format!("the filters of this command are: {}", shown.join(", "))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn filters(texts: &[&str]) -> Filters {
        let texts: Vec<String> = texts.iter().map(|text| (*text).to_owned()).collect();
        Filters::parse(&texts, &["dangling", "label", "label!", "reference", "until"]).expect("valid")
    }

    #[test]
    fn labels_must_all_match() {
        let labels = BTreeMap::from([("a".to_owned(), "1".to_owned()), ("b".to_owned(), String::new())]);
        let check = |texts: &[&str], expected: bool| {
            assert_eq!(filters(texts).accepts_labels(&labels), expected, "{texts:?}");
        };
        check(&[], true);
        check(&["label=a"], true);
        check(&["label=a=1", "label=b"], true);
        check(&["label=a=1", "label=c"], false);
        check(&["label=a=2"], false);
        check(&["label!=c"], true);
        check(&["label!=a"], false);
        check(&["label!=a=2"], true);
    }

    #[test]
    fn values_of_one_key_are_alternatives() {
        let names = filters(&["reference=a", "reference=b"]);
        assert!(names.accepts("reference", |value| value == "b"));
        assert!(!names.accepts("reference", |value| value == "c"));
        assert!(names.accepts("label", |_| false), "a key without values accepts everything");
    }

    #[test]
    fn an_unknown_filter_is_refused() {
        let report =
            |text: &str| Filters::parse(&[text.to_owned()], &["label"]).err().map(|one| one.to_string());
        assert!(report("colour=red").is_some_and(|text| text.contains("invalid filter \"colour\"")));
        assert!(report("label").is_some_and(|text| text.contains("KEY=VALUE")));
        assert!(filters(&["dangling=maybe"]).switch("dangling").is_err());
        assert_eq!(filters(&["dangling=true"]).switch("dangling").ok(), Some(Some(true)));
    }
}
