//! Rules about EXPOSE: `ExposeProtoCasing` and `ExposeInvalidFormat`.

use super::{Finding, rules};
use crate::ports::split;

/// Checks one word of EXPOSE after expansion.
pub(crate) fn ports(spec: &str) -> Vec<Finding> {
    let (address_and_ports, protocol) = spec.split_once('/').unwrap_or((spec, ""));
    let (address, host, _) = split(address_and_ports);
    let mut findings = Vec::new();
    if protocol.chars().any(char::is_uppercase) {
        let message = format!("Defined protocol '{spec}' in EXPOSE instruction should be lowercase");
        findings.push(Finding::new(&rules::EXPOSE_PROTO_CASING, message));
    }
    if !address.is_empty() || !host.is_empty() {
        let message = format!(
            "EXPOSE instruction should not define an IP address or host-port mapping, found '{spec}'"
        );
        findings.push(Finding::new(&rules::EXPOSE_INVALID_FORMAT, message));
    }
    findings
}
