//! Bake files: which targets are built, and how. The crate opens no file, reads no environment and prints nothing.
//!
//! ```text
//! definition  files -> blocks: HCL, JSON, Compose
//! evaluate    expressions -> values; functions: what expressions can call; values: conversions
//! plan        blocks -> targets, with inheritance, matrices, groups and --set
//! target      a target and its fields; arguments: target -> flags of `dsbuild build`
//! ```
//!
//! Source: "Bake file reference" of Docker's documentation; buildx, where it is silent.

mod arguments;
mod definition;
mod error;
mod evaluate;
mod functions;
mod plan;
mod target;
mod values;

use std::collections::BTreeMap;

use serde_json::Value;

pub use error::BakeError;
pub use plan::{Group, Plan};
pub use target::Target;

use definition::Definition;
use plan::Catalog;

/// Names of bake files that are read if the user names none, in the order in which they are merged.
pub const DEFAULT_FILES: &[&str] =
    &["docker-bake.json", "docker-bake.override.json", "docker-bake.hcl", "docker-bake.override.hcl"];

/// Bake file or Compose project.
#[derive(Debug)]
pub enum Source {
    /// File in HCL or JSON: its name and its text.
    Bake(String, String),
    /// Project of Compose files, whose services with a build are targets.
    Compose(Box<compose::Project>),
}

/// Targets that a user asks for.
#[derive(Debug, Default)]
pub struct Request {
    /// Names of targets and groups, also with `*`; `default` if empty.
    pub targets: Vec<String>,
    /// Changes of `--set`: `TARGET.FIELD=VALUE`.
    pub overrides: Vec<String>,
    /// Values of variables, by name. Variables of files take them.
    pub variables: BTreeMap<String, String>,
    /// Platform of this machine, the value of `BAKE_LOCAL_PLATFORM`.
    pub local_platform: String,
}

/// Variable of a file, for people.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VariableInfo {
    /// Name of the variable.
    pub name: String,
    /// Value that it has for this request.
    pub value: String,
    /// Text about the variable; empty if the file has none.
    pub description: String,
}

/// Reads files and returns the targets of a request.
pub fn plan(sources: &[Source], request: &Request) -> Result<Plan, BakeError> {
    let (_, catalog) = read(sources, request)?;
    let default = ["default".to_owned()];
    let names = if request.targets.is_empty() { &default[..] } else { &request.targets };
    catalog.plan(names, &request.overrides)
}

/// Contents of bake files, for people who choose from them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Listing {
    /// Names of all targets with their descriptions, which can be empty.
    pub targets: Vec<(String, String)>,
    /// Variables that the files define.
    pub variables: Vec<VariableInfo>,
}

/// Returns all targets and all variables of files.
pub fn list(sources: &[Source], request: &Request) -> Result<Listing, BakeError> {
    let (variables, catalog) = read(sources, request)?;
    let targets = catalog.targets.into_iter().map(|(name, target)| (name, target.description));
    Ok(Listing { targets: targets.collect(), variables })
}

fn read(sources: &[Source], request: &Request) -> Result<(Vec<VariableInfo>, Catalog), BakeError> {
    let mut definition = Definition::default();
    let mut catalog = Catalog::default();
    for source in sources {
        match source {
            Source::Bake(name, text) => definition.add(name, text)?,
            Source::Compose(project) => catalog.targets.extend(definition::compose_targets(project)),
        }
    }
    let builtin = [
        ("BAKE_CMD_CONTEXT", Value::from("cwd://")),
        ("BAKE_LOCAL_PLATFORM", Value::from(request.local_platform.as_str())),
    ];
    let builtin = builtin.map(|(name, value)| (name.to_owned(), value)).into();
    let scope = plan::scope(&definition, builtin, &|name| request.variables.get(name).cloned())?;
    catalog.add(&definition, &scope)?;
    let info = |(name, variable): (&String, &definition::Variable)| VariableInfo {
        name: name.clone(),
        value: match &scope.variables[name] {
            Value::String(text) => text.clone(),
            Value::Null => String::new(),
            other => other.to_string(),
        },
        description: variable.description.clone(),
    };
    Ok((definition.variables.iter().map(info).collect(), catalog))
}

/// Returns a name with `_` in place of characters that the names of targets cannot have.
pub(crate) fn sanitized(name: &str) -> String {
    name.chars()
        .map(|one| if one.is_ascii_alphanumeric() || matches!(one, '-' | '_') { one } else { '_' })
        .collect()
}

#[cfg(test)]
mod tests;
