//! Resource limits: docker's names and the kernel's numbers.

use crate::SandboxError;
use crate::spec::Rlimit;

/// Docker's names of the resource limits, in the order of the kernel's numbers.
///
/// Source: linux/include/uapi/asm-generic/resource.h.
const NAMES: [&str; 16] = [
    "cpu",
    "fsize",
    "data",
    "stack",
    "core",
    "rss",
    "nproc",
    "nofile",
    "memlock",
    "as",
    "locks",
    "sigpending",
    "msgqueue",
    "nice",
    "rtprio",
    "rttime",
];

/// Returns the number of `limit`, its soft and its hard value. A name that docker does not know is an error.
pub(crate) fn numbered(limit: &Rlimit) -> Result<(u32, u64, u64), SandboxError> {
    let invalid = || SandboxError::Invalid { what: "resource limit".into(), value: limit.name.clone() };
    let (number, _) = (0..).zip(NAMES).find(|(_, name)| *name == limit.name).ok_or_else(invalid)?;
    Ok((number, limit.soft, limit.hard))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn limit(name: &str) -> Result<(u32, u64, u64), SandboxError> {
        numbered(&Rlimit { name: name.into(), soft: 1, hard: 2 })
    }

    #[test]
    fn docker_s_names_have_the_numbers_of_libc() {
        assert_eq!(limit("nofile").unwrap(), (libc::RLIMIT_NOFILE, 1, 2));
        assert_eq!(limit("cpu").unwrap().0, libc::RLIMIT_CPU);
        assert_eq!(limit("rttime").unwrap().0, libc::RLIMIT_RTTIME);
    }

    #[test]
    fn unknown_names_are_refused() {
        assert!(limit("NOFILE").is_err());
        assert!(limit("").is_err());
    }
}
