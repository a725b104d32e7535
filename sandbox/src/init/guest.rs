//! The guest: makes a sandbox around itself, in an order that matters, and becomes the program.
//!
//! 1. namespaces, and everything that needs the host's root: file systems, views of host devices
//! 2. the root changes, and the host's is gone; from here a path cannot leave the sandbox
//! 3. `/dev`, `/proc`, `/sys`, masks; then the mounts asked for, by descriptor
//! 4. streams, working directory, limits
//! 5. seccomp (which needs the rights that go next, as `no_new_privs` stays off), capabilities, ids
//! 6. exec

use std::convert::Infallible;
use std::os::fd::{AsFd, OwnedFd};
use std::path::Path;

use nix::sched::{CloneFlags, unshare};
use rustix::fs::{FileType, Mode, OFlags, fchown, fstat, openat};
use rustix::mount::{MountPropagationFlags, UnmountFlags, mount_change, unmount};
use rustix::process::{chdir, fchdir, getcwd, pivot_root, umask};
use rustix::pty::OpenptFlags;
use rustix::thread::{LinkNameSpaceType, move_into_link_name_space};

use super::host_services::Request;
use super::mount_points::{Kind, Root};
use super::scratch::Scratch;
use super::system_mounts::{Attached, Special};
use super::{dev, host_services, masked_paths, program, rights};
use crate::channel::Channel;
use crate::error::{mount, os};
use crate::message::FromGuest;
use crate::plan::{Fds, Plan, PlannedMount, PlannedNetwork, PlannedSource, PlannedStdio, Rights};
use crate::wire::encode;
use crate::{SandboxError, mount_api, sys};

/// Becomes the program of `plan`, or says why not on `report`. Never returns.
pub(super) fn run(plan: &Plan, fds: Fds, report: &Channel, helper: Channel) -> ! {
    let Err(error) = (Guest { plan, fds, report }).become_program(helper);
    // A caller that is gone needs no answer.
    let _ = report.send(&encode(&FromGuest::Failed(error)), &[]);
    sys::exit_now(127)
}

struct Guest<'a> {
    plan: &'a Plan,
    fds: Fds,
    report: &'a Channel,
}

