//! The flags of `build` as typed options. Each flag has an error and an example.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use attest::AttestRequest;
use builder::RunOptions;
use frontend::Options;
use frontend::options::{Context, Entitlements, NamedContext};
use graph::{AllowedDevices, NetworkMode, Ulimit};
use patterns::IgnoreFile;
use pipeline::BuildRequest;
use pipeline::input::{self, Input, InputError, InputNames};
use sources::context::{ContextFrom, is_remote};
use sources::{FetchOptions, SecretSource, Secrets};

use super::ssh::{self, Agent};
use super::{hosts, proxies};
use crate::environment;
use crate::failure::Failure;
use crate::output;
use cli::build::BuildArgs;
use cli::{similar_command, values};

/// Reads the Dockerfile and turns flags into a request without outputs. The build needs the agents until it ends.
pub fn request(args: &BuildArgs) -> Result<(Vec<Agent>, BuildRequest), Failure> {
    let names = InputNames { context: &args.context, file: args.file.as_deref() };
    let Input { dockerfile_name, dockerfile, context, pending } =
        input::find(names).map_err(|error| of_input(&error))?;
    if let Context::Local { path, ignore } = &context
        && let Some(note) = unused_ignore_file(path, ignore)
    {
        output::note(&format!("note: {note}"));
    }
    let mut build_args = build_args(&args.build_args);
    if let Some(note) = proxies::add(&mut build_args, &environment::docker_config()) {
        output::note(&format!("note: {note}"));
    }
    let (agents, run) = run_options(args, &build_args)?;
    let options = Options {
        dockerfile_name,
        context,
        named_contexts: read_all(&args.build_contexts, named_context)?,
        target: args.target.clone(),
        build_args,
        labels: args.labels.iter().map(|text| pair(text)).collect(),
        platforms: platforms(&args.platforms)?,
        no_cache: args.no_cache,
        no_cache_filter: args.no_cache_filter.iter().map(|stage| stage.to_lowercase()).collect(),
        network: network(&args.network)?,
        add_hosts: read_all(&args.add_hosts, hosts::entry)?,
        shm_size_bytes: args
            .shm_size
            .as_deref()
            .map(|text| values::size_bytes(text, "--shm-size"))
            .transpose()?,
        ulimits: read_all(&args.ulimits, ulimit)?,
        allow: entitlements(&args.allow)?,
    };
    let attest = attestations(args)?;
    Ok((agents, BuildRequest { dockerfile, options, run, exports: Vec::new(), attest, pending }))
}

/// Reads `--attest`, `--sbom` and `--provenance`. The short forms win, as with buildx.
fn attestations(args: &BuildArgs) -> Result<AttestRequest, Failure> {
    let mut request = AttestRequest::default();
    args.attest.iter().try_for_each(|value| request.add(value))?;
    args.sbom.iter().try_for_each(|value| request.add_sbom(value))?;
    args.provenance.iter().try_for_each(|value| request.add_provenance(value))?;
    Ok(request)
}

/// Reads the values of a flag, which are collected in a list or a map.
fn read_all<T, C: FromIterator<T>>(
    texts: &[String],
    read: impl Fn(&str) -> Result<T, Failure>,
) -> Result<C, Failure> {
    texts.iter().map(|text| read(text)).collect()
}

/// Returns a note if the ignore file of a context is not used because it is a symlink that leaves the context.
pub fn unused_ignore_file(context: &Path, used: &IgnoreFile) -> Option<String> {
    let file = context.join(".dockerignore");
    let is_link = file.symlink_metadata().is_ok_and(|metadata| metadata.is_symlink());
    (is_link && used.path.as_os_str().is_empty()).then(|| {
        format!(
            "{} is a symlink whose target is not in the context: no file is excluded",
            output::path(&file)
        )
    })
}

