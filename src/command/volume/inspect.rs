//! `dsbuild volume inspect`: the documents of volumes, with docker's names of fields.

use std::collections::BTreeMap;

use cache::Store;
use runner::volumes::{self, StoredVolume};
use serde::Serialize;

use crate::command::inspect::container::moment;
use crate::command::inspect::{Printer, to_json};
use crate::failure::Failure;
use crate::output::{self, Stream};
use crate::setup::store;
use cli::volume::InspectArgs;

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct VolumeDocument<'a> {
    created_at: String,
    driver: &'static str,
    labels: &'a BTreeMap<String, String>,
    mountpoint: String,
    name: &'a str,
    options: &'a BTreeMap<String, String>,
    scope: &'static str,
    anonymous: bool,
}

/// Prints the document of each volume that exists.
pub fn run(args: &InspectArgs) -> Result<u8, Failure> {
    let printer = Printer::parse(args.format.as_deref())?;
    let store = store::open()?;
    let (mut documents, mut failures) = (Vec::new(), Vec::new());
    for name in &args.volumes {
        match volumes::find(&store, name) {
            Ok(volume) => documents.push(document(&store, &volume)),
            Err(error) => failures.push(Failure::from(error).hint("`dsbuild volume ls` lists all volumes")),
        }
    }
    printer.print(&documents)?;
    let Some(last) = failures.pop() else { return Ok(0) };
    failures.iter().for_each(|failure| output::colored(Stream::Stderr, &failure.report()));
    Err(last)
}

fn document(store: &Store, volume: &StoredVolume) -> String {
    to_json(&VolumeDocument {
        created_at: moment(Some(volume.created_ms)),
        driver: "local",
        labels: &volume.labels,
        mountpoint: volumes::path(store, &volume.name).display().to_string(),
        name: &volume.name,
        options: &volume.options,
        scope: "local",
        anonymous: volume.is_anonymous,
    })
}