impl Guest<'_> {
    fn become_program(mut self, helper: Channel) -> Result<Infallible, SandboxError> {
        let mut request = Request::default();
        let mut request_fds = Vec::new();
        umask(Mode::empty());
        self.namespaces(&mut request, &mut request_fds)?;
        let special = Special::create(self.plan)?;
        let root = self.enter_root()?;
        let attached = special.attach(&root, self.plan.insecure)?;
        self.fill(&root, &attached, &mut request, &mut request_fds)?;
        if request_fds.is_empty() {
            drop(helper);
        } else {
            host_services::ask(&helper, &request, &request_fds)?;
            drop((helper, request_fds));
        }
        let cwd = self.working_directory(&root)?;
        if self.plan.read_only_root {
            sys::mount_setattr(root.as_fd(), sys::READ_ONLY, false).map_err(mount("/"))?;
        }
        self.streams(&attached)?;
        enter(&cwd)?;
        drop((root, attached));
        self.execute()
    }

    /// Namespaces of our own, and what is in them.
    fn namespaces(&mut self, request: &mut Request, fds: &mut Vec<OwnedFd>) -> Result<(), SandboxError> {
        rustix::process::setsid().map_err(os("start a session"))?;
        let own_network = match self.plan.network {
            PlannedNetwork::Host => false,
            PlannedNetwork::None | PlannedNetwork::Private(_) => true,
            PlannedNetwork::Shared(netns) => {
                let netns = self.fds.take(netns)?;
                move_into_link_name_space(netns.as_fd(), Some(LinkNameSpaceType::Network))
                    .map_err(os("enter the network namespace"))?;
                false
            }
        };
        let mut flags = CloneFlags::CLONE_NEWNS | CloneFlags::CLONE_NEWIPC | CloneFlags::CLONE_NEWUTS;
        if own_network {
            flags |= CloneFlags::CLONE_NEWNET;
        }
        unshare(flags).map_err(os("make namespaces"))?;
        // Kernels may lack it; then the names of our cgroups are seen, no more.
        let _ = unshare(CloneFlags::CLONE_NEWCGROUP);
        nix::unistd::sethostname(&self.plan.hostname).map_err(os("set the host name"))?;
        // Refused in containers, or where a quota is used up; then the program has the caller's, as with docker.
        let _ = sys::new_session_keyring();
        if own_network {
            sys::loopback_up().map_err(os("bring loopback up"))?;
        }
        if let PlannedNetwork::Private(pasta) = &self.plan.network {
            request.pasta.clone_from(pasta);
            let flags = OFlags::RDONLY | OFlags::CLOEXEC;
            let netns = openat(rustix::fs::CWD, "/proc/self/ns/net", flags, Mode::empty());
            fds.push(netns.map_err(os("open the network namespace"))?);
        }
        let private = MountPropagationFlags::PRIVATE | MountPropagationFlags::REC;
        mount_change("/", private).map_err(os("make mounts private"))
    }

    /// Makes the root file system the root, and lets go of the host's.
    fn enter_root(&mut self) -> Result<Root, SandboxError> {
        let fd = self.fds.take(self.plan.root)?;
        if !self.plan.insecure {
            sys::mount_setattr(fd.as_fd(), sys::NO_DEVICES, false).map_err(mount("/"))?;
        }
        let host = openat(rustix::fs::CWD, "/", OFlags::PATH | OFlags::CLOEXEC, Mode::empty())
            .map_err(mount("/"))?;
        mount_api::attach(&fd, host).map_err(mount("/"))?;
        fchdir(&fd).map_err(os("enter the root file system"))?;
        // With both arguments the same the old root ends up on top of the new one, and is then taken away.
        pivot_root(".", ".").map_err(os("change the root"))?;
        unmount(".", UnmountFlags::DETACH).map_err(os("leave the old root"))?;
        chdir("/").map_err(os("enter the root file system"))?;
        Root::new(fd).map_err(mount("/"))
    }

    /// Mounts all that lies on the root file system besides the special ones.
    fn fill(
        &mut self,
        root: &Root,
        attached: &Attached,
        request: &mut Request,
        request_fds: &mut Vec<OwnedFd>,
    ) -> Result<(), SandboxError> {
        let mut scratch = scratch(attached)?;
        if !self.plan.insecure {
            masked_paths::apply(attached, &scratch)?;
        }
        self.etc(root, &mut scratch)?;
        for planned in &self.plan.mounts {
            if let Some(socket) = self.mount(root, planned, &mut scratch)? {
                request.sockets.push(socket.0);
                request_fds.push(socket.1);
            }
        }
        scratch.detach().map_err(os("hide the scratch file system"))
    }

    fn etc(&self, root: &Root, scratch: &mut Scratch) -> Result<(), SandboxError> {
        let rights = Rights { mode: 0o644, uid: 0, gid: 0 };
        for (target, text) in [("/etc/hosts", &self.plan.hosts), ("/etc/resolv.conf", &self.plan.resolv)] {
            let file = scratch.file(text.as_bytes(), rights).map_err(mount(target))?;
            self.put(root, Path::new(target), &file, Kind::File, self.plan.read_only_etc)?;
        }
        Ok(())
    }

    /// Mounts one; gives the path outside and the listening socket of a socket.
    fn mount(
        &mut self,
        root: &Root,
        planned: &PlannedMount,
        scratch: &mut Scratch,
    ) -> Result<Option<(std::path::PathBuf, OwnedFd)>, SandboxError> {
        let PlannedMount { target, source, read_only } = planned;
        let mut listening = None;
        let (fs, kind) = match source {
            PlannedSource::Device(device) => {
                let node = device.node.map(|node| self.fds.take(node)).transpose()?;
                let node = dev::device(device, node, scratch).map_err(mount(target))?;
                self.place(root, target, &node, Kind::File)?;
                return Ok(None);
            }
            PlannedSource::Detached(fd) => {
                let fd = self.fds.take(*fd)?;
                let kind = kind_of(&fd).map_err(mount(target))?;
                (fd, kind)
            }
            PlannedSource::Tmpfs { size_bytes, mode } => {
                (tmpfs(*size_bytes, *mode).map_err(mount(target))?, Kind::Directory)
            }
            PlannedSource::Secret(bytes, rights) => {
                (scratch.file(&bytes.0, *rights).map_err(mount(target))?, Kind::File)
            }
            PlannedSource::Socket(path, rights) => {
                let (fs, listener) = scratch.socket(*rights).map_err(mount(target))?;
                listening = Some((path.clone(), listener.into()));
                (fs, Kind::File)
            }
        };
        self.put(root, target, &fs, kind, *read_only)?;
        Ok(listening)
    }

    /// Puts `fs` at `target`, and tells of what had to be made there.
    fn put(
        &self,
        root: &Root,
        target: &Path,
        fs: &OwnedFd,
        kind: Kind,
        read_only: bool,
    ) -> Result<(), SandboxError> {
        let attributes =
            if read_only { sys::READ_ONLY } else { 0 } | if self.plan.insecure { 0 } else { sys::NO_DEVICES };
        sys::mount_setattr(fs.as_fd(), attributes, true).map_err(mount(target))?;
        self.place(root, target, fs, kind)
    }

    /// The same, with the attributes that it has.
    fn place(&self, root: &Root, target: &Path, fs: &OwnedFd, kind: Kind) -> Result<(), SandboxError> {
        let place = root.place(target, kind, None).map_err(mount(target))?;
        for created in place.made {
            self.tell(&FromGuest::MountPoint(created))?;
        }
        mount_api::attach(fs, place.fd).map_err(mount(target))
    }

    fn tell(&self, message: &FromGuest) -> Result<(), SandboxError> {
        self.report.send(&encode(message), &[]).map_err(os("tell the caller"))
    }

    fn working_directory(&self, root: &Root) -> Result<OwnedFd, SandboxError> {
        let owner = (self.plan.uid, self.plan.gid);
        let place = root.place(&self.plan.cwd, Kind::Directory, Some(owner));
        Ok(place.map_err(os("enter the working directory"))?.fd)
    }

    /// Makes descriptors 0, 1 and 2 what the program should have.
    fn streams(&mut self, attached: &Attached) -> Result<(), SandboxError> {
        let streams = match self.plan.stdio {
            PlannedStdio::Piped(stdout, stderr) => [
                dev::empty_input(&attached.dev).map_err(mount("/dev/null"))?,
                self.fds.take(stdout)?,
                self.fds.take(stderr)?,
            ],
            PlannedStdio::Files(stdin, stdout, stderr) => {
                [self.fds.take(stdin)?, self.fds.take(stdout)?, self.fds.take(stderr)?]
            }
            PlannedStdio::Terminal => self.terminal(attached)?,
        };
        for stream in &streams {
            self.own(stream);
        }
        let [stdin, stdout, stderr] = streams;
        rustix::stdio::dup2_stdin(stdin).map_err(os("set standard input"))?;
        rustix::stdio::dup2_stdout(stdout).map_err(os("set standard output"))?;
        rustix::stdio::dup2_stderr(stderr).map_err(os("set standard error"))
    }

    /// Gives a pipe to the program's user, who could not open `/dev/stdout` otherwise.
    fn own(&self, stream: &OwnedFd) {
        let is_pipe =
            fstat(stream).is_ok_and(|found| FileType::from_raw_mode(found.st_mode) == FileType::Fifo);
        if is_pipe {
            let _ = fchown(stream, Some(rustix::fs::Uid::from_raw(self.plan.uid)), None);
        }
    }

    /// A new terminal, ours to control; its other end goes to the caller.
    fn terminal(&self, attached: &Attached) -> Result<[OwnedFd; 3], SandboxError> {
        let failed = || os("make a terminal");
        let flags = OFlags::RDWR | OFlags::NOCTTY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let controller =
            openat(&attached.pts, "ptmx", flags, Mode::empty()).map_err(os("make a terminal"))?;
        rustix::pty::unlockpt(&controller).map_err(failed())?;
        let peer_flags = OpenptFlags::RDWR | OpenptFlags::NOCTTY | OpenptFlags::CLOEXEC;
        let terminal = rustix::pty::ioctl_tiocgptpeer(&controller, peer_flags).map_err(failed())?;
        let _ = fchown(&terminal, Some(rustix::fs::Uid::from_raw(self.plan.uid)), None);
        rustix::process::ioctl_tiocsctty(&terminal).map_err(failed())?;
        dev::console(&attached.dev, &terminal).map_err(mount("/dev/console"))?;
        let sent = self.report.send(&encode(&FromGuest::Terminal), &[controller.as_fd()]);
        sent.map_err(os("tell the caller"))?;
        let copy = || rustix::io::fcntl_dupfd_cloexec(&terminal, 3).map_err(failed());
        Ok([copy()?, copy()?, copy()?])
    }

    /// Gives up what the program must not have, and becomes it.
    fn execute(self) -> Result<Infallible, SandboxError> {
        let Self { plan, fds, report } = self;
        drop(fds);
        let program = program::Program::new(&plan.args, &plan.env)?;
        rights::limit(&plan.rlimits)?;
        sys::close_on_exec_from(3).map_err(os("close descriptors"))?;
        umask(Mode::from_raw_mode(0o022));
        if !plan.filter.0.is_empty() {
            sys::install_filter(&plan.filter.0).map_err(os("install the seccomp filter"))?;
        }
        rights::assume(plan)?;
        report.send(&encode(&FromGuest::Ready), &[]).map_err(os("tell the caller"))?;
        program.execute()
    }
}

