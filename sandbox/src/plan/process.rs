//! The process of a plan: the program, its user and rights, its streams.

use std::ffi::OsString;
use std::path::PathBuf;

use super::FdIndex;
use crate::wire::{Blob, Reader, Wire, wire_struct};

/// Program to execute; the fields without a comment are those of [`crate::Process`].
#[derive(Debug)]
pub(crate) struct PlannedProcess {
    pub(crate) args: Vec<OsString>,
    pub(crate) env: Vec<OsString>,
    pub(crate) cwd: PathBuf,
    pub(crate) uid: u32,
    pub(crate) gid: u32,
    pub(crate) groups: Vec<u32>,
    /// User that the program sees itself as, with a single ID; `None` for the user above.
    pub(crate) shown_as: Option<ShownUser>,
    /// Capabilities that a root process keeps, as a bit set.
    pub(crate) capabilities: u64,
    /// Seccomp program, an array of `sock_filter`; empty if all system calls are allowed.
    pub(crate) filter: Blob,
    /// Number, soft value and hard value of each resource limit.
    pub(crate) rlimits: Vec<(u32, u64, u64)>,
    pub(crate) stdio: PlannedStdio,
    /// True if abstract sockets of processes outside must not be reachable.
    pub(crate) scope_abstract_sockets: bool,
    /// True if no program gets more rights than this process has.
    pub(crate) no_new_privileges: bool,
    /// True if our own init stays the first process, and the program is its child.
    pub(crate) has_init: bool,
}

wire_struct!(PlannedProcess {
    args,
    env,
    cwd,
    uid,
    gid,
    groups,
    shown_as,
    capabilities,
    filter,
    rlimits,
    stdio,
    scope_abstract_sockets,
    no_new_privileges,
    has_init,
});

/// User and group that the single ID of a user namespace is shown as.
#[derive(Debug, Clone, Copy)]
pub(crate) struct ShownUser {
    pub(crate) uid: u32,
    pub(crate) gid: u32,
}

wire_struct!(ShownUser { uid, gid });

/// The form of [`crate::Stdio`] that the init sees.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum PlannedStdio {
    /// An empty stdin, and the write ends of the pipes for stdout and stderr.
    Piped(FdIndex, FdIndex),
    /// Files for stdin, stdout and stderr.
    Files(FdIndex, FdIndex, FdIndex),
    /// A terminal that the init creates.
    Terminal,
}

impl Wire for PlannedStdio {
    fn put(&self, out: &mut Vec<u8>) {
        let fds = match *self {
            Self::Terminal => vec![],
            Self::Piped(stdout, stderr) => vec![stdout, stderr],
            Self::Files(stdin, stdout, stderr) => vec![stdin, stdout, stderr],
        };
        fds.put(out);
    }

    fn take(input: &mut Reader<'_>) -> Option<Self> {
        match *Vec::<u32>::take(input)? {
            [] => Some(Self::Terminal),
            [stdout, stderr] => Some(Self::Piped(stdout, stderr)),
            [stdin, stdout, stderr] => Some(Self::Files(stdin, stdout, stderr)),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::{decode, encode};

    #[track_caller]
    fn check<T: Wire + std::fmt::Debug>(value: T) {
        let back = decode::<T>(&encode(&value)).expect("what was put can be taken");
        assert_eq!(format!("{back:?}"), format!("{value:?}"));
    }

    #[test]
    fn streams_survive_the_wire() {
        check(PlannedStdio::Piped(1, 2));
        check(PlannedStdio::Files(1, 2, 3));
        check(PlannedStdio::Terminal);
    }

    #[test]
    fn a_process_survives_the_wire() {
        check(PlannedProcess {
            args: vec!["sh".into(), "-c".into()],
            env: vec!["A=1".into()],
            cwd: "/work".into(),
            uid: 1,
            gid: 2,
            groups: vec![3, 4],
            shown_as: Some(ShownUser { uid: 5, gid: 6 }),
            capabilities: 7,
            filter: Blob(vec![8]),
            rlimits: vec![(9, 10, 11)],
            stdio: PlannedStdio::Terminal,
            scope_abstract_sockets: true,
            no_new_privileges: true,
            has_init: false,
        });
    }
}
