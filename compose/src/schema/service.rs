//! Form of a service.

use super::build::{BUILD, DEVELOP, HOOK, PRE_START_HOOK};
use super::deploy::{DEPLOY, GPUS};
use super::mounts::{DEVICES, ENV_FILES, FILE_MOUNTS, LABEL_FILES, VOLUMES};
use super::shape::{
    BOOL, COMMAND, FLAG, HOSTS, INT_TEXT, Keys, Kind, NULL, NUMBER, NUMBER_TEXT, OPTIONS, Object, PAIRS,
    Shape, TEXT, TEXT_OR_SET, TEXT_SET, TEXTS, ULIMITS,
};

/// A service of a Compose file.
pub(super) static SERVICE: Object = Object::of(&[
    ("annotations", PAIRS),
    ("attach", FLAG),
    ("blkio_config", Shape::Object(&BLKIO)),
    ("build", BUILD),
    ("cap_add", TEXT_SET),
    ("cap_drop", TEXT_SET),
    ("cgroup", Shape::Word(&["host", "private"])),
    ("cgroup_parent", TEXT),
    ("command", COMMAND),
    ("configs", FILE_MOUNTS),
    ("container_name", Shape::Matching(is_container_name, "a name such as web-1")),
    ("cpu_count", Shape::Between(0, i64::MAX)),
    ("cpu_percent", Shape::Either(&[Shape::Between(0, 100), NUMBER])),
    ("cpu_period", NUMBER_TEXT),
    ("cpu_quota", NUMBER_TEXT),
    ("cpu_rt_period", NUMBER_TEXT),
    ("cpu_rt_runtime", NUMBER_TEXT),
    ("cpu_shares", NUMBER_TEXT),
    ("cpus", NUMBER_TEXT),
    ("cpuset", TEXT),
    ("credential_spec", Shape::Object(&CREDENTIAL_SPEC)),
    ("depends_on", Shape::Either(&[TEXT_SET, Shape::MapOf(Keys::Names, &Shape::Object(&DEPENDENCY))])),
    ("deploy", DEPLOY),
    ("develop", DEVELOP),
    ("device_cgroup_rules", TEXT_SET),
    ("devices", DEVICES),
    ("dns", TEXT_OR_SET),
    ("dns_opt", TEXT_SET),
    ("dns_search", TEXT_OR_SET),
    ("domainname", TEXT),
    ("entrypoint", COMMAND),
    ("env_file", ENV_FILES),
    ("environment", PAIRS),
    ("expose", Shape::Set(&NUMBER_TEXT)),
    ("extends", Shape::Either(&[TEXT, Shape::Object(&EXTENDS)])),
    ("external_links", TEXT_SET),
    ("extra_hosts", HOSTS),
    ("gpus", GPUS),
    ("group_add", Shape::Set(&NUMBER_TEXT)),
    ("healthcheck", Shape::Object(&HEALTHCHECK)),
    ("hostname", TEXT),
    ("image", TEXT),
    ("init", FLAG),
    ("ipc", TEXT),
    ("isolation", TEXT),
    ("label_file", LABEL_FILES),
    ("labels", PAIRS),
    ("links", TEXT_SET),
    ("logging", Shape::Object(&LOGGING)),
    ("mac_address", TEXT),
    ("mem_limit", NUMBER_TEXT),
    ("mem_reservation", INT_TEXT),
    ("mem_swappiness", INT_TEXT),
    ("memswap_limit", NUMBER_TEXT),
    (
        "models",
        Shape::Either(&[TEXT_SET, Shape::MapOf(Keys::Any, &Shape::Either(&[Shape::Object(&MODEL), NULL]))]),
    ),
    ("network_mode", TEXT),
    (
        "networks",
        Shape::Either(&[
            TEXT_SET,
            Shape::MapOf(Keys::Names, &Shape::Either(&[Shape::Object(&NETWORK), NULL])),
        ]),
    ),
    ("oom_kill_disable", FLAG),
    ("oom_score_adj", Shape::Between(-1000, 1000)),
    ("pid", Shape::Scalar(&[Kind::Null, Kind::Text])),
    ("pids_limit", NUMBER_TEXT),
    ("platform", TEXT),
    ("ports", Shape::Set(&Shape::Either(&[NUMBER_TEXT, Shape::Object(&PORT)]))),
    ("post_start", Shape::List(&Shape::Object(&HOOK))),
    ("pre_start", Shape::List(&Shape::Object(&PRE_START_HOOK))),
    ("pre_stop", Shape::List(&Shape::Object(&HOOK))),
    ("privileged", FLAG),
    ("profiles", TEXT_SET),
    ("provider", Shape::Object(&PROVIDER)),
    ("pull_policy", Shape::Matching(is_pull_policy, PULL_POLICIES)),
    ("pull_refresh_after", TEXT),
    ("read_only", FLAG),
    ("restart", TEXT),
    ("runtime", TEXT),
    ("scale", INT_TEXT),
    ("secrets", FILE_MOUNTS),
    ("security_opt", TEXT_SET),
    ("shm_size", NUMBER_TEXT),
    ("stdin_open", FLAG),
    ("stop_grace_period", TEXT),
    ("stop_signal", TEXT),
    ("storage_opt", Shape::MapOf(Keys::Any, &Shape::Any)),
    ("sysctls", PAIRS),
    ("tmpfs", TEXT_OR_SET),
    ("tty", FLAG),
    ("ulimits", ULIMITS),
    ("use_api_socket", BOOL),
    ("user", TEXT),
    ("userns_mode", TEXT),
    ("uts", TEXT),
    ("volumes", VOLUMES),
    ("volumes_from", TEXT_SET),
    ("working_dir", TEXT),
]);

