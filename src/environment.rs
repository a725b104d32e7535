//! The environment variables of dsbuild. No other module reads any.
//!
//! | variable                                            | meaning                                                  |
//! |-----------------------------------------------------|----------------------------------------------------------|
//! | `DSBUILD_ROOT`                                      | directory of the store                                   |
//! | `XDG_DATA_HOME`, `XDG_CONFIG_HOME`, `HOME`          | directories of the user                                  |
//! | `REGISTRY_AUTH_FILE`, `DOCKER_CONFIG`, `XDG_RUNTIME_DIR` | files with logins                                   |
//! | `CONTAINERS_REGISTRIES_CONF`                        | podman's file about registries                           |
//! | `HTTP_PROXY`, `HTTPS_PROXY`, `NO_PROXY`             | proxies, also in lower case                              |
//! | `SOURCE_DATE_EPOCH`, `SSH_AUTH_SOCK`                | source date; socket of the SSH agent                     |
//! | `SUDO_USER`                                         | user who called through sudo, for the versions of images |
//! | `DSBUILD_KEEP_VERSIONS`, `DSBUILD_KEEP_VERSIONS_DAYS` | versions that keep their images                     |
//! | `TMPDIR`                                            | directory for sockets                                    |
//! | `NO_COLOR`, `TERM`                                  | abilities of the terminal                                |
//! | `COMPOSE_FILE`, `COMPOSE_PATH_SEPARATOR`, `COMPOSE_PROJECT_NAME`, `COMPOSE_PROFILES`, `COMPOSE_ENV_FILES`, `COMPOSE_DISABLE_ENV_FILE` | defaults of `dsbuild compose` |
//! | all                                                 | variables of Compose files                               |
//! | `BUILDKIT_PROGRESS`, `DSBUILD_CDI_SPEC_DIRS`        | defaults of flags, read by clap                          |

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::path::PathBuf;
use std::sync::LazyLock;

/// User ID of the caller. In a user namespace of our own it can no longer be asked for.
static CALLER: LazyLock<u32> = LazyLock::new(|| rustix::process::geteuid().as_raw());

/// Variables that the git program inherits: search path, proxies, certificates. None of them changes what git does.
const GIT_VARIABLES: [&str; 12] = [
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

/// Remembers the user who called us. Must run before any namespace is entered.
pub fn remember_caller() {
    LazyLock::force(&CALLER);
}

/// Returns the user ID of the caller, as the machine knows it.
pub fn caller() -> u32 {
    *CALLER
}

/// Returns the login name of the user who asked: of the caller, or of the user who called through sudo. A user without a
/// name is its ID.
pub fn user_name() -> String {
    if let Some(name) = variable("SUDO_USER").filter(|_| is_called_by_root()) {
        return name;
    }
    let user = nix::unistd::User::from_uid(caller().into());
    user.ok().flatten().map_or_else(|| caller().to_string(), |user| user.name)
}

/// Reports whether root called us.
pub fn is_called_by_root() -> bool {
    caller() == 0
}

/// Returns the value of a variable, or `None` if it is unset, empty or not UTF-8.
pub fn variable(name: &str) -> Option<String> {
    os_variable(name).and_then(|value| value.into_string().ok())
}

/// Returns the value of a variable in any encoding, or `None` if it is unset or empty.
pub fn os_variable(name: &str) -> Option<OsString> {
    std::env::var_os(name).filter(|value| !value.is_empty())
}

/// Returns the value of a variable, which may be empty, or `None` if it is unset or not UTF-8.
pub fn variable_even_if_empty(name: &str) -> Option<String> {
    std::env::var(name).ok()
}

/// Returns all variables, as Compose files can name any of them. Variables that are not UTF-8 are left out.
pub fn all() -> BTreeMap<String, String> {
    std::env::vars_os()
        .filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)))
        .collect()
}

/// Returns the directory of the store: `$DSBUILD_ROOT`, else `/var/lib/dsbuild` for root and `$XDG_DATA_HOME/dsbuild`
/// for other users.
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

