//! Devices of this machine for containers, as their vendors describe them in the Container Device Interface (CDI).
//!
//! ```text
//! name         what a user requests: vendor/class, vendor/class=name, vendor/class=*
//! spec         a file in which a vendor describes devices and their needs
//! inventory    the spec files of some directories, and the devices in them
//! hook         the programs that a spec wants to be run, and what is done instead
//! libraries    further names under which a driver's libraries are found
//! device_node, bind_mount, environment    single changes: a node, a mount, a variable
//! edits        all changes for the requested devices, applied to a sandbox's spec
//! origin       the device and file that need a change, for error messages
//! ```
//!
//! Invariants:
//!
//! - No program is run because a spec says so.
//! - A change that a spec requires is made or is an error; none is left out silently.
//! - A spec with an unknown field or value counts as absent, and [`Inventory::problems`] says why.
//!
//! Source: <https://github.com/cncf-tags/container-device-interface>, SPEC.md, versions 0.3 to 1.1. The look-up of names
//! and the annotations are those of BuildKit (`solver/llbsolver/cdidevices`).

mod bind_mount;
mod device_node;
mod edits;
mod environment;
mod error;
mod hook;
mod inventory;
mod libraries;
mod name;
mod origin;
mod spec;

pub use edits::Edits;
pub use error::CdiError;
pub use inventory::{Device, Inventory};
pub use name::Request;
