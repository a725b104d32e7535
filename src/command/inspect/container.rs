//! The document of a container, as `docker container inspect` prints it.

use std::collections::BTreeMap;
use std::time::{Duration, UNIX_EPOCH};

use cache::Store;
use oci::Platform;
use runner::container::{
    Container, ContainerConfig, Health, HealthResult, NetworkMode, Publish, Status, Volume,
};
use runner::image::Image;
use serde::Serialize;

use super::image::ConfigDocument;
use super::to_json;
use crate::output;

/// Size of /dev/shm that a container has without a flag, in bytes.
const DEFAULT_SHM_BYTES: u64 = 64 << 20;

/// Moment of something that did not happen, as Go prints it.
const NEVER: &str = "0001-01-01T00:00:00Z";

/// Facts about a container, under docker's names.
///
/// Source: Docker Engine API 1.48, "ContainerInspectResponse".
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct ContainerDocument<'a> {
    id: &'a str,
    created: String,
    path: &'a str,
    args: &'a [String],
    state: StateDocument,
    image: String,
    log_path: String,
    name: String,
    restart_count: u32,
    driver: &'static str,
    platform: &'static str,
    host_config: HostConfig<'a>,
    #[serde(skip_serializing_if = "Option::is_none")]
    size_rw: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    size_root_fs: Option<u64>,
    mounts: Vec<Mount<'a>>,
    config: ContainerConfigDocument<'a>,
    network_settings: NetworkSettings,
}