/// Returns the failure of an input. A context that does not exist may be a mistyped command.
fn of_input(error: &InputError) -> Failure {
    let failure = Failure::of_input(error);
    let InputError::NoContext { context, .. } = error else { return failure };
    match similar_command(context) {
        Some(command) => failure.hint(format!("did you mean `dsbuild {command}`?")),
        None => failure,
    }
}

/// Returns the settings of steps, and the SSH agents that serve private keys.
fn run_options(
    args: &BuildArgs,
    build_args: &BTreeMap<String, String>,
) -> Result<(Vec<Agent>, RunOptions), Failure> {
    let mut agents = Vec::new();
    let keep_git_dir = build_args.get("BUILDKIT_CONTEXT_KEEP_GIT_DIR");
    let fetch = FetchOptions {
        secrets: Secrets(read_all(&args.secrets, secret)?),
        ssh: args.ssh.iter().map(|text| ssh::socket(text, &mut agents)).collect::<Result<_, _>>()?,
        git_variables: environment::git_variables(),
        keep_git_dir: keep_git_dir.map(|text| text != "0" && text != "false"),
    };
    let run = RunOptions {
        fetch,
        device_folders: args.cdi_spec_dirs.clone(),
        strict_secrets: args.secrets_mode == "strict",
        limits: sandbox::Limits {
            memory_bytes: values::memory(args.memory.as_deref())?,
            max_pids: values::pids_limit(args.pids_limit),
            ..sandbox::Limits::default()
        },
        host_network_fallback: args.network_fallback == "host",
        ..RunOptions::default()
    };
    Ok((agents, run))
}

/// Reads `--build-arg` values. A name without a value is taken from the environment, and left out if it is unset there.
pub fn build_args(given: &[String]) -> BTreeMap<String, String> {
    let mut args: BTreeMap<String, String> = BTreeMap::new();
    if let Some(epoch) = environment::variable("SOURCE_DATE_EPOCH") {
        args.insert("SOURCE_DATE_EPOCH".to_owned(), epoch);
    }
    for text in given {
        match text.split_once('=') {
            Some((name, value)) => args.insert(name.to_owned(), value.to_owned()),
            None => {
                environment::variable_even_if_empty(text).and_then(|value| args.insert(text.clone(), value))
            }
        };
    }
    args
}

fn pair(text: &str) -> (String, String) {
    let (name, value) = text.split_once('=').unwrap_or((text, ""));
    (name.to_owned(), value.to_owned())
}

/// Reads `--platform`. A platform that is given twice, under two names perhaps, is built once.
fn platforms(texts: &[String]) -> Result<Vec<oci::Platform>, Failure> {
    let mut platforms: Vec<oci::Platform> = Vec::new();
    for text in texts.iter().map(|text| text.trim()).filter(|text| !text.is_empty()) {
        let platform = platform(text)?;
        if !platforms.contains(&platform) {
            platforms.push(platform);
        }
    }
    Ok(platforms)
}

fn platform(text: &str) -> Result<oci::Platform, Failure> {
    match text {
        "local" => Ok(oci::Platform::host()),
        text => Ok(text.parse::<oci::Platform>()?),
    }
}

fn network(text: &str) -> Result<NetworkMode, Failure> {
    match text {
        "default" | "bridge" | "" => Ok(NetworkMode::Default),
        "host" => Ok(NetworkMode::Host),
        "none" => Ok(NetworkMode::None),
        other => {
            Err(Failure::usage(format!("unknown network mode {other:?}")).hint("use default, none or host"))
        }
    }
}

/// Reads `NAME=SOFT[:HARD]`; -1 means no limit.
fn ulimit(text: &str) -> Result<Ulimit, Failure> {
    let bad = || {
        Failure::usage(format!("--ulimit {text:?} is not NAME=SOFT[:HARD]")).hint("for example nofile=1024")
    };
    let (name, values) = text.split_once('=').ok_or_else(bad)?;
    let number = |text: &str| match text {
        "-1" => Ok(u64::MAX),
        text => text.parse::<u64>().map_err(|_| bad()),
    };
    let (soft, hard) = values.split_once(':').unwrap_or((values, values));
    let (soft, hard) = (number(soft)?, number(hard)?);
    if soft <= hard {
        Ok(Ulimit { name: name.to_owned(), soft, hard })
    } else {
        Err(Failure::usage(format!("--ulimit {text:?}: the soft limit is above the hard one")))
    }
}

