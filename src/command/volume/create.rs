//! `dsbuild volume create`: makes a volume.

use std::collections::BTreeMap;

use runner::volumes::{self, NewVolume};

use crate::failure::Failure;
use crate::output;
use crate::setup::{isolation, store};
use cli::volume::CreateArgs;

/// Makes a volume, unless it exists, and prints its name.
pub fn run(args: &CreateArgs) -> Result<u8, Failure> {
    // Containers of an ordinary user write to it with the IDs of a namespace.
    isolation::enter()?;
    let new = NewVolume {
        name: args.name.clone().filter(|name| !name.is_empty()),
        labels: pairs(&args.labels),
        options: pairs(&args.options),
    };
    output::line(&volumes::create(&store::open()?, &new)?);
    Ok(0)
}

fn pairs(texts: &[String]) -> BTreeMap<String, String> {
    let pair = |text: &String| {
        let (name, value) = text.split_once('=').unwrap_or((text, ""));
        (name.to_owned(), value.to_owned())
    };
    texts.iter().map(pair).collect()
}
