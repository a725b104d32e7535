//! HCL files.

use ::hcl::expr::Expression;
use ::hcl::structure::{Attribute, Block as HclBlock, Body, Structure};

use super::{Block, Definition, Variable};
use crate::BakeError;
use crate::evaluate::Function;

pub(super) fn read(definition: &mut Definition, name: &str, text: &str) -> Result<(), BakeError> {
    let syntax = |reason: String| BakeError::Syntax { file: name.to_owned(), reason };
    let body: Body = ::hcl::parse(text).map_err(|error| syntax(error.to_string()))?;
    for structure in body {
        match structure {
            Structure::Attribute(attribute) => {
                let variable = Variable { default: Some(attribute.expr), ..Variable::default() };
                definition.variables.insert(attribute.key.to_string(), variable);
            }
            Structure::Block(block) => add(definition, block).map_err(syntax)?,
        }
    }
    Ok(())
}

fn add(definition: &mut Definition, block: HclBlock) -> Result<(), String> {
    let kind = block.identifier.to_string();
    let label = match &block.labels[..] {
        [label] => label.as_str().to_owned(),
        _ => return Err(format!("a block {kind} needs one name: {kind} \"name\" {{ … }}")),
    };
    match kind.as_str() {
        "target" => definition.add_target(Block { label, attributes: attributes(block.body)? }),
        "group" => definition.add_group(Block { label, attributes: attributes(block.body)? }),
        "variable" => {
            let variable = variable(block.body)?;
            definition.variables.insert(label, variable);
        }
        "function" => {
            let function = function(&label, block.body)?;
            definition.functions.insert(label, function);
        }
        _ => return Err(format!("unknown block {kind:?}: use target, group, variable or function")),
    }
    Ok(())
}

fn attributes(body: Body) -> Result<super::Attributes, String> {
    body.into_iter()
        .map(|structure| match structure {
            Structure::Attribute(Attribute { key, expr }) => Ok((key.to_string(), expr)),
            Structure::Block(block) => {
                Err(format!("a block {:?} is not allowed here", block.identifier.as_str()))
            }
        })
        .collect()
}

fn variable(body: Body) -> Result<Variable, String> {
    let mut variable = Variable::default();
    for structure in body {
        match structure {
            Structure::Attribute(attribute) => match (attribute.key.as_str(), attribute.expr) {
                ("default", expression) => variable.default = Some(expression),
                ("description", Expression::String(text)) => variable.description = text,
                ("description" | "type", _) => {}
                (other, _) => return Err(format!("a variable has no attribute {other:?}")),
            },
            Structure::Block(block) if block.identifier.as_str() == "validation" => {
                let mut parts = attributes(block.body)?;
                let mut take = |name: &str| {
                    let position = parts.iter().position(|(key, _)| key == name)?;
                    Some(parts.remove(position).1)
                };
                let condition = take("condition").ok_or("a validation needs a condition")?;
                variable.validations.push((condition, take("error_message")));
            }
            Structure::Block(block) => {
                return Err(format!("a block {:?} is not allowed in a variable", block.identifier.as_str()));
            }
        }
    }
    Ok(variable)
}

fn function(name: &str, body: Body) -> Result<Function, String> {
    let (mut params, mut variadic, mut result) = (Vec::new(), None, None);
    for (key, expression) in attributes(body)? {
        match (key.as_str(), expression) {
            ("params", Expression::Array(names)) => {
                params =
                    names.iter().map(param).collect::<Option<_>>().ok_or("params must be a list of names")?;
            }
            ("variadic_params" | "variadic_param", expression) => {
                let expression = match &expression {
                    Expression::Array(names) if names.len() == 1 => &names[0],
                    other => other,
                };
                variadic = Some(param(expression).ok_or("variadic_params must be one name")?);
            }
            ("result", expression) => result = Some(expression),
            (other, _) => return Err(format!("function {name:?} has no attribute {other:?}")),
        }
    }
    let result = result.ok_or_else(|| format!("function {name:?} has no result"))?;
    Ok(Function { params, variadic, result })
}

fn param(expression: &Expression) -> Option<String> {
    match expression {
        Expression::Variable(name) => Some(name.to_string()),
        Expression::String(name) => Some(name.clone()),
        _ => None,
    }
}
