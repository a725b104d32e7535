//! The functions that docker adds to those of Go's templates.
//!
//! Source: docker/cli, `templates` package, "basicFunctions" and "HeaderFunctions".

use gotmpl::{TemplateError, Value};

use super::value::to_json;
use super::{Labels, Rows};

/// Adds docker's functions to a template.
pub(super) fn add(template: gotmpl::Template, rows: Rows, labels: &Labels) -> gotmpl::Template {
    let labels = labels.clone();
    let template = template
        .func("split", |args| {
            let parts = text(args, 0)?.split(text(args, 1)?);
            Ok(Value::List(parts.map(string).collect()))
        })
        .func("join", |args| Ok(string(&items(args)?.join(text(args, 1)?))))
        .func("pad", |args| match text(args, 0)? {
            "" => Ok(string("")),
            body => Ok(string(&format!("{}{body}{}", blanks(args, 1)?, blanks(args, 2)?))),
        })
        .func("label", move |args| {
            let labels = labels.lock().map_err(|_| bad("the labels are gone"))?;
            Ok(string(labels.get(text(args, 1)?).map_or("", String::as_str)))
        });
    match rows {
        Rows::Data => add_changing(template),
        // In a header, functions that change text leave it alone.
        Rows::Header => {
            ["json", "title", "lower", "upper", "truncate"].into_iter().fold(template, |template, name| {
                template.func(name, |args| Ok(args.first().cloned().unwrap_or(Value::Nil)))
            })
        }
    }
}

/// Adds the functions that change text.
fn add_changing(template: gotmpl::Template) -> gotmpl::Template {
    template
        .func("json", |args| Ok(string(&to_json(args.first().unwrap_or(&Value::Nil)).to_string())))
        .func("lower", |args| Ok(string(&text(args, 0)?.to_lowercase())))
        .func("upper", |args| Ok(string(&text(args, 0)?.to_uppercase())))
        .func("title", |args| Ok(string(&title(text(args, 0)?))))
        .func("truncate", |args| {
            let (body, length) = (text(args, 0)?, number(args, 1)?);
            Ok(string(&body.chars().take(length).collect::<String>()))
        })
}

fn bad(reason: &str) -> TemplateError {
    TemplateError::Exec(reason.to_owned())
}

fn string(text: &str) -> Value {
    Value::String(text.into())
}

fn text(args: &[Value], position: usize) -> Result<&str, TemplateError> {
    match args.get(position) {
        Some(Value::String(text)) => Ok(text),
        Some(other) => Err(bad(&format!("wrong type of argument: {} instead of a text", other.type_name()))),
        None => Err(bad("an argument is missing")),
    }
}

fn number(args: &[Value], position: usize) -> Result<usize, TemplateError> {
    let number = match args.get(position) {
        Some(Value::Int(number)) => usize::try_from(*number).ok(),
        Some(Value::Uint(number)) => usize::try_from(*number).ok(),
        _ => None,
    };
    number.ok_or_else(|| bad("a number is expected"))
}

/// Returns as many blanks as an argument says, within the width of any terminal.
fn blanks(args: &[Value], position: usize) -> Result<String, TemplateError> {
    Ok(" ".repeat(number(args, position)?.min(1000)))
}

fn items(args: &[Value]) -> Result<Vec<String>, TemplateError> {
    match args.first() {
        Some(Value::List(items)) => Ok(items.iter().map(Value::to_string).collect()),
        // A list that is absent in Go is empty.
        Some(Value::Nil) => Ok(Vec::new()),
        _ => Err(bad("join needs a list")),
    }
}

/// Returns text in which each word begins with a capital.
fn title(text: &str) -> String {
    let mut is_start = true;
    let mut capitals = String::with_capacity(text.len());
    for c in text.chars() {
        if is_start {
            capitals.extend(c.to_uppercase());
        } else {
            capitals.push(c);
        }
        is_start = !(c.is_alphanumeric() || c == '_' || c == '\'');
    }
    capitals
}