/// Configuration of a container: that of an image, and what only containers have.
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct ContainerConfigDocument<'a> {
    #[serde(flatten)]
    shared: ConfigDocument<'a>,
    attach_stdin: bool,
    attach_stdout: bool,
    attach_stderr: bool,
    open_stdin: bool,
    stdin_once: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    stop_timeout: Option<u64>,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct StateDocument {
    status: &'static str,
    running: bool,
    paused: bool,
    restarting: bool,
    #[serde(rename = "OOMKilled")]
    oom_killed: bool,
    dead: bool,
    pid: u32,
    exit_code: i32,
    error: String,
    started_at: String,
    finished_at: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    health: Option<HealthDocument>,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct HealthDocument {
    status: &'static str,
    failing_streak: u32,
    log: Vec<HealthResultDocument>,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct HealthResultDocument {
    start: String,
    end: String,
    exit_code: i32,
    output: String,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct RestartPolicyDocument {
    name: &'static str,
    maximum_retry_count: u32,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct LogConfig {
    #[serde(rename = "Type")]
    kind: &'static str,
    config: BTreeMap<&'static str, String>,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct HostConfig<'a> {
    binds: Vec<String>,
    network_mode: &'static str,
    port_bindings: BTreeMap<String, Vec<Binding>>,
    restart_policy: RestartPolicyDocument,
    log_config: LogConfig,
    auto_remove: bool,
    ipc_mode: &'static str,
    privileged: bool,
    shm_size: u64,
    memory: u64,
    pids_limit: &'a Option<u64>,
}

/// Address of this machine on which a port is published.
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct Binding {
    host_ip: String,
    host_port: String,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct Mount<'a> {
    #[serde(rename = "Type")]
    kind: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    name: Option<String>,
    source: String,
    destination: &'a str,
    mode: &'static str,
    #[serde(rename = "RW")]
    is_writable: bool,
    propagation: &'static str,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct NetworkSettings {
    ports: BTreeMap<String, Vec<Binding>>,
    #[serde(rename = "IPAddress")]
    ip_address: &'static str,
}

/// Returns the document of a container as JSON.
pub(super) fn document(store: &Store, container: &Container, with_sizes: bool) -> String {
    let config = &container.config;
    let image = Image::load(store, &config.image, &config.manifest, &Platform::host()).ok();
    let layers = config.layers.iter().filter_map(|layer| store.stat_blob(&layer.0).ok().flatten());
    to_json(&ContainerDocument {
        id: &config.id,
        created: moment(Some(config.created_ms)),
        path: config.args.first().map_or("", String::as_str),
        args: config.args.get(1..).unwrap_or_default(),
        state: state_document(container),
        image: image.map_or(config.manifest.digest, |image| image.id).to_string(),
        log_path: container.dir().join("log").display().to_string(),
        name: format!("/{}", config.name),
        restart_count: container.state().restart_count,
        driver: "dsbuild",
        platform: "linux",
        host_config: host_config(config),
        size_rw: with_sizes.then(|| container.changed_bytes()),
        size_root_fs: with_sizes.then(|| layers.sum::<u64>() + container.changed_bytes()),
        mounts: config.volumes.iter().map(mount).collect(),
        config: container_config(config),
        network_settings: NetworkSettings { ports: bindings(&config.publish), ip_address: "" },
    })
}

fn state_document(container: &Container) -> StateDocument {
    let facts = container.state();
    let status = container.status();
    let is_running = matches!(status, Status::Running | Status::Paused);
    StateDocument {
        status: status.name(),
        running: is_running,
        paused: status == Status::Paused,
        restarting: status == Status::Restarting,
        oom_killed: facts.oom_killed,
        dead: status == Status::Dead,
        pid: facts.pid.filter(|_| is_running).unwrap_or(0),
        exit_code: facts.exit_code.unwrap_or(0),
        error: facts.error.unwrap_or_default(),
        started_at: moment(facts.started_ms),
        finished_at: moment(facts.ended_ms),
        health: facts.health.map(health_document),
    }
}

fn health_document(health: Health) -> HealthDocument {
    let result = |one: HealthResult| HealthResultDocument {
        start: moment(Some(one.started_ms)),
        end: moment(Some(one.ended_ms)),
        exit_code: one.exit_code,
        output: one.output,
    };
    HealthDocument {
        status: health.status.name(),
        failing_streak: health.failing_streak,
        log: health.log.into_iter().map(result).collect(),
    }
}

fn host_config(config: &ContainerConfig) -> HostConfig<'_> {
    let mode = |volume: &Volume| if volume.read_only { ":ro" } else { "" };
    let source = |volume: &Volume| volume_name(volume).unwrap_or_else(|| volume.source.display().to_string());
    let bind = |volume: &Volume| format!("{}:{}{}", source(volume), volume.target, mode(volume));
    HostConfig {
        binds: config.volumes.iter().map(bind).collect(),
        network_mode: match config.network {
            NetworkMode::Private | NetworkMode::Preferred => "default",
            NetworkMode::Host => "host",
            NetworkMode::None => "none",
        },
        port_bindings: bindings(&config.publish),
        restart_policy: RestartPolicyDocument {
            name: config.life.restart.name(),
            maximum_retry_count: config.life.restart.max_restarts(),
        },
        log_config: LogConfig {
            kind: "json-file",
            config: BTreeMap::from([
                ("max-file", config.life.log.max_segments.to_string()),
                ("max-size", config.life.log.max_segment_bytes.to_string()),
            ]),
        },
        auto_remove: config.remove,
        ipc_mode: if config.host_ipc { "host" } else { "private" },
        privileged: false,
        shm_size: config.shm_size_bytes.unwrap_or(DEFAULT_SHM_BYTES),
        memory: config.memory_bytes.unwrap_or(0),
        pids_limit: &config.max_pids,
    }
}

fn container_config(config: &ContainerConfig) -> ContainerConfigDocument<'_> {
    let life = &config.life;
    ContainerConfigDocument {
        shared: config_document(config),
        attach_stdin: life.stdin_once,
        attach_stdout: true,
        attach_stderr: true,
        open_stdin: life.open_stdin,
        stdin_once: life.stdin_once,
        stop_timeout: life.stop_timeout_s,
    }
}

fn config_document(config: &ContainerConfig) -> ConfigDocument<'_> {
    const NO_FIELDS: &BTreeMap<String, serde_json::Value> = &BTreeMap::new();
    let life = &config.life;
    let declared = life.exposed.iter().map(|port| (port.clone(), oci::Empty {}));
    let exposed = config.publish.iter().map(|port| (port_name(port), oci::Empty {}));
    ConfigDocument {
        hostname: &config.hostname,
        domainname: "",
        user: &config.user,
        tty: config.terminal,
        exposed_ports: exposed.chain(declared).collect(),
        env: &config.env,
        cmd: Some(if life.cmd.is_empty() && life.entrypoint.is_empty() { &config.args } else { &life.cmd }),
        healthcheck: None,
        args_escaped: false,
        image: &config.image,
        volumes: None,
        working_dir: &config.cwd,
        entrypoint: (!life.entrypoint.is_empty()).then_some(&life.entrypoint[..]),
        on_build: None,
        labels: Some(&config.labels),
        stop_signal: &config.stop_signal,
        shell: &[],
        extra: NO_FIELDS,
    }
}

fn port_name(port: &Publish) -> String {
    format!("{}/{}", port.container_port, if port.udp { "udp" } else { "tcp" })
}

fn bindings(ports: &[Publish]) -> BTreeMap<String, Vec<Binding>> {
    let mut bindings: BTreeMap<String, Vec<Binding>> = BTreeMap::new();
    for port in ports {
        let binding =
            Binding { host_ip: port.host.ip().to_string(), host_port: port.host.port().to_string() };
        bindings.entry(port_name(port)).or_default().push(binding);
    }
    bindings
}

/// Returns the name of a volume of the store; `None` for a directory of this machine.
fn volume_name(volume: &Volume) -> Option<String> {
    let name = volume.source.file_name().filter(|_| volume.is_named)?;
    Some(name.to_string_lossy().into_owned())
}

fn mount(volume: &Volume) -> Mount<'_> {
    Mount {
        kind: if volume.is_named { "volume" } else { "bind" },
        name: volume_name(volume),
        source: volume.source.display().to_string(),
        destination: &volume.target,
        mode: if volume.read_only { "ro" } else { "" },
        is_writable: !volume.read_only,
        propagation: if volume.is_named { "" } else { "rprivate" },
    }
}

/// Returns a moment as RFC 3339 has it, or Go's zero time.
pub(in crate::command) fn moment(ms: Option<u64>) -> String {
    ms.map_or_else(|| NEVER.to_owned(), |ms| output::rfc3339(UNIX_EPOCH + Duration::from_millis(ms)))
}
