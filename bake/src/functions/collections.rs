//! Functions on lists and objects.

use serde_json::{Map, Value};

use super::Arguments;
use crate::values::{self, equal, from_number};

pub(super) fn call(name: &str, arguments: Arguments<'_>) -> Option<Result<Value, String>> {
    let function: fn(Arguments<'_>) -> Result<Value, String> = match name {
        "chunklist" => |args| {
            let size = usize::try_from(args.whole(1)?)
                .ok()
                .filter(|size| *size > 0)
                .ok_or("the size must be positive")?;
            Ok(args.list(0)?.chunks(size).map(|chunk| Value::Array(chunk.to_vec())).collect())
        },
        "coalesce" => |args| {
            let found = args.0.iter().find(|value| !value.is_null());
            found.cloned().ok_or_else(|| "all arguments are null".to_owned())
        },
        "coalescelist" => |args| {
            let found = args.lists_from(0)?.into_iter().find(|list| !list.is_empty());
            found.map(|list| Value::Array(list.to_vec())).ok_or_else(|| "all lists are empty".to_owned())
        },
        "compact" => |args| {
            let texts = args.texts(0)?;
            Ok(texts.into_iter().filter(|text| !text.is_empty()).map(Value::from).collect())
        },
        "concat" => |args| Ok(Value::Array(args.lists_from(0)?.concat())),
        "contains" | "sethaselement" => |args| Ok(Value::Bool(has(args.list(0)?, args.value(1)?))),
        "distinct" => |args| Ok(Value::Array(distinct(args.list(0)?))),
        "element" => |args| {
            let (list, index) = (args.list(0)?, args.whole(1)?);
            let length = i64::try_from(list.len()).unwrap_or(i64::MAX);
            if length == 0 {
                return Err("the list is empty".to_owned());
            }
            Ok(list[usize::try_from(index.rem_euclid(length)).unwrap_or_default()].clone())
        },
        "flatten" => |args| Ok(Value::Array(flatten(args.list(0)?))),
        "hasindex" => |args| Ok(Value::Bool(index(args).is_ok())),
        "index" => index,
        "indexof" => |args| {
            let wanted = args.value(1)?;
            let position = args.list(0)?.iter().position(|one| equal(one, wanted));
            position.map(Value::from).ok_or_else(|| format!("{wanted} is not in the list"))
        },
        "keys" => |args| Ok(args.map(0)?.keys().map(|key| Value::from(key.as_str())).collect()),
        "length" => |args| match args.value(0)? {
            Value::Array(items) => Ok(Value::from(items.len())),
            Value::Object(map) => Ok(Value::from(map.len())),
            other => Err(format!("{other} has no length")),
        },
        "lookup" => |args| {
            let found = args.map(0)?.get(&args.text(1)?).cloned();
            found
                .or_else(|| args.0.get(2).cloned())
                .ok_or_else(|| "there is no such key and no default".to_owned())
        },
        "merge" => |args| {
            let maps: Result<Vec<_>, String> = (0..args.0.len()).map(|index| args.map(index)).collect();
            Ok(Value::Object(
                maps?.into_iter().flatten().map(|(key, value)| (key.clone(), value.clone())).collect(),
            ))
        },
        "reverselist" => |args| Ok(args.list(0)?.iter().rev().cloned().collect()),
        "setintersection" => |args| fold_sets(args, |left, right| has(right, left)),
        "setproduct" => |args| Ok(Value::Array(product(&args.lists_from(0)?))),
        "setsubtract" => |args| fold_sets(args, |left, right| !has(right, left)),
        "setsymmetricdifference" => |args| {
            let (left, right) = (args.list(0)?, args.list(1)?);
            let only = |one: &[Value], other: &[Value]| {
                one.iter().filter(|value| !has(other, value)).cloned().collect::<Vec<_>>()
            };
            Ok(Value::Array(distinct(&[only(left, right), only(right, left)].concat())))
        },
        "setunion" => |args| Ok(Value::Array(distinct(&args.lists_from(0)?.concat()))),
        "slice" => |args| {
            let list = args.list(0)?;
            let (begin, end) = (usize::try_from(args.whole(1)?).ok(), usize::try_from(args.whole(2)?).ok());
            let part = begin.zip(end).and_then(|(begin, end)| list.get(begin..end));
            part.map(|part| Value::Array(part.to_vec())).ok_or_else(|| "the list has no such part".to_owned())
        },
        "sort" => |args| {
            let mut texts = args.texts(0)?;
            texts.sort();
            Ok(texts.into_iter().map(Value::from).collect())
        },
        "sum" => |args| {
            let numbers: Result<Vec<f64>, String> = args.list(0)?.iter().map(values::number).collect();
            Ok(from_number(numbers?.iter().sum()))
        },
        "values" => |args| Ok(args.map(0)?.values().cloned().collect()),
        "zipmap" => |args| {
            let (keys, values) = (args.texts(0)?, args.list(1)?);
            if keys.len() != values.len() {
                return Err("the lists have different lengths".to_owned());
            }
            Ok(Value::Object(keys.into_iter().zip(values.iter().cloned()).collect::<Map<_, _>>()))
        },
        _ => return None,
    };
    Some(function(arguments))
}

fn has(list: &[Value], wanted: &Value) -> bool {
    list.iter().any(|one| equal(one, wanted))
}

fn distinct(list: &[Value]) -> Vec<Value> {
    let mut kept: Vec<Value> = Vec::new();
    for value in list {
        if !has(&kept, value) {
            kept.push(value.clone());
        }
    }
    kept
}

fn flatten(list: &[Value]) -> Vec<Value> {
    let inner = |value: &Value| match value {
        Value::Array(items) => flatten(items),
        one => vec![one.clone()],
    };
    list.iter().flat_map(inner).collect()
}

fn index(args: Arguments<'_>) -> Result<Value, String> {
    let found = match args.value(0)? {
        Value::Array(items) => usize::try_from(args.whole(1)?).ok().and_then(|index| items.get(index)),
        Value::Object(map) => map.get(&args.text(1)?),
        other => return Err(format!("{other} has no elements")),
    };
    found.cloned().ok_or_else(|| "there is no such element".to_owned())
}

/// Keeps the values of the first list for which `keeps` holds with each other list.
fn fold_sets(args: Arguments<'_>, keeps: fn(&Value, &[Value]) -> bool) -> Result<Value, String> {
    let others = args.lists_from(1)?;
    let kept = args.list(0)?.iter().filter(|value| others.iter().all(|other| keeps(value, other)));
    Ok(Value::Array(distinct(&kept.cloned().collect::<Vec<_>>())))
}

/// Returns every combination of one value from each list.
fn product(lists: &[&[Value]]) -> Vec<Value> {
    let mut combinations: Vec<Vec<Value>> = vec![Vec::new()];
    for list in lists {
        combinations = combinations
            .iter()
            .flat_map(|begun| {
                list.iter().map(move |value| [begun.as_slice(), std::slice::from_ref(value)].concat())
            })
            .collect();
    }
    combinations.into_iter().map(Value::Array).collect()
}
