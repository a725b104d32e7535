//! The store and the registry client, as this machine has them; `dsbuild check`, `du` and `prune`.

use std::path::Path;

use cache::{Policy, Store, StoreError};
use registry::{Cancellation, Client, Options, Patience};

use super::{build_options, isolate, table};
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
    for path in &report.unknown {
        output::note(&format!("{} is not part of the store, and is left alone", path.display()));
    }
    for container in &report.unprotected {
        let dir = container.display();
        output::note(&format!("no root protects the layers of {dir}; `dsbuild prune` writes one"));
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
        ("Volumes", usage.volumes_bytes),
        ("In work", usage.tmp_bytes),
        ("Total", usage.total_bytes()),
    ];
    let header = ["WHAT", "SIZE"].map(str::to_owned);
    table::print(&header, rows.into_iter().map(|(what, bytes)| [what.to_owned(), output::size(bytes)]));
    Ok(0)
}

/// Collects, as far as the user says.
pub fn prune(args: &PruneArgs) -> Result<u8, Failure> {
    // Files that belong to other ids of the user's name space can be removed only inside of it. Entered before the store
    // is opened, which can start a thread.
    isolate::enter()?;
    let store = open()?;
    runner::container::reconcile(&store)?;
    let policy = match (&args.keep_storage, args.all) {
        (Some(text), _) => Policy { budget_bytes: build_options::bytes(text, "--keep-storage")?, keep_ms: 0 },
        (None, true) => Policy { budget_bytes: 0, keep_ms: 0 },
        (None, false) => Policy::for_disk(store.root())?,
    };
    drop(store);
    match Store::collect(&environment::store_root(), &policy).map_err(refused)? {
        Some(done) => {
            output::line(&format!("Total reclaimed space: {}", output::size(done.freed_bytes)));
            Ok(0)
        }
        None => Err(Failure::ours("the store is in use; nothing was removed")
            .hint("a build is running; try again when it has ended")),
    }
}

/// Explains a collection that did not dare to remove anything.
fn refused(error: StoreError) -> Failure {
    let hint = match &error {
        StoreError::BadRoot { .. } => "remove the container of that root (`dsbuild rm`), or else the file",
        StoreError::NoRoot { .. } => {
            "remove that directory if it is no container, or if nobody needs the container"
        }
        _ => return Failure::of(&error),
    };
    Failure::of(&error).hint(hint)
}

/// Keeps the store within its budget, once a day. A collection that fails does not fail the build before it.
pub fn collect_if_due() {
    let root = environment::store_root();
    if Store::is_collection_due(&root) {
        let _ = collect_by_default(&root);
    }
}

fn collect_by_default(root: &Path) -> Result<(), Failure> {
    let store = Store::open(root)?;
    runner::container::reconcile(&store)?;
    drop(store);
    Store::collect(root, &Policy::for_disk(root)?)?;
    Ok(())
}
