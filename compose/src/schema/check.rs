//! Compares a tree with the form that it must have.

use crate::ComposeError;
use crate::node::{Map, Node, Value};
use crate::path::TreePath;

use super::shape::{Keys, Kind, Object, Shape};

/// Least similarity, between 0 and 1, of an unknown key and a known key that is suggested.
const MIN_SIMILARITY: f64 = 0.8;

pub(super) fn check(node: &Node, shape: &Shape, path: &TreePath) -> Result<(), ComposeError> {
    let fail = |reason: String| Err(ComposeError::value(&node.at, path, reason));
    match (shape, &node.value) {
        (Shape::Any, _) => Ok(()),
        (Shape::Scalar(kinds), value) if kinds.iter().any(|kind| kind.fits(value)) => Ok(()),
        (Shape::Word(words), Value::Text(text)) if words.contains(&text.as_str()) => Ok(()),
        (Shape::Word(words), Value::Text(_)) => fail(format!("must be one of {}", words.join(", "))),
        (Shape::Matching(fits, _), Value::Text(text)) if fits(text) => Ok(()),
        (Shape::Matching(_, expected), Value::Text(text)) => fail(format!("{text:?} must be {expected}")),
        (Shape::Between(..), Value::Text(_)) => Ok(()),
        (Shape::Between(min, max), Value::Int(value)) if value < min || value > max => {
            fail(bounds_text(*min, *max))
        }
        (Shape::Between(..), Value::Int(_)) => Ok(()),
        (Shape::List(item), Value::List(items)) => check_items(items, item, path),
        (Shape::Set(item), Value::List(items)) => {
            check_items(items, item, path)?;
            match first_pair(items) {
                Some((one, other)) => {
                    fail(format!("items {one} and {other} are equal; each can be there once"))
                }
                None => Ok(()),
            }
        }
        (Shape::MapOf(keys, value), Value::Map(map)) => {
            map.iter().try_for_each(|(key, node)| check_entry(key, node, *keys, value, path))
        }
        (Shape::Object(object), Value::Map(map)) => check_object(map, object, node, path),
        (Shape::Either(shapes), value) => match shapes.iter().find(|shape| shape.accepts(value)) {
            Some(shape) => check(node, shape, path),
            None => fail(shape.expected()),
        },
        _ => fail(shape.expected()),
    }
}

fn check_items(items: &[Node], shape: &Shape, path: &TreePath) -> Result<(), ComposeError> {
    items.iter().enumerate().try_for_each(|(index, item)| check(item, shape, &path.index(index)))
}

fn check_entry(
    key: &str,
    node: &Node,
    keys: Keys,
    shape: &Shape,
    path: &TreePath,
) -> Result<(), ComposeError> {
    let is_name = |one: char| one.is_ascii_alphanumeric() || matches!(one, '.' | '_' | '-');
    if keys == Keys::Names && (key.is_empty() || !key.chars().all(is_name)) {
        let reason = format!("the name {key:?} must consist of letters, digits, '.', '_' and '-'");
        return Err(ComposeError::value(&node.at, path, reason));
    }
    check(node, shape, &path.key(key))
}

fn check_object(map: &Map, object: &Object, node: &Node, path: &TreePath) -> Result<(), ComposeError> {
    for (key, value) in map {
        match object.fields.iter().find(|(name, _)| name == key) {
            Some((_, shape)) => check(value, shape, &path.key(key))?,
            None if object.has_extensions && key.starts_with("x-") => {}
            None => {
                return Err(ComposeError::UnknownKey {
                    at: value.at.clone(),
                    path: path.to_string(),
                    key: key.clone(),
                    similar: similar(key, object),
                });
            }
        }
    }
    match object.required.iter().find(|key| !map.contains_key(**key)) {
        Some(key) => Err(ComposeError::value(&node.at, path, format!("the key {key:?} is missing"))),
        None => Ok(()),
    }
}

fn similar(key: &str, object: &Object) -> Option<&'static str> {
    let scored = object.fields.iter().map(|(name, _)| (strsim::jaro_winkler(key, name), *name));
    let best = scored.max_by(|one, other| one.0.total_cmp(&other.0))?;
    (best.0 >= MIN_SIMILARITY).then_some(best.1)
}

fn first_pair(items: &[Node]) -> Option<(usize, usize)> {
    let equal_to = |index: usize| items[..index].iter().position(|one| same(one, &items[index]));
    (1..items.len()).find_map(|index| Some((equal_to(index)?, index)))
}

/// Compares two values without their positions.
fn same(one: &Node, other: &Node) -> bool {
    serde_json::Value::from(one) == serde_json::Value::from(other)
}

fn bounds_text(min: i64, max: i64) -> String {
    if max == i64::MAX {
        format!("must be {min} or more")
    } else {
        format!("must be between {min} and {max}")
    }
}

impl Kind {
    fn fits(self, value: &Value) -> bool {
        match self {
            Self::Null => *value == Value::Null,
            Self::Bool => matches!(value, Value::Bool(_)),
            Self::Int => match value {
                Value::Float(number) => number.fract() == 0.0,
                other => matches!(other, Value::Int(_)),
            },
            Self::Number => matches!(value, Value::Int(_) | Value::Float(_)),
            Self::Text => matches!(value, Value::Text(_)),
        }
    }

    fn name(self) -> &'static str {
        match self {
            Self::Null => "null",
            Self::Bool => "a boolean",
            Self::Int => "an integer",
            Self::Number => "a number",
            Self::Text => "a string",
        }
    }
}

impl Shape {
    /// Reports whether the type of a value fits; its content can still be wrong.
    fn accepts(&self, value: &Value) -> bool {
        match self {
            Self::Any => true,
            Self::Scalar(kinds) => kinds.iter().any(|kind| kind.fits(value)),
            Self::Word(_) | Self::Matching(..) => matches!(value, Value::Text(_)),
            Self::Between(..) => matches!(value, Value::Text(_) | Value::Int(_)),
            Self::List(_) | Self::Set(_) => matches!(value, Value::List(_)),
            Self::MapOf(..) | Self::Object(_) => matches!(value, Value::Map(_)),
            Self::Either(shapes) => shapes.iter().any(|shape| shape.accepts(value)),
        }
    }

    /// Returns the end of a message about a value of another type: `must be a string or a list`.
    fn expected(&self) -> String {
        let names = self.names();
        match names.split_last() {
            Some((last, [])) => format!("must be {last}"),
            Some((last, others)) => format!("must be {} or {last}", others.join(", ")),
            None => "cannot have a value".to_owned(),
        }
    }

    fn names(&self) -> Vec<&'static str> {
        match self {
            Self::Any => Vec::new(),
            Self::Scalar(kinds) => kinds.iter().map(|kind| kind.name()).collect(),
            Self::Word(_) | Self::Matching(..) => vec!["a string"],
            Self::Between(..) => vec!["an integer"],
            Self::List(_) | Self::Set(_) => vec!["a list"],
            Self::MapOf(..) | Self::Object(_) => vec!["a mapping"],
            Self::Either(shapes) => {
                let mut names: Vec<&str> = shapes.iter().flat_map(Self::names).collect();
                names.dedup();
                names
            }
        }
    }
}
