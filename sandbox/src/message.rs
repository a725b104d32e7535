//! What the caller and the two processes of a sandbox tell each other.

use std::ffi::OsString;

use crate::plan::Plan;
use crate::wire::{Reader, Wire};
use crate::{CreatedMountPoint, Exit, SandboxError, Usage};

/// To the supervisor: what it is for.
#[derive(Debug)]
pub(crate) enum ToSupervisor {
    /// A sandbox. The guest's end of its report channel comes along, then the descriptors of the plan.
    Run(Box<Plan>),
    /// Connect a network by this command, and keep it so.
    KeepNetwork(Vec<OsString>),
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
        }
    }

    fn take(input: &mut Reader<'_>) -> Option<Self> {
        Some(match u8::take(input)? {
            0 => Self::Run(Box::new(Wire::take(input)?)),
            1 => Self::KeepNetwork(Wire::take(input)?),
            _ => return None,
        })
    }
}

/// From the supervisor.
#[derive(Debug)]
pub(crate) enum FromSupervisor {
    /// The guest exists, and its pidfd comes along; or the network does, and its namespace.
    Started,
    /// It did not, or not fully.
    Failed(SandboxError),
    /// The guest has ended, and all in its sandbox took this.
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

/// From the guest, while it is our program.
#[derive(Debug)]
pub(crate) enum FromGuest {
    /// This mount point had to be created.
    MountPoint(CreatedMountPoint),
    /// The caller's end of the terminal comes along.
    Terminal,
    /// All is set up; what follows is exec.
    Ready,
    /// It could not.
    Failed(SandboxError),
}

impl Wire for FromGuest {
    fn put(&self, out: &mut Vec<u8>) {
        match self {
            Self::MountPoint(CreatedMountPoint { path, is_dir }) => (0_u8, path.clone(), *is_dir).put(out),
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
            0 => Self::MountPoint(CreatedMountPoint { path: Wire::take(input)?, is_dir: Wire::take(input)? }),
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
        let back = decode::<T>(&encode(&message)).expect("what was put can be taken");
        assert_eq!(format!("{back:?}"), format!("{message:?}"));
    }

    #[test]
    fn messages_survive_the_wire() {
        let error = || SandboxError::NotFound { program: "x".into() };
        check(ToSupervisor::KeepNetwork(vec!["pasta".into()]));
        check(FromSupervisor::Started);
        check(FromSupervisor::Failed(error()));
        let usage =
            Usage { user_us: 1, system_us: 2, max_rss_bytes: 3, read_bytes: 4, written_bytes: u64::MAX };
        check(FromSupervisor::Exited(Exit::Code(42), usage));
        check(FromSupervisor::Exited(Exit::Signal(9), Usage::default()));
        check(FromGuest::MountPoint(CreatedMountPoint { path: "etc/hosts".into(), is_dir: false }));
        check(FromGuest::Terminal);
        check(FromGuest::Ready);
        check(FromGuest::Failed(error()));
    }

    #[test]
    fn nonsense_is_none() {
        assert!(decode::<ToSupervisor>(&[9]).is_none());
        assert!(decode::<FromSupervisor>(&[9]).is_none());
        assert!(decode::<FromGuest>(&[]).is_none());
    }
}
