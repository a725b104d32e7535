//! Forms of the top level of a file, and of everything that is no service.

use super::service::SERVICE;
use super::shape::{FLAG, INT, Keys, NULL, OPTIONS, Object, PAIRS, Shape, TEXT, TEXT_OR_SET, TEXTS};

/// Keys at the top level of a Compose file.
pub(super) static FILE: Object = Object::of(&[
    ("version", TEXT),
    ("name", TEXT),
    ("include", Shape::List(&Shape::Either(&[TEXT, Shape::Object(&INCLUDE)]))),
    ("services", Shape::MapOf(Keys::Names, &Shape::Object(&SERVICE))),
    ("models", Shape::MapOf(Keys::Any, &Shape::Object(&MODEL))),
    ("networks", Shape::MapOf(Keys::Any, &Shape::Either(&[Shape::Object(&NETWORK), NULL]))),
    ("volumes", Shape::MapOf(Keys::Names, &Shape::Either(&[Shape::Object(&VOLUME), NULL]))),
    ("secrets", Shape::MapOf(Keys::Names, &Shape::Object(&SECRET))),
    ("configs", Shape::MapOf(Keys::Names, &Shape::Object(&CONFIG))),
]);

static INCLUDE: Object =
    Object::of(&[("path", TEXT_OR_SET), ("env_file", TEXT_OR_SET), ("project_directory", TEXT)]).closed();

static MODEL: Object =
    Object::of(&[("name", TEXT), ("model", TEXT), ("context_size", INT), ("runtime_flags", TEXTS)])
        .requiring(&["model"]);

/// `external: true`, or the old form with a name.
const EXTERNAL: Shape = Shape::Either(&[FLAG, Shape::Object(&EXTERNAL_NAME)]);

static EXTERNAL_NAME: Object = Object::of(&[("name", TEXT)]);

static NETWORK: Object = Object::of(&[
    ("name", TEXT),
    ("driver", TEXT),
    ("driver_opts", OPTIONS),
    ("ipam", Shape::Object(&IPAM)),
    ("external", EXTERNAL),
    ("internal", FLAG),
    ("enable_ipv4", FLAG),
    ("enable_ipv6", FLAG),
    ("attachable", FLAG),
    ("labels", PAIRS),
]);

static IPAM: Object = Object::of(&[
    ("driver", TEXT),
    ("config", Shape::List(&Shape::Object(&POOL))),
    ("options", Shape::MapOf(Keys::Any, &TEXT)),
]);

static POOL: Object = Object::of(&[
    ("subnet", TEXT),
    ("ip_range", TEXT),
    ("gateway", TEXT),
    ("aux_addresses", Shape::MapOf(Keys::Any, &TEXT)),
]);

static VOLUME: Object = Object::of(&[
    ("name", TEXT),
    ("driver", TEXT),
    ("driver_opts", OPTIONS),
    ("external", EXTERNAL),
    ("labels", PAIRS),
]);

static SECRET: Object = Object::of(&[
    ("name", TEXT),
    ("environment", TEXT),
    ("file", TEXT),
    ("external", EXTERNAL),
    ("labels", PAIRS),
    ("driver", TEXT),
    ("driver_opts", OPTIONS),
    ("template_driver", TEXT),
]);

static CONFIG: Object = Object::of(&[
    ("name", TEXT),
    ("content", TEXT),
    ("environment", TEXT),
    ("file", TEXT),
    ("external", EXTERNAL),
    ("labels", PAIRS),
    ("template_driver", TEXT),
]);