static BLKIO: Object = Object::of(&[
    ("device_read_bps", Shape::List(&Shape::Object(&DEVICE_RATE))),
    ("device_read_iops", Shape::List(&Shape::Object(&DEVICE_RATE))),
    ("device_write_bps", Shape::List(&Shape::Object(&DEVICE_RATE))),
    ("device_write_iops", Shape::List(&Shape::Object(&DEVICE_RATE))),
    ("weight", INT_TEXT),
    ("weight_device", Shape::List(&Shape::Object(&DEVICE_WEIGHT))),
])
.closed();

static DEVICE_RATE: Object = Object::of(&[("path", TEXT), ("rate", INT_TEXT)]).closed();

static DEVICE_WEIGHT: Object = Object::of(&[("path", TEXT), ("weight", INT_TEXT)]).closed();

static CREDENTIAL_SPEC: Object = Object::of(&[("config", TEXT), ("file", TEXT), ("registry", TEXT)]);

static DEPENDENCY: Object = Object::of(&[
    ("restart", FLAG),
    ("required", BOOL),
    ("condition", Shape::Word(&["service_started", "service_healthy", "service_completed_successfully"])),
])
.requiring(&["condition"]);

static EXTENDS: Object = Object::of(&[("service", TEXT), ("file", TEXT)]).requiring(&["service"]).closed();

static HEALTHCHECK: Object = Object::of(&[
    ("disable", FLAG),
    ("interval", TEXT),
    ("retries", NUMBER_TEXT),
    ("test", Shape::Either(&[TEXT, TEXTS])),
    ("timeout", TEXT),
    ("start_period", TEXT),
    ("start_interval", TEXT),
]);

static LOGGING: Object = Object::of(&[
    ("driver", TEXT),
    ("options", Shape::MapOf(Keys::Any, &Shape::Scalar(&[Kind::Number, Kind::Text, Kind::Null]))),
]);

static MODEL: Object = Object::of(&[("endpoint_var", TEXT), ("model_var", TEXT)]);

static NETWORK: Object = Object::of(&[
    ("aliases", TEXT_SET),
    ("interface_name", TEXT),
    ("ipv4_address", TEXT),
    ("ipv6_address", TEXT),
    ("link_local_ips", TEXT_SET),
    ("mac_address", TEXT),
    ("driver_opts", OPTIONS),
    ("priority", NUMBER),
    ("gw_priority", NUMBER),
]);

static PORT: Object = Object::of(&[
    ("name", TEXT),
    ("mode", TEXT),
    ("host_ip", TEXT),
    ("target", INT_TEXT),
    ("published", INT_TEXT),
    ("protocol", TEXT),
    ("app_protocol", TEXT),
]);

static PROVIDER: Object = Object::of(&[
    ("type", TEXT),
    ("options", Shape::MapOf(Keys::Any, &Shape::Either(&[PROVIDER_OPTION, Shape::List(&PROVIDER_OPTION)]))),
])
.requiring(&["type"]);

const PROVIDER_OPTION: Shape = Shape::Scalar(&[Kind::Text, Kind::Number, Kind::Bool]);

/// Reports whether a name has a letter or digit with another character of names behind it.
fn is_container_name(name: &str) -> bool {
    let bytes = name.as_bytes();
    let is_next = |one: u8| one.is_ascii_alphanumeric() || matches!(one, b'_' | b'.' | b'-');
    bytes.windows(2).any(|pair| pair[0].is_ascii_alphanumeric() && is_next(pair[1]))
}

const PULL_POLICIES: &str =
    "always, never, build, missing, if_not_present, refresh, daily, weekly or every_<DURATION>";

fn is_pull_policy(policy: &str) -> bool {
    let words = ["always", "never", "build", "if_not_present", "missing", "refresh", "daily", "weekly"];
    let is_interval = |text: &str| {
        let rest = text.trim_start_matches(|one: char| one.is_ascii_digit());
        rest.len() < text.len() && rest.starts_with(['w', 'd', 'h', 'm', 's'])
    };
    words.iter().any(|word| policy.contains(word)) || policy.strip_prefix("every_").is_some_and(is_interval)
}
