//! The tree of a Compose file: values with the position that they come from.

use std::collections::BTreeMap;

use crate::error::Location;

/// Mapping from keys to values; sorted, since the order of keys has no meaning in Compose.
pub type Map = BTreeMap<String, Node>;

/// Value of a Compose file and its position: that of its key, or of the item in a list.
#[derive(Debug, Clone, PartialEq)]
pub struct Node {
    /// The value at this position.
    pub value: Value,
    /// Position in the file that the value comes from.
    pub at: Location,
}

/// Data types of YAML that Compose knows.
#[derive(Debug, Clone, PartialEq)]
pub enum Value {
    /// An empty value, `~` or `null`.
    Null,
    /// The words true and false.
    Bool(bool),
    /// Integer, whatever its base was.
    Int(i64),
    /// Number with a fraction or an exponent.
    Float(f64),
    /// Text, quoted or not.
    Text(String),
    /// Values in the order of the file.
    List(Vec<Node>),
    /// Values by their keys, which are texts.
    Map(Map),
}

impl Node {
    /// Creates a value at a position.
    pub fn new(value: Value, at: &Location) -> Self {
        Self { value, at: at.clone() }
    }

    /// Creates a text at a position.
    pub fn text(text: impl Into<String>, at: &Location) -> Self {
        Self::new(Value::Text(text.into()), at)
    }

    /// Returns the text, or `None` if the value is anything else.
    pub fn as_text(&self) -> Option<&str> {
        match &self.value {
            Value::Text(text) => Some(text),
            _ => None,
        }
    }

    /// Returns the mapping, or `None` if the value is anything else.
    pub fn as_map(&self) -> Option<&Map> {
        match &self.value {
            Value::Map(map) => Some(map),
            _ => None,
        }
    }

    /// Returns the mapping to change it, or `None` if the value is anything else.
    pub fn as_map_mut(&mut self) -> Option<&mut Map> {
        match &mut self.value {
            Value::Map(map) => Some(map),
            _ => None,
        }
    }

    /// Returns the items of a list, or `None` if the value is anything else.
    pub fn as_list(&self) -> Option<&[Self]> {
        match &self.value {
            Value::List(items) => Some(items),
            _ => None,
        }
    }

    /// Returns the items of a list to change them, or `None` if the value is anything else.
    pub fn as_list_mut(&mut self) -> Option<&mut Vec<Self>> {
        match &mut self.value {
            Value::List(items) => Some(items),
            _ => None,
        }
    }

    /// Returns the value of a key, or `None` if there is no such key or the value is no mapping.
    pub fn get(&self, key: &str) -> Option<&Self> {
        self.as_map()?.get(key)
    }

    /// Reports whether the value is null.
    pub fn is_null(&self) -> bool {
        self.value == Value::Null
    }
}

impl Value {
    /// Returns a scalar as text, as docker compose writes it into environments and labels: `true`, `8080`, `1.5`, `1e+21`.
    ///
    /// A list or a mapping, which has no such form, gives an empty text.
    pub fn to_text(&self) -> String {
        match self {
            Self::Bool(value) => value.to_string(),
            Self::Int(value) => value.to_string(),
            Self::Float(value) => float_text(*value),
            Self::Text(text) => text.clone(),
            Self::Null | Self::List(_) | Self::Map(_) => String::new(),
        }
    }
}

/// Writes a number as Go's `%v` does: shortest digits, and an exponent for very large and very small numbers.
fn float_text(value: f64) -> String {
    if value.is_infinite() {
        return if value > 0.0 { "+Inf" } else { "-Inf" }.to_owned();
    }
    let size = value.abs();
    if value == 0.0 || value.is_nan() || (1e-4..1e21).contains(&size) {
        return value.to_string();
    }
    let text = format!("{value:e}");
    let (digits, exponent) = text.split_once('e').unwrap_or((&text, "0"));
    let exponent: i32 = exponent.parse().unwrap_or(0);
    let sign = if exponent < 0 { '-' } else { '+' };
    format!("{digits}e{sign}{:02}", exponent.abs())
}

/// Converts a value to JSON, which has no positions.
impl From<&Node> for serde_json::Value {
    fn from(node: &Node) -> Self {
        match &node.value {
            Value::Null => Self::Null,
            Value::Bool(value) => Self::Bool(*value),
            Value::Int(value) => Self::from(*value),
            Value::Float(value) => Self::from(*value),
            Value::Text(text) => Self::from(text.as_str()),
            Value::List(items) => items.iter().map(Self::from).collect(),
            Value::Map(map) => map.iter().map(|(key, value)| (key.clone(), Self::from(value))).collect(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_is_written_as_go_writes_it() {
        let check = |value: f64, expected: &str| assert_eq!(Value::Float(value).to_text(), expected);
        check(1.10, "1.1");
        check(3.0, "3");
        check(1e21, "1e+21");
        check(1.5e-7, "1.5e-07");
        check(123456789.0, "1.23456789e+08".parse::<f64>().unwrap().to_string().as_str());
    }
}
