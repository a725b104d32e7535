//! A process that maps ids into a user namespace from outside of it.
//!
//! ```text
//! caller   fork the mapper ─▶ unshare ─▶ "go" ────────────────────────▶ go on as root of the namespace
//! mapper                                   └─▶ newuidmap, newgidmap ─▶ "done"
//! ```

use std::fs::File;
use std::io::{Read, Write};

use rustix::process::{Pid, WaitOptions, getpid, waitpid};

use super::subordinate_ids::SubordinateIds;
use crate::error::os;
use crate::{SandboxError, sys};

/// The mapper process, which waits for the word to go. It ends without mapping anything if this value is dropped.
pub(super) struct IdMapper {
    pid: Pid,
    go: File,
    done: File,
}

impl IdMapper {
    /// Forks the mapper of `ids`. The calling process has one thread and is not in the new namespace yet.
    pub(super) fn start(ids: SubordinateIds) -> Result<Self, SandboxError> {
        let pipe = || rustix::pipe::pipe_with(rustix::pipe::PipeFlags::CLOEXEC).map_err(os("make a pipe"));
        let ((wait, go), (done, report)) = (pipe()?, pipe()?);
        let target = getpid();
        match sys::fork().map_err(os("fork"))? {
            sys::Fork::Parent(pid) => Ok(Self { pid, go: go.into(), done: done.into() }),
            sys::Fork::Child => {
                drop((go, done));
                run(wait.into(), report.into(), &ids, target);
                sys::exit_now(0)
            }
        }
    }

    /// Has the ids mapped into the user namespace of this process. Returns false if they could not all be mapped.
    pub(super) fn map(mut self) -> Result<bool, SandboxError> {
        self.go.write_all(&[1]).map_err(os("ask for our ids"))?;
        let mut mapped = [0];
        let answer = self.done.read_exact(&mut mapped);
        while waitpid(Some(self.pid), WaitOptions::empty()).err() == Some(rustix::io::Errno::INTR) {}
        answer.map_err(os("wait for our ids"))?;
        Ok(mapped == [1])
    }
}

/// The mapper's side: waits for the word to go, maps the ids and reports the result.
fn run(mut wait: File, mut report: File, ids: &SubordinateIds, target: Pid) {
    // The pipe is closed without a word if the caller could not make the namespace.
    let is_asked = wait.read_exact(&mut [0]).is_ok();
    let is_mapped = is_asked && ids.map_into(target);
    // A caller that is gone reads no answer.
    let _ = report.write_all(&[u8::from(is_mapped)]);
}
