//! The store and the registry client, as this machine has them; `dsbuild check`.

use cache::Store;
use registry::{Client, Options};

use crate::args::CheckArgs;
use crate::environment;
use crate::output;
use crate::report::Failure;

/// Opens the store.
pub fn open() -> Result<Store, Failure> {
    let root = environment::store_root();
    Store::open(&root).map_err(|error| {
        Failure::of(&error)
            .hint(format!("the store is {}; set DSBUILD_ROOT to use another folder", root.display()))
    })
}

/// A client with the user's logins.
pub fn registry_client(insecure: &[String], mirrors: &[String]) -> Result<Client, Failure> {
    let mirror = |text: &String| match text.split_once('=') {
        Some((registry, url)) => Ok((registry.to_owned(), url.to_owned())),
        None => Err(Failure::ours(format!("--registry-mirror {text:?} is not REGISTRY=URL"))
            .hint("for example docker.io=http://127.0.0.1:5000")),
    };
    let options = Options {
        insecure: insecure.to_vec(),
        mirrors: mirrors.iter().map(mirror).collect::<Result<_, _>>()?,
        credential_files: environment::credential_files(),
        helper_folders: environment::helper_folders(),
        ..Options::default()
    };
    Ok(Client::new(options))
}

/// Verifies the store.
pub fn check(args: &CheckArgs) -> Result<u8, Failure> {
    let report = open()?.check(args.read_data)?;
    for problem in &report.problems {
        output::note(&format!("{problem}"));
    }
    output::line(&format!("{} blobs checked, {} problems", report.blobs, report.problems.len()));
    Ok(u8::from(!report.problems.is_empty()))
}
