//! `build --call outline`: the arguments, secrets, SSH agents and cache mounts of a target.

use std::sync::Arc;

use frontend::outline::{Outline, OutlinedMount, outline};
use pipeline::{BuildError, BuildRequest, ShownResolver};
use progress::{NoSink, Progress};
use serde_json::{Value, json};

use super::call::{self, OpenPipeline};
use crate::failure::Failure;
use crate::output::{self, table};

/// Prints the outline of the target.
pub fn run(request: &BuildRequest, pipeline: OpenPipeline<'_>, is_json: bool) -> Result<u8, Failure> {
    let outline = match find(request, pipeline)? {
        Ok(outline) => outline,
        Err(error) => return call::refuse(&error, request, is_json),
    };
    if is_json {
        call::print(&to_json(&outline, request));
    } else {
        print(&outline);
    }
    Ok(0)
}

fn find(request: &BuildRequest, pipeline: OpenPipeline<'_>) -> Result<Result<Outline, BuildError>, Failure> {
    let dockerfile = match parser::parse(&request.dockerfile) {
        Ok(dockerfile) => dockerfile,
        Err(error) => return Ok(Err(error.into())),
    };
    let pipeline = pipeline()?;
    let progress = Progress::new(Arc::new(NoSink));
    let resolver = ShownResolver { sources: pipeline.sources(), progress: &progress };
    Ok(outline(&dockerfile, &request.options, &resolver).map_err(BuildError::from))
}

/// Returns the outline in buildx's form.
fn to_json(outline: &Outline, request: &BuildRequest) -> Value {
    let args = outline.args.iter().map(|arg| {
        json!({
            "name": arg.name,
            "description": arg.description.as_deref().unwrap_or_default(),
            "value": arg.value.as_deref().unwrap_or_default(),
            "location": call::location(arg.lines),
        })
    });
    let mount = |mount: &OutlinedMount| json!({"name": mount.id, "required": mount.required, "location": call::location(mount.lines)});
    let cache = |mount: &OutlinedMount| json!({"ID": mount.id, "location": call::location(mount.lines)});
    json!({
        "name": outline.name.as_deref().unwrap_or_default(),
        "description": outline.description.as_deref().unwrap_or_default(),
        "args": args.collect::<Vec<_>>(),
        "secrets": outline.secrets.iter().map(mount).collect::<Vec<_>>(),
        "ssh": outline.ssh.iter().map(mount).collect::<Vec<_>>(),
        "cache": outline.caches.iter().map(cache).collect::<Vec<_>>(),
        "sources": [call::encoded(&request.dockerfile)],
    })
}

fn print(outline: &Outline) {
    let heads = [("TARGET", &outline.name), ("DESCRIPTION", &outline.description)];
    for (title, text) in heads.into_iter().filter_map(|(title, text)| Some((title, text.as_deref()?))) {
        output::line(&format!("{:<15}{}", format!("{title}:"), output::sanitized(text)));
    }
    let mut is_first = outline.name.is_none() && outline.description.is_none();
    let args = outline.args.iter().map(|arg| {
        let text = |text: &Option<String>| text.clone().unwrap_or_default();
        [arg.name.clone(), text(&arg.value), text(&arg.description)]
    });
    section(&mut is_first, ["BUILD ARG", "VALUE", "DESCRIPTION"], args.collect());
    section(&mut is_first, ["SECRET", "REQUIRED"], mounts(&outline.secrets));
    section(&mut is_first, ["SSH", "REQUIRED"], mounts(&outline.ssh));
    section(&mut is_first, ["CACHE"], outline.caches.iter().map(|cache| [cache.id.clone()]).collect());
}

fn mounts(mounts: &[OutlinedMount]) -> Vec<[String; 2]> {
    let required = |mount: &OutlinedMount| if mount.required { "true" } else { "" }.to_owned();
    mounts.iter().map(|mount| [mount.id.clone(), required(mount)]).collect()
}

/// Prints a table, unless it has no rows. A blank line separates it from what was printed before.
fn section<const N: usize>(is_first: &mut bool, header: [&str; N], rows: Vec<[String; N]>) {
    if !rows.is_empty() {
        if !std::mem::take(is_first) {
            output::line("");
        }
        table::print(header, rows.into_iter());
    }
}
