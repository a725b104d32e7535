//! Short forms: ports, mounts and devices that are written as one text.

mod device;
mod port;
mod volume;

pub(crate) use device::device;
pub(crate) use port::{Port, ports};
pub(crate) use volume::{Volume, volume};
