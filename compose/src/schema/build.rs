//! Forms of `build`, of the development rules, and of commands that run beside a service.

use super::mounts::FILE_MOUNTS;
use super::shape::{
    BOOL, COMMAND, FLAG, HOSTS, INT_TEXT, NULL, Object, PAIRS, Shape, TEXT, TEXT_OR_SET, TEXTS, ULIMITS,
};

/// `build`: a context, or a mapping.
pub(super) const BUILD: Shape = Shape::Either(&[TEXT, Shape::Object(&BUILD_KEYS)]);

static BUILD_KEYS: Object = Object::of(&[
    ("context", TEXT),
    ("dockerfile", TEXT),
    ("dockerfile_inline", TEXT),
    ("entitlements", TEXTS),
    ("args", PAIRS),
    ("ssh", PAIRS),
    ("labels", PAIRS),
    ("cache_from", TEXTS),
    ("cache_to", TEXTS),
    ("no_cache", FLAG),
    ("no_cache_filter", TEXT_OR_SET),
    ("additional_contexts", PAIRS),
    ("network", TEXT),
    ("provenance", FLAG),
    ("sbom", FLAG),
    ("pull", FLAG),
    ("target", TEXT),
    ("shm_size", INT_TEXT),
    ("extra_hosts", HOSTS),
    ("isolation", TEXT),
    ("privileged", FLAG),
    ("secrets", FILE_MOUNTS),
    ("tags", TEXTS),
    ("ulimits", ULIMITS),
    ("platforms", TEXTS),
]);

/// `develop`: rules for `compose watch`.
pub(super) const DEVELOP: Shape = Shape::Either(&[Shape::Object(&DEVELOP_KEYS), NULL]);

static DEVELOP_KEYS: Object = Object::of(&[("watch", Shape::List(&Shape::Object(&TRIGGER)))]);

static TRIGGER: Object = Object::of(&[
    ("ignore", TEXT_OR_SET),
    ("include", TEXT_OR_SET),
    ("path", TEXT),
    ("action", Shape::Word(&["rebuild", "sync", "restart", "sync+restart", "sync+exec"])),
    ("target", TEXT),
    ("exec", Shape::Object(&HOOK)),
    ("initial_sync", BOOL),
])
.requiring(&["path", "action"]);

/// Command that runs in a container of the service.
pub(super) static HOOK: Object = Object::of(&[
    ("command", COMMAND),
    ("user", TEXT),
    ("privileged", FLAG),
    ("working_dir", TEXT),
    ("environment", PAIRS),
])
.requiring(&["command"]);

/// Command that runs in a container of its own before the service starts.
pub(super) static PRE_START_HOOK: Object = Object::of(&[
    ("command", COMMAND),
    ("image", TEXT),
    ("user", TEXT),
    ("privileged", FLAG),
    ("working_dir", TEXT),
    ("environment", PAIRS),
    ("per_replica", FLAG),
]);
