//! Forms of what is mounted into a container: volumes, configs, secrets, devices, files with variables.

use super::shape::{FLAG, NUMBER_TEXT, Object, PAIRS, Shape, TEXT, TEXTS};

/// `configs` and `secrets` of a service or a build.
pub(super) const FILE_MOUNTS: Shape = Shape::List(&Shape::Either(&[TEXT, Shape::Object(&FILE_MOUNT)]));

static FILE_MOUNT: Object =
    Object::of(&[("source", TEXT), ("target", TEXT), ("uid", TEXT), ("gid", TEXT), ("mode", NUMBER_TEXT)]);

/// `volumes` of a service.
pub(super) const VOLUMES: Shape = Shape::Set(&Shape::Either(&[TEXT, Shape::Object(&VOLUME_MOUNT)]));

static VOLUME_MOUNT: Object = Object::of(&[
    ("type", Shape::Word(&["bind", "volume", "tmpfs", "cluster", "npipe", "image"])),
    ("source", TEXT),
    ("target", TEXT),
    ("read_only", FLAG),
    ("consistency", TEXT),
    ("bind", Shape::Object(&BIND)),
    ("volume", Shape::Object(&VOLUME_OPTIONS)),
    ("tmpfs", Shape::Object(&TMPFS)),
    ("image", Shape::Object(&IMAGE)),
])
.requiring(&["type"]);

static BIND: Object = Object::of(&[
    ("propagation", TEXT),
    ("create_host_path", FLAG),
    ("recursive", Shape::Word(&["enabled", "disabled", "writable", "readonly"])),
    ("selinux", Shape::Word(&["z", "Z"])),
]);

static VOLUME_OPTIONS: Object = Object::of(&[("labels", PAIRS), ("nocopy", FLAG), ("subpath", TEXT)]);

static TMPFS: Object = Object::of(&[("size", Shape::Between(0, i64::MAX)), ("mode", NUMBER_TEXT)]);

static IMAGE: Object = Object::of(&[("subpath", TEXT)]);

/// `devices` of a service.
pub(super) const DEVICES: Shape = Shape::List(&Shape::Either(&[TEXT, Shape::Object(&DEVICE)]));

static DEVICE: Object =
    Object::of(&[("source", TEXT), ("target", TEXT), ("permissions", TEXT)]).requiring(&["source"]);

/// `env_file` of a service.
pub(super) const ENV_FILES: Shape =
    Shape::Either(&[TEXT, Shape::List(&Shape::Either(&[TEXT, Shape::Object(&ENV_FILE)]))]);

static ENV_FILE: Object =
    Object::of(&[("path", TEXT), ("format", TEXT), ("required", FLAG)]).requiring(&["path"]).closed();

/// `label_file` of a service.
pub(super) const LABEL_FILES: Shape = Shape::Either(&[TEXT, TEXTS]);