/// Returns the whole environment of the process that watches over a container in the background: the path of the store.
///
/// That process lives as long as the container, and any process of the same user can read its environment. The caller's
/// environment can hold secrets, such as the tokens of a CI job.
pub fn of_monitor() -> std::io::Result<[(&'static str, PathBuf); 1]> {
    // Absolute, as the process does not run in the caller's directory.
    Ok([("DSBUILD_ROOT", std::path::absolute(store_root())?)])
}

/// Returns the files of docker and podman with logins. Earlier files win.
pub fn credential_files() -> Vec<PathBuf> {
    let mut files: Vec<PathBuf> = Vec::new();
    files.extend(os_variable("REGISTRY_AUTH_FILE").map(PathBuf::from));
    files.push(docker_config());
    files.extend(os_variable("XDG_RUNTIME_DIR").map(|dir| PathBuf::from(dir).join("containers/auth.json")));
    files.push(home().join(".config/containers/auth.json"));
    files
}

/// Returns the file that gets and loses logins: podman's `$REGISTRY_AUTH_FILE` if it is set, else docker's.
pub fn login_file() -> PathBuf {
    os_variable("REGISTRY_AUTH_FILE").map_or_else(docker_config, PathBuf::from)
}

/// Returns podman's files about registries: those of the user, else those of the machine. Drop-ins of the user win.
pub fn registries_files() -> registry::RegistriesFiles {
    let user = os_variable("XDG_CONFIG_HOME").map_or_else(|| home().join(".config"), PathBuf::from);
    let (user, machine) = (user.join("containers"), PathBuf::from("/etc/containers"));
    let of_folders = || {
        let files = [&user, &machine].map(|folder| folder.join("registries.conf"));
        files.into_iter().find(|file| file.exists())
    };
    registry::RegistriesFiles {
        file: os_variable("CONTAINERS_REGISTRIES_CONF").map(PathBuf::from).or_else(of_folders),
        drop_ins: vec![machine.join("registries.conf.d"), user.join("registries.conf.d")],
    }
}

/// Returns docker's configuration file of the user, which need not exist.
pub fn docker_config() -> PathBuf {
    let docker = os_variable("DOCKER_CONFIG").map_or_else(|| home().join(".docker"), PathBuf::from);
    docker.join("config.json")
}

/// Returns the directories of `PATH`, in which credential helpers and SSH programs are looked up.
pub fn helper_folders() -> Vec<PathBuf> {
    os_variable("PATH").map(|path| std::env::split_paths(&path).collect()).unwrap_or_default()
}

/// Returns the directories of docker and podman with certificates for registries. Those of the user win.
pub fn certificate_folders() -> Vec<PathBuf> {
    let config = os_variable("XDG_CONFIG_HOME").map_or_else(|| home().join(".config"), PathBuf::from);
    vec![
        config.join("containers/certs.d"),
        config.join("docker/certs.d"),
        "/etc/containers/certs.d".into(),
        "/etc/docker/certs.d".into(),
    ]
}

/// Returns the proxies for registries and other servers. Variables in upper case win.
pub fn proxies() -> registry::Proxies {
    let either = |name: &str| variable(name).or_else(|| variable(&name.to_lowercase()));
    registry::Proxies {
        http: either("HTTP_PROXY"),
        https: either("HTTPS_PROXY"),
        direct: either("NO_PROXY").unwrap_or_default(),
    }
}

/// Returns which versions of images keep their images. Values that are no numbers count as unset.
pub fn version_limits() -> cache::VersionLimits {
    let number = |name| variable(name).and_then(|text| text.parse::<u64>().ok());
    let default = cache::VersionLimits::default();
    cache::VersionLimits {
        count: number("DSBUILD_KEEP_VERSIONS")
            .map_or(default.count, |count| count.try_into().unwrap_or(usize::MAX)),
        age_ms: number("DSBUILD_KEEP_VERSIONS_DAYS")
            .map_or(default.age_ms, |days| days.saturating_mul(86_400_000)),
    }
}

/// Returns the environment of the git program.
pub fn git_variables() -> BTreeMap<String, OsString> {
    GIT_VARIABLES.iter().filter_map(|name| Some(((*name).to_owned(), os_variable(name)?))).collect()
}

/// Returns the directory for sockets: `$XDG_RUNTIME_DIR`, else `$TMPDIR`, else `/tmp`. The path of a socket must be short.
pub fn socket_folder() -> PathBuf {
    let folder = os_variable("XDG_RUNTIME_DIR").or_else(|| os_variable("TMPDIR"));
    folder.map_or_else(|| "/tmp".into(), PathBuf::from)
}

/// Returns the home directory of the user, or `/` if it is unknown.
pub fn home() -> PathBuf {
    os_variable("HOME").map_or_else(|| "/".into(), PathBuf::from)
}