/// Reads `--allow`: `network.host`, `security.insecure` and `device`, separated by commas, or
/// `device=NAME[,alias=ALIAS]`.
fn entitlements(given: &[String]) -> Result<Entitlements, Failure> {
    let mut allow = Entitlements::default();
    for text in given {
        if let Some(device) = text.strip_prefix("device=") {
            allow_device(&mut allow.devices, device)
                .map_err(|why| Failure::usage(format!("--allow {text:?}: {why}")))?;
            continue;
        }
        for word in text.split(',') {
            match word {
                "network.host" => allow.network_host = true,
                "security.insecure" => allow.security_insecure = true,
                "device" => allow.devices.all = true,
                _ => {
                    return Err(Failure::usage(format!("unknown entitlement {word:?} in --allow"))
                        .hint("use network.host, security.insecure, device or device=NAME"));
                }
            }
        }
    }
    Ok(allow)
}

/// Reads `NAME[,alias=ALIAS]`, the value of `--allow device=`.
fn allow_device(devices: &mut AllowedDevices, text: &str) -> Result<(), String> {
    let (name, option) = text.split_once(',').map_or((text, None), |(name, option)| (name, Some(option)));
    let check = |name: &str| name.parse::<cdi::Request>().map(drop).map_err(|error| error.to_string());
    check(name)?;
    match option.map(|option| option.strip_prefix("alias=").ok_or(option)) {
        None => devices.names.push(name.to_owned()),
        Some(Ok(alias)) => {
            check(alias)?;
            devices.aliases.insert(alias.to_owned(), name.to_owned());
        }
        Some(Err(option)) => return Err(format!("{option:?} is not alias=NAME")),
    }
    Ok(())
}

/// Reads `id=ID[,src=PATH][,env=NAME][,type=file|env]`. Without a source, the secret is the file `ID`, or else the
/// environment variable `ID`.
fn secret(text: &str) -> Result<(String, SecretSource), Failure> {
    let bad = |why: &str| {
        Failure::usage(format!("--secret {text:?}: {why}"))
            .hint("for example --secret id=token,src=token.txt")
    };
    let (mut id, mut src, mut env) = (None, None, None);
    for field in text.split(',') {
        match field.split_once('=') {
            Some(("id", value)) => id = Some(value.to_owned()),
            Some(("src" | "source", value)) => src = Some(PathBuf::from(value)),
            Some(("env", value)) => env = Some(value.to_owned()),
            Some(("type", "file" | "env")) => {}
            _ => return Err(bad("its fields are id, src, env and type")),
        }
    }
    let id = id.ok_or_else(|| bad("it has no id"))?;
    let source = match (src, env) {
        (Some(_), Some(_)) => return Err(bad("it has both src and env")),
        (Some(path), None) => SecretSource::File(path),
        (None, Some(name)) => SecretSource::Value(secret_variable(&name).unwrap_or_default()),
        (None, None) => secret_by_id(&id)
            .ok_or_else(|| bad("neither a file nor an environment variable has that name"))?,
    };
    if let SecretSource::File(path) = &source
        && !path.exists()
    {
        return Err(bad(&format!("there is no file {}", path.display())));
    }
    Ok((id, source))
}

/// Returns the secret that an ID alone stands for: the file of that name, or else the environment variable.
fn secret_by_id(id: &str) -> Option<SecretSource> {
    if Path::new(id).exists() {
        return Some(SecretSource::File(PathBuf::from(id)));
    }
    secret_variable(id).map(SecretSource::Value)
}

