//! Descriptions of devices (CDI), which their vendors install on a machine.
//!
//! The input has two parts: a request for devices, and the description.

use std::fs;

use cdi::{Edits, Inventory, Request};

use crate::parts;
use crate::scratch::Scratch;

/// Checks these properties:
///
/// - A description is used, or counts as absent and is named among the problems.
/// - A request that finds no device has an error that names the request.
/// - The edits of found devices are made, or are an error; nothing panics.
pub fn check(input: &[u8]) {
    let [request, description] = parts(input);
    let scratch = Scratch::new();
    for name in ["vendor.json", "vendor.yaml"] {
        fs::write(scratch.path().join(name), &description).expect("the scratch directory is writable");
        let inventory = Inventory::read(&[scratch.path().to_owned()]);
        fs::remove_file(scratch.path().join(name)).expect("the file exists");
        let Ok(request) = request.parse::<Request>() else { continue };
        let devices = inventory.find(&request);
        if devices.is_empty() {
            assert!(!inventory.missing(&request).to_string().is_empty());
        }
        let _ = Edits::of(&devices).is_ok();
    }
}
