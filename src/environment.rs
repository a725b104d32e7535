//! The environment: the only place that reads variables.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::path::PathBuf;
use std::sync::LazyLock;

/// In a user namespace of our own we are root whoever has called us.
static CALLED_BY_ROOT: LazyLock<bool> = LazyLock::new(|| rustix::process::geteuid().is_root());

/// Remembers who has called us; to be called before any namespace is entered.
pub fn remember_caller() {
    LazyLock::force(&CALLED_BY_ROOT);
}

/// Whether root has called us.
pub fn is_called_by_root() -> bool {
    *CALLED_BY_ROOT
}

/// The value of a variable; `None` if it is unset or empty.
pub fn variable(name: &str) -> Option<String> {
    os_variable(name).and_then(|value| value.into_string().ok())
}

/// The value of a variable, in whatever encoding; `None` if it is unset or empty.
pub fn os_variable(name: &str) -> Option<OsString> {
    std::env::var_os(name).filter(|value| !value.is_empty())
}

/// The value of a variable, which may be empty.
pub fn variable_even_if_empty(name: &str) -> Option<String> {
    std::env::var(name).ok()
}

/// Where the store is: `$DSBUILD_ROOT`, else `/var/lib/dsbuild` for root and `$XDG_DATA_HOME/dsbuild` for others.
pub fn store_root() -> PathBuf {
    if let Some(root) = os_variable("DSBUILD_ROOT") {
        return root.into();
    }
    if is_called_by_root() {
        return "/var/lib/dsbuild".into();
    }
    let data = os_variable("XDG_DATA_HOME").map(PathBuf::from);
    data.unwrap_or_else(|| home().join(".local/share")).join("dsbuild")
}

/// The whole environment of a process that watches over a container in the background: where the store is.
///
/// The process lives as long as the container, and any process of the same user can read its environment. The caller's
/// environment can hold secrets, such as the tokens of a CI job.
pub fn of_monitor() -> std::io::Result<[(&'static str, PathBuf); 1]> {
    // Absolute, as the process does not run in the caller's directory.
    Ok([("DSBUILD_ROOT", std::path::absolute(store_root())?)])
}

/// The login files of docker and podman, those that win first.
pub fn credential_files() -> Vec<PathBuf> {
    let mut files: Vec<PathBuf> = Vec::new();
    files.extend(os_variable("REGISTRY_AUTH_FILE").map(PathBuf::from));
    let docker = os_variable("DOCKER_CONFIG").map_or_else(|| home().join(".docker"), PathBuf::from);
    files.push(docker.join("config.json"));
    files.extend(os_variable("XDG_RUNTIME_DIR").map(|dir| PathBuf::from(dir).join("containers/auth.json")));
    files.push(home().join(".config/containers/auth.json"));
    files
}

/// The folders of PATH, where credential helpers may be.
pub fn helper_folders() -> Vec<PathBuf> {
    os_variable("PATH").map(|path| std::env::split_paths(&path).collect()).unwrap_or_default()
}

/// The folders of docker and podman with certificates for registries: the user's, then those of the machine.
pub fn certificate_folders() -> Vec<PathBuf> {
    let config = os_variable("XDG_CONFIG_HOME").map_or_else(|| home().join(".config"), PathBuf::from);
    vec![
        config.join("containers/certs.d"),
        config.join("docker/certs.d"),
        "/etc/containers/certs.d".into(),
        "/etc/docker/certs.d".into(),
    ]
}

/// Where registries and other servers are asked by way of a proxy; upper case goes first.
pub fn proxies() -> registry::Proxies {
    let either = |name: &str| variable(name).or_else(|| variable(&name.to_lowercase()));
    registry::Proxies {
        http: either("HTTP_PROXY"),
        https: either("HTTPS_PROXY"),
        direct: either("NO_PROXY").unwrap_or_default(),
    }
}

/// What the git program gets of the environment: where programs are, proxies, certificates. Nothing that says what it does.
pub fn git_variables() -> BTreeMap<String, OsString> {
    const NAMES: [&str; 12] = [
        "PATH",
        "HTTP_PROXY",
        "HTTPS_PROXY",
        "ALL_PROXY",
        "NO_PROXY",
        "http_proxy",
        "https_proxy",
        "all_proxy",
        "no_proxy",
        "SSL_CERT_FILE",
        "SSL_CERT_DIR",
        "GIT_SSL_CAINFO",
    ];
    NAMES.iter().filter_map(|name| Some(((*name).to_owned(), os_variable(name)?))).collect()
}

fn home() -> PathBuf {
    os_variable("HOME").map_or_else(|| "/".into(), PathBuf::from)
}