fn scratch(attached: &Attached) -> Result<Scratch, SandboxError> {
    let copy = |fd: &OwnedFd| rustix::io::fcntl_dupfd_cloexec(fd, 3).map_err(os("duplicate a descriptor"));
    Scratch::attach(copy(&attached.scratch)?, copy(&attached.dev)?).map_err(mount("/dev"))
}

/// Enters `cwd` and makes sure that it is inside (CVE-2024-21626).
fn enter(cwd: &OwnedFd) -> Result<(), SandboxError> {
    fchdir(cwd).map_err(os("enter the working directory"))?;
    let path = getcwd(Vec::new()).map_err(os("enter the working directory"))?;
    if path.to_bytes().starts_with(b"/") {
        return Ok(());
    }
    Err(os("enter the working directory: it is outside of the root file system")(rustix::io::Errno::XDEV))
}

fn kind_of(fd: &OwnedFd) -> std::io::Result<Kind> {
    let is_directory = FileType::from_raw_mode(fstat(fd)?.st_mode) == FileType::Directory;
    Ok(if is_directory { Kind::Directory } else { Kind::File })
}

fn tmpfs(size_bytes: Option<u64>, mode: u32) -> std::io::Result<OwnedFd> {
    let mode = format!("{mode:o}");
    let size = size_bytes.map(|size| size.to_string());
    let mut options = vec![("mode", mode.as_str())];
    options.extend(size.as_deref().map(|size| ("size", size)));
    mount_api::create("tmpfs", &options, mount_api::NO_SUID | mount_api::NO_DEV)
}
