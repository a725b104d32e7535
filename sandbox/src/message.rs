//! Messages between the caller, the supervisor and the guest of a sandbox.

use std::ffi::OsString;

use crate::outcome::{CreatedMountPoint, Exit};
use crate::plan::{JoinPlan, Plan};
use crate::wire::{Reader, Wire};
use crate::{SandboxError, Usage};

/// The first and only message to a supervisor: its task.
#[derive(Debug)]
pub(crate) enum ToSupervisor {
    /// Run a sandbox. Descriptors: the guest's end of the report channel, then those of the plan.
    Run(Box<Plan>),
    /// Connect a network with this command line of pasta, and keep it connected. No descriptors.
    KeepNetwork(Vec<OsString>),
    /// Run a further process in a sandbox. Descriptors: the process's end of the report channel, the pidfd of the
    /// sandbox's first process, then those of the plan.
    Join(Box<JoinPlan>),
}

impl Wire for ToSupervisor {
    fn put(&self, out: &mut Vec<u8>) {
        match self {
            Self::Run(plan) => {
                0_u8.put(out);
                plan.put(out);
            }
            Self::KeepNetwork(pasta) => {
                1_u8.put(out);
                pasta.put(out);
            }
            Self::Join(plan) => {
                2_u8.put(out);
                plan.put(out);
            }
        }
    }

    fn take(input: &mut Reader<'_>) -> Option<Self> {
        Some(match u8::take(input)? {
            0 => Self::Run(Box::new(Wire::take(input)?)),
            1 => Self::KeepNetwork(Wire::take(input)?),
            2 => Self::Join(Box::new(Wire::take(input)?)),
            _ => return None,
        })
    }
}

/// Messages from the supervisor: at most one `Started`, then one of the others.
#[derive(Debug)]
pub(crate) enum FromSupervisor {
    /// The guest exists, or the network is connected. Descriptor: the guest's pidfd, or the network namespace.
    Started,
    /// The task could not be started, or watching over it failed.
    Failed(SandboxError),
    /// The guest has ended; the resources are those of the whole sandbox.
    Exited(Exit, Usage),
}

impl Wire for FromSupervisor {
    fn put(&self, out: &mut Vec<u8>) {
        match self {
            Self::Started => 0_u8.put(out),
            Self::Failed(error) => {
                1_u8.put(out);
                error.put(out);
            }
            Self::Exited(Exit::Code(code), usage) => {
                2_u8.put(out);
                code.put(out);
                usage.put(out);
            }
            Self::Exited(Exit::Signal(signal), usage) => {
                3_u8.put(out);
                signal.put(out);
                usage.put(out);
            }
        }
    }

    fn take(input: &mut Reader<'_>) -> Option<Self> {
        Some(match u8::take(input)? {
            0 => Self::Started,
            1 => Self::Failed(Wire::take(input)?),
            2 => Self::Exited(Exit::Code(Wire::take(input)?), Wire::take(input)?),
            3 => Self::Exited(Exit::Signal(Wire::take(input)?), Wire::take(input)?),
            _ => return None,
        })
    }
}

/// Messages from the guest, as long as it runs our program.
#[derive(Debug)]
pub(crate) enum FromGuest {
    /// This mount point did not exist and was created.
    MountPoint(CreatedMountPoint),
    /// The terminal is set up. Descriptor: the caller's end of it.
    Terminal,
    /// The sandbox is complete; the next step is to execute the program.
    Ready,
    /// The sandbox could not be built, or the program not be executed.
    Failed(SandboxError),
}

impl Wire for FromGuest {
    fn put(&self, out: &mut Vec<u8>) {
        match self {
            Self::MountPoint(created) => {
                0_u8.put(out);
                created.put(out);
            }
            Self::Terminal => 1_u8.put(out),
            Self::Ready => 2_u8.put(out),
            Self::Failed(error) => {
                3_u8.put(out);
                error.put(out);
            }
        }
    }

    fn take(input: &mut Reader<'_>) -> Option<Self> {
        Some(match u8::take(input)? {
            0 => Self::MountPoint(Wire::take(input)?),
            1 => Self::Terminal,
            2 => Self::Ready,
            3 => Self::Failed(Wire::take(input)?),
            _ => return None,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::{decode, encode};

    #[track_caller]
    fn check<T: Wire + std::fmt::Debug>(message: T) {
        let back = decode::<T>(&encode(&message)).expect("an encoded message can be decoded");
        assert_eq!(format!("{back:?}"), format!("{message:?}"));
    }

    fn error() -> SandboxError {
        SandboxError::NotFound { program: "x".into() }
    }

    #[test]
    fn messages_to_the_supervisor_survive_the_wire() {
        check(ToSupervisor::KeepNetwork(vec!["pasta".into()]));
    }

    #[test]
    fn messages_from_the_supervisor_survive_the_wire() {
        check(FromSupervisor::Started);
        check(FromSupervisor::Failed(error()));
        let usage =
            Usage { user_us: 1, system_us: 2, max_rss_bytes: 3, read_bytes: 4, written_bytes: u64::MAX };
        check(FromSupervisor::Exited(Exit::Code(42), usage));
        check(FromSupervisor::Exited(Exit::Signal(9), Usage::default()));
    }

    #[test]
    fn messages_from_the_guest_survive_the_wire() {
        check(FromGuest::MountPoint(CreatedMountPoint { path: "etc/hosts".into(), is_dir: false }));
        check(FromGuest::Terminal);
        check(FromGuest::Ready);
        check(FromGuest::Failed(error()));
    }

    #[test]
    fn bytes_that_are_no_message_are_not_decoded() {
        assert!(decode::<ToSupervisor>(&[9]).is_none());
        assert!(decode::<FromSupervisor>(&[9]).is_none());
        assert!(decode::<FromGuest>(&[]).is_none());
    }
}
