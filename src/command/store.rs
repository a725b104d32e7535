//! The store and the registry client, as this machine has them; `dsbuild check`, `du` and `prune`.

use cache::{Policy, Store};
use registry::{Cancellation, Client, Options, Patience};

use super::{build_options, table};
use crate::args::{CheckArgs, PruneArgs};
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
pub fn registry_client(
    insecure: &[String],
    mirrors: &[String],
    patience: Patience,
    cancel: Cancellation,
) -> Result<Client, Failure> {
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
        certificate_folders: environment::certificate_folders(),
        proxies: environment::proxies(),
        patience,
        cancel,
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

/// Says how much the store takes, and for what.
pub fn usage() -> Result<u8, Failure> {
    let usage = open()?.usage();
    let rows = [
        ("Images and layers", usage.blobs_bytes),
        ("Unpacked layers", usage.layers_bytes),
        ("Cache mounts", usage.mounts_bytes),
        ("Containers", usage.containers_bytes),
        ("Records", usage.records_bytes),
        ("In work", usage.tmp_bytes),
        ("Total", usage.total_bytes()),
    ];
    let header = ["WHAT", "SIZE"].map(str::to_owned);
    table::print(&header, rows.into_iter().map(|(what, bytes)| [what.to_owned(), output::size(bytes)]));
    Ok(0)
}

/// Collects, as far as the user says.
pub fn prune(args: &PruneArgs) -> Result<u8, Failure> {
    let policy = match (&args.keep_storage, args.all) {
        (Some(text), _) => Policy { budget_bytes: build_options::bytes(text, "--keep-storage")?, keep_ms: 0 },
        (None, true) => Policy { budget_bytes: 0, keep_ms: 0 },
        (None, false) => Policy::for_disk(open()?.root())?,
    };
    // What another user of the same name space has unpacked can only be removed there.
    sandbox::privilege::enter()?;
    match Store::collect(&environment::store_root(), &policy)? {
        Some(done) => {
            output::line(&format!("Total reclaimed space: {}", output::size(done.freed_bytes)));
            Ok(0)
        }
        None => Err(Failure::ours("the store is in use; nothing was removed")
            .hint("a build is running; try again when it has ended")),
    }
}

/// Keeps the store within its budget, once a day. Whatever is in the way of that is no failure of the build before.
pub fn collect_if_due() {
    let root = environment::store_root();
    if Store::is_collection_due(&root)
        && let Ok(policy) = Policy::for_disk(&root)
    {
        let _ = Store::collect(&root, &policy);
    }
}
