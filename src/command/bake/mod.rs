//! `dsbuild bake`: builds the targets of bake files and Compose files.
//!
//! ```text
//! sources  the files of a request
//! child    one target: a build of its own
//! ```

mod child;
mod sources;

use std::collections::BTreeMap;

use bake::{Plan, Request};
use cli::bake::{BakeArgs, BakeList};
use serde_json::Value;

use crate::environment;
use crate::failure::Failure;
use crate::output::{self, Stream, table};

/// Builds, prints or lists targets. Stops at the first target that fails.
pub fn run(args: &BakeArgs) -> Result<u8, Failure> {
    let sources = sources::read(&args.files)?;
    let request = request(args)?;
    if let Some(kind) = args.list {
        return list(kind, &sources, &request);
    }
    let plan = bake::plan(&sources, &request)?;
    if args.print {
        output::json(Stream::Stdout, &serde_json::to_value(&plan).unwrap_or_default(), true);
        return Ok(0);
    }
    build(&plan, args)
}

fn request(args: &BakeArgs) -> Result<Request, Failure> {
    let mut variables = environment::all();
    for text in &args.variables {
        let (name, value) = text.split_once('=').ok_or_else(|| {
            Failure::usage(format!("--var {text:?} is not NAME=VALUE")).hint("for example --var TAG=1.2")
        })?;
        variables.insert(name.to_owned(), value.to_owned());
    }
    Ok(Request {
        targets: args.targets.clone(),
        overrides: args.overrides.clone(),
        variables,
        local_platform: oci::Platform::host().to_string(),
    })
}

fn list(kind: BakeList, sources: &[bake::Source], request: &Request) -> Result<u8, Failure> {
    let bake::Listing { targets, variables } = bake::list(sources, request)?;
    match kind {
        BakeList::Targets => {
            table::print(["TARGET", "DESCRIPTION"], targets.into_iter().map(|(name, text)| [name, text]));
        }
        BakeList::Variables => table::print(
            ["VARIABLE", "VALUE", "DESCRIPTION"],
            variables.into_iter().map(|one| [one.name, one.value, one.description]),
        ),
    }
    Ok(0)
}

fn build(plan: &Plan, args: &BakeArgs) -> Result<u8, Failure> {
    let mut ids: BTreeMap<&str, String> = BTreeMap::new();
    let mut metadata = serde_json::Map::new();
    for name in &plan.order {
        output::note(&format!("== target {name}"));
        let done = child::build(name, plan, args, &ids)?;
        if done.code != 0 {
            output::note(&format!("target {name} failed"));
            return Ok(done.code);
        }
        ids.insert(name, done.id);
        metadata.insert(name.clone(), done.metadata);
    }
    if let Some(file) = &args.metadata_file {
        let text = Value::Object(metadata).to_string();
        std::fs::write(file, text).map_err(|error| {
            Failure::input(format!("cannot write {}", output::path(file))).caused_by(&error)
        })?;
    }
    Ok(0)
}
