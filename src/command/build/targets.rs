//! `build --call targets`: the stages that `--target` can name.

use graph::Lines;
use parser::ast::{Dockerfile, Stage};
use pipeline::BuildRequest;
use serde_json::{Value, json};

use super::call;
use crate::failure::Failure;
use crate::output::table;

/// Prints the stages of the Dockerfile.
pub fn run(request: &BuildRequest, is_json: bool) -> Result<u8, Failure> {
    let dockerfile = match parser::parse(&request.dockerfile) {
        Ok(dockerfile) => dockerfile,
        Err(error) => return call::refuse(&error.into(), request, is_json),
    };
    if is_json {
        call::print(&to_json(&dockerfile, request));
    } else {
        table::print(["TARGET", "DESCRIPTION"], rows(&dockerfile));
    }
    Ok(0)
}

/// Returns the stages, and for each whether it is built if no other is named.
fn stages(dockerfile: &Dockerfile) -> impl Iterator<Item = (&Stage, bool)> {
    let last = dockerfile.stages.len().saturating_sub(1);
    dockerfile.stages.iter().enumerate().map(move |(at, stage)| (stage, at == last))
}

fn rows(dockerfile: &Dockerfile) -> impl Iterator<Item = [String; 2]> {
    stages(dockerfile).map(|(stage, is_default)| {
        let name = match (stage.name.as_deref(), is_default) {
            (Some(name), true) => format!("{name} (default)"),
            (Some(name), false) => name.to_owned(),
            (None, true) => "(default)".to_owned(),
            (None, false) => "(no name)".to_owned(),
        };
        [name, stage.description().unwrap_or_default().to_owned()]
    })
}

/// Returns the stages in buildx's form.
fn to_json(dockerfile: &Dockerfile, request: &BuildRequest) -> Value {
    let targets: Vec<Value> = stages(dockerfile)
        .map(|(stage, is_default)| {
            json!({
                "name": stage.name.as_deref().unwrap_or_default(),
                "default": is_default,
                "description": stage.description().unwrap_or_default(),
                "base": stage.base,
                "platform": stage.platform.as_deref().unwrap_or_default(),
                "location": call::location(Lines::new(stage.from.span.start_line, stage.from.span.end_line)),
            })
        })
        .collect();
    json!({"targets": targets, "sources": [call::encoded(&request.dockerfile)]})
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stages_are_listed_with_their_descriptions() {
        let text = "# base is where it begins\nFROM a AS base\nFROM b\n# note\nFROM base AS Last\n";
        let dockerfile = parser::parse(text.as_bytes()).expect("a Dockerfile");
        let rows: Vec<[String; 2]> = rows(&dockerfile).collect();
        let expected = [["base", "is where it begins"], ["(no name)", ""], ["last (default)", ""]];
        assert_eq!(rows, expected.map(|row| row.map(str::to_owned)));
    }
}
