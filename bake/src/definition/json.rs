//! JSON files: the same blocks, in which each text is a template.

use ::hcl::expr::{Expression, Object, ObjectKey, TemplateExpr};
use serde_json::{Map, Value};

use super::{Block, Definition, Variable};
use crate::BakeError;
use crate::evaluate::Function;

pub(super) fn read(definition: &mut Definition, name: &str, text: &str) -> Result<(), BakeError> {
    let syntax = |reason: String| BakeError::Syntax { file: name.to_owned(), reason };
    let root: Map<String, Value> = serde_json::from_str(text).map_err(|error| syntax(error.to_string()))?;
    for (kind, blocks) in root {
        let Value::Object(blocks) = blocks else {
            let variable = Variable { default: Some(expression(&blocks)), ..Variable::default() };
            definition.variables.insert(kind, variable);
            continue;
        };
        for (label, body) in blocks {
            let Value::Object(body) = body else {
                return Err(syntax(format!("{kind} {label:?} must be an object")));
            };
            add(definition, &kind, label, &body).map_err(syntax)?;
        }
    }
    Ok(())
}

fn add(
    definition: &mut Definition,
    kind: &str,
    label: String,
    body: &Map<String, Value>,
) -> Result<(), String> {
    let attributes = body.iter().map(|(key, value)| (key.clone(), expression(value))).collect();
    match kind {
        "target" => definition.add_target(Block { label, attributes }),
        "group" => definition.add_group(Block { label, attributes }),
        "variable" => {
            let default = body.get("default").map(expression);
            let text = body.get("description").and_then(Value::as_str).unwrap_or_default();
            let variable = Variable { default, description: text.to_owned(), ..Variable::default() };
            definition.variables.insert(label, variable);
        }
        "function" => {
            let function = function(body).map_err(|reason| format!("function {label:?} {reason}"))?;
            definition.functions.insert(label, function);
        }
        _ => return Err(format!("unknown block {kind:?}: use target, group, variable or function")),
    }
    Ok(())
}

/// Converts a value; a text with `${` or `%{` is a template.
fn expression(value: &Value) -> Expression {
    match value {
        Value::Null => Expression::Null,
        Value::Bool(value) => Expression::Bool(*value),
        Value::Number(number) => match number.as_i64() {
            Some(whole) => Expression::from(whole),
            None => Expression::from(number.as_f64().unwrap_or_default()),
        },
        Value::String(text) if text.contains("${") || text.contains("%{") => {
            Expression::TemplateExpr(Box::new(TemplateExpr::QuotedString(text.clone())))
        }
        Value::String(text) => Expression::String(text.clone()),
        Value::Array(items) => Expression::Array(items.iter().map(expression).collect()),
        Value::Object(map) => {
            let entry = |(key, value): (&String, &Value)| {
                (ObjectKey::Expression(Expression::String(key.clone())), expression(value))
            };
            Expression::Object(map.iter().map(entry).collect::<Object<_, _>>())
        }
    }
}

fn function(body: &Map<String, Value>) -> Result<Function, String> {
    let name = |value: &Value| value.as_str().map(ToOwned::to_owned);
    let params = body.get("params").and_then(Value::as_array).map_or(&[][..], Vec::as_slice);
    let params = params.iter().map(name).collect::<Option<_>>().ok_or("needs names as params")?;
    let result = body.get("result").ok_or("has no result")?;
    Ok(Function { params, variadic: body.get("variadic_params").and_then(name), result: expression(result) })
}
