//! Docker's default seccomp profile as a BPF program.
//!
//! ```text
//! table     the form of a table of system calls
//! x86, arm  numbers and names of the system calls of each ABI
//! abi       the ABIs of a machine and their tables
//! profile   name and capabilities -> verdict
//! compile   verdicts by number -> instructions
//! ```
//!
//! One program covers all ABIs that the kernel offers on this machine, since an image of a 64-bit platform can contain
//! 32-bit programs. A call through any other ABI gets EPERM. A call with a number above all known ones gets ENOSYS, so
//! that a libc that tries a new call falls back to an older one. A known call that is not allowed gets EPERM.
//!
//! The program for docker's default capabilities is compiled once per process; other sets are compiled for each sandbox.

mod abi;
mod arm;
mod compile;
mod profile;
mod table;
mod x86;

use std::sync::OnceLock;

use crate::capability_sets;
use abi::Abi;
use compile::Subject;

/// Returns the filter for a process with `capabilities`: an array of `sock_filter` in native byte order.
///
/// `has_single_id`: calls that change an owner, a user or a group do nothing and succeed.
pub(crate) fn program(capabilities: u64, has_single_id: bool) -> Vec<u8> {
    static DEFAULT: OnceLock<Vec<u8>> = OnceLock::new();
    let subject = Subject { capabilities, has_single_id };
    if capabilities == capability_sets::DEFAULT && !has_single_id {
        return DEFAULT.get_or_init(|| program_of(subject)).clone();
    }
    program_of(subject)
}

fn program_of(subject: Subject) -> Vec<u8> {
    compile::program(NATIVE, subject).into_iter().flat_map(compile::Instruction::to_bytes).collect()
}

#[cfg(target_arch = "x86_64")]
const NATIVE: &[Abi] = abi::X86_ABIS;
#[cfg(target_arch = "aarch64")]
const NATIVE: &[Abi] = abi::ARM_ABIS;
#[cfg(not(any(target_arch = "x86_64", target_arch = "aarch64")))]
compile_error!("no system call table for this architecture");
