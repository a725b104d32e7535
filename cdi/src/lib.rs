//! CDI: the devices that this machine has for containers, and what a sandbox needs to have one.
//!
//! ```text
//! name       what a user asks for: vendor/class, vendor/class=name, vendor/class=*
//! spec       a file in which a vendor says what a device needs
//! inventory  the files of some folders, and the devices in them
//! edits      what the devices asked for need, put into a sandbox's plan
//! hook       the programs that a spec wants run, and what is done instead; libraries: so that they are found
//! ```
//!
//! Invariants: no program is run because a spec says so. What a spec asks for is done or is an error, never left out. A
//! spec that is not understood to the last field counts as none, and the [`Inventory`] says why.
//!
//! Source: <https://github.com/cncf-tags/container-device-interface>, SPEC.md, versions 0.3 to 1.1; how names are looked
//! up, and the annotations, are BuildKit's (`solver/llbsolver/cdidevices`).

mod edits;
mod error;
mod hook;
mod inventory;
mod libraries;
mod name;
mod spec;

pub use edits::Edits;
pub use error::CdiError;
pub use inventory::{Device, Inventory};
pub use name::Request;
