//! `dsbuild history --versions`: where a name has pointed, since when and why.

use std::time::{Duration, UNIX_EPOCH};

use cache::{Store, Version};
use images::versions::{self, Origin};
use oci::Platform;

use super::{parse_name, refused};
use crate::failure::Failure;
use crate::list;
use crate::output::{self, ago};
use crate::setup::store;
use cli::list::ListArgs;
use listing::{Column, List, Row};

/// Number of characters to which commands are cut, unless the user says otherwise.
const MAX_COMMAND_CHARS: usize = 45;

const COLUMNS: &[Column] = &[
    Column { field: "Bases", header: "BASES" },
    Column { field: "Command", header: "COMMAND" },
    Column { field: "Commit", header: "COMMIT" },
    Column { field: "Context", header: "CONTEXT" },
    Column { field: "CreatedAt", header: "CREATED AT" },
    Column { field: "CreatedSince", header: "CREATED" },
    Column { field: "Digest", header: "DIGEST" },
    Column { field: "Dockerfile", header: "DOCKERFILE" },
    Column { field: "Dsbuild", header: "DSBUILD" },
    Column { field: "How", header: "HOW" },
    Column { field: "ID", header: "IMAGE ID" },
    Column { field: "State", header: "STATE" },
    Column { field: "User", header: "USER" },
    Column { field: "Version", header: "VERSION" },
];

const SHOWN: &[&str] =
    &["Version", "CreatedSince", "How", "User", "ID", "State", "Commit", "Dockerfile", "Command"];

/// Lists the versions of a name, the newest first.
pub fn run(name: &str, args: &ListArgs) -> Result<u8, Failure> {
    let name = parse_name(name)?;
    let store = store::open()?;
    if let Some(damage) = store.versions(&name)?.damage {
        output::note(&format!(
            "note: the list of versions of {} is damaged ({damage}); it begins anew with the next version",
            name.familiar()
        ));
    }
    let versions = versions::list(&store, &name).map_err(|error| refused(&name, error))?;
    let present = store.resolve(&name)?.map(|image| image.digest);
    let last = versions.last().map(|version| version.number);
    let rows = versions.iter().rev().map(|version| {
        let is_present = Some(version.number) == last && Some(version.manifest.digest) == present;
        row(&store, version, is_present, args)
    });
    list::print(&List { columns: COLUMNS, shown: SHOWN, id: "ID" }, args, &rows.collect::<Vec<_>>())?;
    Ok(0)
}

fn row(store: &Store, version: &Version, is_present: bool, args: &ListArgs) -> Row {
    let origin = Origin::of(version);
    let time = (version.time_ms > 0).then(|| UNIX_EPOCH + Duration::from_millis(version.time_ms));
    let id = images::find::at(store, &version.manifest, &Platform::host());
    let id = id.map_or(version.manifest.digest, |image| image.manifest.config.digest);
    let state = if !versions::is_complete(store, &version.manifest) {
        "gone"
    } else if is_present {
        "present"
    } else {
        "kept"
    };
    let cut = |text: String, length| if args.no_trunc { text } else { shortened(&text, length) };
    let digest =
        |digest: oci::Digest| if args.no_trunc { digest.to_string() } else { digest.hex()[..12].to_owned() };
    let bases: Vec<String> =
        origin.bases.iter().map(|base| format!("{}@{}", base.name, base.digest)).collect();
    let text = |value: Option<String>| value.unwrap_or_default();
    Row::new([
        ("Bases", bases.join(", ")),
        ("Command", cut(text(origin.command.clone()), MAX_COMMAND_CHARS)),
        ("Commit", commit(&origin, args.no_trunc)),
        ("Context", text(origin.context.clone())),
        ("CreatedAt", time.map_or_else(String::new, output::date)),
        ("CreatedSince", ago(time)),
        ("Digest", version.manifest.digest.to_string()),
        ("Dockerfile", origin.dockerfile.map_or_else(String::new, digest)),
        ("Dsbuild", text(origin.dsbuild.clone())),
        ("How", how(&origin)),
        ("ID", digest(id)),
        ("State", state.to_owned()),
        ("User", text(origin.user)),
        ("Version", version.number.to_string()),
    ])
}

/// Returns the commit, with a plus sign if files differed from it.
fn commit(origin: &Origin, is_whole: bool) -> String {
    let Some(commit) = &origin.commit else { return String::new() };
    let short = commit.get(..12).filter(|_| !is_whole).unwrap_or(commit);
    let mark = if origin.dirty == Some(true) { "+" } else { "" };
    format!("{short}{mark}")
}

/// Returns the command that moved the name; `unknown` for a version that was recorded afterwards.
pub fn how(origin: &Origin) -> String {
    match (&origin.how, origin.restored) {
        (Some(how), Some(number)) => format!("{how} to {number}"),
        (Some(how), None) => how.clone(),
        (None, _) => "unknown".to_owned(),
    }
}

/// Cuts a text to a number of characters.
fn shortened(text: &str, length: usize) -> String {
    match text.char_indices().nth(length) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text.to_owned(),
    }
}