fn secret_variable(name: &str) -> Option<Vec<u8>> {
    environment::os_variable(name).map(std::os::unix::ffi::OsStringExt::into_vec)
}

/// Reads `NAME=SOURCE`: `docker-image://REF`, `oci-layout://PATH`, a URL or a directory.
fn named_context(text: &str) -> Result<(String, NamedContext), Failure> {
    let bad = |why: String| Failure::usage(format!("--build-context {text:?}: {why}"));
    let (name, source) = text.split_once('=').ok_or_else(|| bad("it is not NAME=SOURCE".to_owned()))?;
    let context = if let Some(image) = source.strip_prefix("docker-image://") {
        NamedContext::Image(image.to_owned())
    } else if let Some(layout) = source.strip_prefix("oci-layout://") {
        oci_layout(layout).map_err(bad)?
    } else if let Some(remote) = is_remote(source).filter(|_| !Path::new(source).is_dir()) {
        match remote {
            ContextFrom::Git(url) => NamedContext::Git(url),
            _ => NamedContext::Http(source.to_owned()),
        }
    } else {
        let path = std::fs::canonicalize(source).map_err(|error| bad(error.to_string()))?;
        let ignore = ::context::find_ignore(&path, None)?;
        NamedContext::Local { path, ignore }
    };
    Ok((name.to_lowercase(), context))
}

/// Reads `PATH[:TAG][@DIGEST]`, the place of an image in an OCI layout.
fn oci_layout(text: &str) -> Result<NamedContext, String> {
    let (rest, digest) = match text.split_once('@') {
        Some((rest, digest)) => {
            (rest, Some(digest.parse().map_err(|error: oci::DigestError| error.to_string())?))
        }
        None => (text, None),
    };
    let (path, tag) = match rest.rsplit_once(':') {
        Some((path, tag)) if !tag.contains('/') && !Path::new(rest).exists() => (path, Some(tag.to_owned())),
        _ => (rest, None),
    };
    let path = std::fs::canonicalize(path).map_err(|error| format!("{path}: {error}"))?;
    Ok(NamedContext::Layout { path, tag, digest })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_device_is_allowed_by_its_name() {
        let given = |texts: &[&str]| {
            let texts: Vec<String> = texts.iter().map(|text| (*text).to_owned()).collect();
            entitlements(&texts).ok()
        };
        let allow = given(&["network.host,device", "device=v.com/gpu=0", "device=v.com/gpu=1,alias=x.com/y"])
            .expect("all is known");
        assert!(allow.network_host && !allow.security_insecure);
        let aliases = BTreeMap::from([("x.com/y".to_owned(), "v.com/gpu=1".to_owned())]);
        assert_eq!(allow.devices, AllowedDevices { all: true, names: vec!["v.com/gpu=0".into()], aliases });
        for text in ["devices", "device=", "device=gpu", "device=v.com/gpu,as=x", "network.host,x", ""] {
            assert_eq!(given(&[text]), None, "{text}");
        }
    }

    #[test]
    fn a_platform_that_is_given_twice_is_built_once() {
        let given = ["linux/arm64", " linux/amd64", "aarch64", "linux/arm64/v8", ""].map(str::to_owned);
        let read: Vec<String> =
            platforms(&given).expect("they are platforms").iter().map(ToString::to_string).collect();
        assert_eq!(read, ["linux/arm64", "linux/amd64"]);
        platforms(&["linux/".to_owned()]).expect_err("no architecture");
    }

    #[test]
    fn a_limit_has_a_soft_and_a_hard_value() {
        let check = |text, expected: Option<(u64, u64)>| {
            assert_eq!(ulimit(text).ok().map(|limit| (limit.soft, limit.hard)), expected, "{text}");
        };
        check("nofile=10", Some((10, 10)));
        check("nofile=10:20", Some((10, 20)));
        check("core=-1", Some((u64::MAX, u64::MAX)));
        check("nofile=20:10", None);
        check("nofile", None);
    }
}
