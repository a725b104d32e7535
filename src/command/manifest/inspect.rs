//! `dsbuild manifest inspect`: prints a manifest or a list as it is, of the store or else of its registry.

use images::MANIFEST_LIMIT_BYTES;
use oci::Reference;
use registry::{Cancellation, Patience};

use crate::failure::Failure;
use crate::output::{self, Stream};
use crate::setup::{registry as connection, store};
use cli::manifest::InspectArgs;

/// Prints the document, indented.
pub fn run(args: &InspectArgs) -> Result<u8, Failure> {
    let name: Reference = args.name.parse()?;
    let store = store::open()?;
    let bytes = match store.resolve(&name)? {
        Some(root) => store.get_blob(&root.digest, MANIFEST_LIMIT_BYTES)?,
        None => {
            let insecure: Vec<String> = args.insecure.then(|| name.registry.clone()).into_iter().collect();
            let client = connection::client(&insecure, &[], Patience::default(), Cancellation::default())?;
            client.manifest(&name)?.bytes
        }
    };
    let value: serde_json::Value = serde_json::from_slice(&bytes).map_err(|error| {
        Failure::input(format!("the manifest of {} is not JSON: {error}", name.familiar()))
    })?;
    output::json(Stream::Stdout, &value, true);
    Ok(0)
}
