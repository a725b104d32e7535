//! `dsbuild diff`: the differences between two images.
//!
//! ```text
//! side  one of the two images, with its version
//! text  the result for a terminal
//! page  the result as one HTML file, with page.css in it
//! ```

mod page;
mod side;
mod text;

use std::sync::Arc;

use compare::{Comparison, compare};
use images::versions;
use oci::Platform;
use rootfs::layers::Layers;
use serde_json::{Value, json};

use self::side::Side;
use super::{parse_name, refused};
use crate::failure::Failure;
use crate::output::{self, Stream};
use crate::setup::store;
use cli::versions::{DiffArgs, DiffFormat};

/// Compares two images, and prints the differences or writes a page.
pub fn run(args: &DiffArgs) -> Result<u8, Failure> {
    let platform = match &args.platform {
        Some(text) => text.parse::<Platform>()?,
        None => Platform::host(),
    };
    let store = Arc::new(store::open()?);
    let (before, after) = names(&store, args)?;
    let before = Side::find(&store, &before, &platform)?;
    let after = Side::find(&store, &after, &platform)?;
    let found = compare(&Layers::new(Arc::clone(&store)), &before.image, &after.image)?;
    found.problems.iter().for_each(|problem| output::note(&format!("note: {problem}")));
    if let Some(file) = &args.html {
        export::write_file(file, page::render(&before, &after, &found).as_bytes())?;
    }
    match args.format {
        DiffFormat::Json => output::json(Stream::Stdout, &document(&before, &after, &found), true),
        DiffFormat::Text if args.html.is_some() => {}
        DiffFormat::Text => output::lines(&text::render(&before, &after, &found, args.all)),
    }
    Ok(0)
}

/// Returns the two images to compare: by default the version before the present one, and the present one.
fn names(store: &cache::Store, args: &DiffArgs) -> Result<(String, String), Failure> {
    if let Some(after) = &args.after {
        return Ok((args.before.clone(), after.clone()));
    }
    if versions::split(&args.before).is_some() {
        return Err(Failure::usage(format!("diff needs a second image to compare {} with", args.before))
            .hint(format!("`dsbuild diff {0} NAME` compares it with the present version", args.before)));
    }
    let name = parse_name(&args.before)?;
    let refuse = |error| refused(&name, error);
    let previous = versions::previous(store, &name).map_err(refuse)?.number;
    let present = versions::list(store, &name).map_err(refuse)?.last().map_or(previous, |last| last.number);
    let version = |number| format!("{}@{number}", name.familiar());
    Ok((version(previous), version(present)))
}

/// Returns the result as a document.
fn document(before: &Side, after: &Side, found: &Comparison) -> Value {
    let mut document = json!({ "before": before.document(), "after": after.document() });
    if let (Value::Object(fields), Ok(Value::Object(differences))) =
        (&mut document, serde_json::to_value(found))
    {
        fields.extend(differences);
    }
    document
}
