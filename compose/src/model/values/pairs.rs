//! Variables, labels, options and hosts: mappings that can be lists of `KEY=VALUE`.

use std::collections::BTreeMap;

use serde::de::Error;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::Value;

use super::scalar_text;

/// Labels and the like: a value without text is empty.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Pairs(pub BTreeMap<String, String>);

/// Variables of a process; `None` for a variable whose value the environment lacks, so that it stays unset.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Environment(pub BTreeMap<String, Option<String>>);

/// Addresses by name of the host. Written as a sorted list of `NAME=ADDRESS`.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Hosts(pub BTreeMap<String, Vec<String>>);

impl<'de> Deserialize<'de> for Pairs {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let pairs = match Value::deserialize(deserializer)? {
            Value::Object(map) => {
                map.iter().map(|(key, value)| (key.clone(), scalar_text(value).unwrap_or_default())).collect()
            }
            Value::Array(items) => items.iter().filter_map(scalar_text).map(|pair| split(&pair)).collect(),
            Value::Null => BTreeMap::new(),
            _ => return Err(D::Error::custom("must be a mapping or a list of KEY=VALUE")),
        };
        Ok(Self(pairs))
    }
}

fn split(pair: &str) -> (String, String) {
    let (key, value) = pair.split_once('=').unwrap_or((pair, ""));
    (key.to_owned(), value.to_owned())
}

impl<'de> Deserialize<'de> for Environment {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let mut variables = BTreeMap::new();
        match Value::deserialize(deserializer)? {
            Value::Object(map) => {
                variables.extend(map.iter().map(|(name, value)| (name.clone(), scalar_text(value))));
            }
            Value::Array(items) => {
                for pair in items.iter().filter_map(scalar_text) {
                    let (name, value) = match pair.split_once('=') {
                        Some((name, value)) => (name, Some(value.to_owned())),
                        None => (pair.as_str(), None),
                    };
                    if name.ends_with(char::is_whitespace) {
                        return Err(D::Error::custom(format!(
                            "the name {name:?} of a variable ends with a blank"
                        )));
                    }
                    variables.insert(name.to_owned(), value);
                }
            }
            Value::Null => {}
            _ => return Err(D::Error::custom("must be a mapping or a list of NAME=VALUE")),
        }
        Ok(Self(variables))
    }
}

impl<'de> Deserialize<'de> for Hosts {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let mut hosts: BTreeMap<String, Vec<String>> = BTreeMap::new();
        match Value::deserialize(deserializer)? {
            Value::Object(map) => {
                for (host, value) in map {
                    let addresses = match value {
                        Value::Array(items) => items.iter().filter_map(scalar_text).collect(),
                        one => vec![scalar_text(&one).unwrap_or_default()],
                    };
                    hosts.insert(host, addresses);
                }
            }
            Value::Array(items) => {
                for item in items.iter().filter_map(scalar_text) {
                    let pair = item.split_once('=').or_else(|| item.split_once(':'));
                    let (host, addresses) =
                        pair.ok_or_else(|| D::Error::custom(format!("{item:?} is not HOST=ADDRESS")))?;
                    let addresses = addresses.split(',').map(ToOwned::to_owned);
                    hosts.entry(host.to_owned()).or_default().extend(addresses);
                }
            }
            Value::Null => {}
            _ => return Err(D::Error::custom("must be a mapping or a list of HOST=ADDRESS")),
        }
        for (host, addresses) in &mut hosts {
            if host.is_empty() || host.contains([':', '=']) {
                return Err(D::Error::custom(format!("{host:?} is not the name of a host")));
            }
            addresses.iter_mut().for_each(remove_brackets);
        }
        Ok(Self(hosts))
    }
}

/// Turns `[::1]` into `::1`.
fn remove_brackets(address: &mut String) {
    if let Some(inner) = address.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')) {
        *address = inner.to_owned();
    }
}

impl Serialize for Hosts {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut list: Vec<String> = self
            .0
            .iter()
            .flat_map(|(host, addresses)| addresses.iter().map(move |address| format!("{host}={address}")))
            .collect();
        list.sort();
        list.serialize(serializer)
    }
}

/// Reads the options of a provider: each has one value or several.
pub(in super::super) fn options<'de, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<BTreeMap<String, Vec<String>>, D::Error> {
    let map = BTreeMap::<String, Value>::deserialize(deserializer)?;
    let values = |value: Value| match value {
        Value::Array(items) => items.iter().filter_map(scalar_text).collect(),
        one => scalar_text(&one).into_iter().collect(),
    };
    Ok(map.into_iter().map(|(key, value)| (key, values(value))).collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn both_forms_give_the_same_pairs() {
        let check = |value: Value, expected: Value| {
            let pairs: Environment = serde_json::from_value(value).unwrap();
            assert_eq!(serde_json::to_value(pairs).unwrap(), expected);
        };
        check(json!({"A": 1.50, "B": null, "C": true}), json!({"A": "1.5", "B": null, "C": "true"}));
        check(json!(["A=1=2", "B", "C="]), json!({"A": "1=2", "B": null, "C": ""}));
        assert!(serde_json::from_value::<Environment>(json!(["A =1"])).is_err());
        let labels: Pairs = serde_json::from_value(json!(["a", "b=c"])).unwrap();
        assert_eq!(serde_json::to_value(labels).unwrap(), json!({"a": "", "b": "c"}));
    }

    #[test]
    fn hosts_are_listed_with_each_address() {
        let check = |value: Value, expected: Value| {
            let hosts: Hosts = serde_json::from_value(value).unwrap();
            assert_eq!(serde_json::to_value(hosts).unwrap(), expected);
        };
        check(json!(["b:1.1.1.1", "a=[::1],2.2.2.2"]), json!(["a=2.2.2.2", "a=::1", "b=1.1.1.1"]));
        check(json!({"a": ["1", "2"], "b": "3"}), json!(["a=1", "a=2", "b=3"]));
        assert!(serde_json::from_value::<Hosts>(json!(["a"])).is_err());
    }
}
