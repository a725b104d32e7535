//! Forms of `deploy`, of limits, and of requests for devices.

use super::shape::{INT_TEXT, NULL, NUMBER_TEXT, Object, PAIRS, Shape, TEXT, TEXT_SET, TEXTS};

/// `deploy` of a service.
pub(super) const DEPLOY: Shape = Shape::Either(&[Shape::Object(&DEPLOY_KEYS), NULL]);

static DEPLOY_KEYS: Object = Object::of(&[
    ("mode", TEXT),
    ("endpoint_mode", TEXT),
    ("replicas", INT_TEXT),
    ("labels", PAIRS),
    ("rollback_config", Shape::Object(&UPDATE)),
    ("update_config", Shape::Object(&UPDATE)),
    ("resources", Shape::Object(&RESOURCES)),
    ("restart_policy", Shape::Object(&RESTART_POLICY)),
    ("placement", Shape::Object(&PLACEMENT)),
]);

static UPDATE: Object = Object::of(&[
    ("parallelism", INT_TEXT),
    ("delay", TEXT),
    ("failure_action", TEXT),
    ("monitor", TEXT),
    ("max_failure_ratio", NUMBER_TEXT),
    ("order", Shape::Word(&["start-first", "stop-first"])),
]);

static RESTART_POLICY: Object =
    Object::of(&[("condition", TEXT), ("delay", TEXT), ("max_attempts", INT_TEXT), ("window", TEXT)]);

static PLACEMENT: Object = Object::of(&[
    ("constraints", TEXTS),
    ("preferences", Shape::List(&Shape::Object(&PREFERENCE))),
    ("max_replicas_per_node", INT_TEXT),
]);

static PREFERENCE: Object = Object::of(&[("spread", TEXT)]);

static RESOURCES: Object =
    Object::of(&[("limits", Shape::Object(&LIMITS)), ("reservations", Shape::Object(&RESERVATIONS))]);

static LIMITS: Object = Object::of(&[("cpus", NUMBER_TEXT), ("memory", TEXT), ("pids", INT_TEXT)]);

static RESERVATIONS: Object = Object::of(&[
    ("cpus", NUMBER_TEXT),
    ("memory", TEXT),
    ("generic_resources", Shape::List(&Shape::Object(&GENERIC_RESOURCE))),
    ("devices", Shape::List(&Shape::Object(&RESERVED_DEVICE))),
]);

static GENERIC_RESOURCE: Object =
    Object::of(&[("discrete_resource_spec", Shape::Object(&DISCRETE_RESOURCE))]);

static DISCRETE_RESOURCE: Object = Object::of(&[("kind", TEXT), ("value", NUMBER_TEXT)]);

const DEVICE_REQUEST: &[(&str, Shape)] = &[
    ("capabilities", TEXT_SET),
    ("count", INT_TEXT),
    ("device_ids", TEXT_SET),
    ("driver", TEXT),
    ("options", PAIRS),
];

static RESERVED_DEVICE: Object = Object::of(DEVICE_REQUEST).requiring(&["capabilities"]);

static GPU: Object = Object::of(DEVICE_REQUEST);

/// `gpus` of a service.
pub(super) const GPUS: Shape = Shape::Either(&[Shape::Word(&["all"]), Shape::List(&Shape::Object(&GPU))]);
