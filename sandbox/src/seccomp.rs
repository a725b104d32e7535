//! Docker's default seccomp profile as a BPF program.
//!
//! ```text
//! x86, arm  numbers and names of the system calls, by way of calling
//! table     looking them up
//! profile   name, capabilities -> verdict
//! compile   verdicts by number -> instructions
//! ```
//!
//! All ways to call that the kernel offers on this machine are covered by one program (a 64-bit image may run 32-bit
//! programs); a way that is none of them gets EPERM. A call with a number above all known ones gets ENOSYS, so that a
//! libc that tries something new falls back; one that is known and not allowed gets EPERM.
//!
//! Made once per process and set of capabilities that matters, and handed to each init as bytes.

mod arm;
mod compile;
mod profile;
mod table;
mod x86;

use std::sync::OnceLock;

use crate::capability_sets;
use table::Way;

/// The program for a process with `capabilities`: `sock_filter`s in native byte order.
pub(crate) fn program(capabilities: u64) -> Vec<u8> {
    static DEFAULT: OnceLock<Vec<u8>> = OnceLock::new();
    if capabilities == capability_sets::DEFAULT {
        return DEFAULT.get_or_init(|| program_of(capabilities)).clone();
    }
    program_of(capabilities)
}

fn program_of(capabilities: u64) -> Vec<u8> {
    compile::program(NATIVE, capabilities).into_iter().flat_map(compile::Instruction::to_bytes).collect()
}

#[cfg(target_arch = "x86_64")]
const NATIVE: &[Way] = table::X86_WAYS;
#[cfg(target_arch = "aarch64")]
const NATIVE: &[Way] = table::ARM_WAYS;
#[cfg(not(any(target_arch = "x86_64", target_arch = "aarch64")))]
compile_error!("no system call table for this architecture");
