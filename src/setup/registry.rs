//! The registry client with the user's logins, certificates and proxies.

use progress::Cancel;
use registry::{Cancellation, Client, Options, Patience};

use crate::environment;
use crate::failure::Failure;

/// Creates a client. `insecure` and `mirrors` are the values of `--insecure-registry` and `--registry-mirror`.
pub fn client(
    insecure: &[String],
    mirrors: &[String],
    patience: Patience,
    cancel: Cancellation,
) -> Result<Client, Failure> {
    let options = Options {
        insecure: insecure.to_vec(),
        mirrors: mirrors.iter().map(|text| mirror(text)).collect::<Result<_, _>>()?,
        credential_files: environment::credential_files(),
        login_file: environment::login_file(),
        registries_files: environment::registries_files(),
        helper_folders: environment::helper_folders(),
        certificate_folders: environment::certificate_folders(),
        upload_chunk_bytes: None,
        proxies: environment::proxies(),
        patience,
        cancel,
    };
    Ok(Client::new(options))
}

/// Creates a client that `cancel` cancels, for a command that a user waits for.
pub fn client_of(insecure: &[String], mirrors: &[String], cancel: &Cancel) -> Result<Client, Failure> {
    let cancel = cancel.clone();
    client(insecure, mirrors, Patience::default(), Cancellation::when(move || cancel.is_canceled()))
}

/// Creates a client for a command that a signal ends at once.
pub fn plain_client(insecure: &[String]) -> Result<Client, Failure> {
    client(insecure, &[], Patience::default(), Cancellation::default())
}

/// Reads `REGISTRY=URL`, the value of `--registry-mirror`.
fn mirror(text: &str) -> Result<(String, String), Failure> {
    match text.split_once('=') {
        Some((registry, url)) => Ok((registry.to_owned(), url.to_owned())),
        None => Err(Failure::usage(format!("--registry-mirror {text:?} is not REGISTRY=URL"))
            .hint("for example docker.io=http://127.0.0.1:5000")),
    }
}
