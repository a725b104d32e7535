//! The boundary between a sandbox and this machine, where it differs from docker's default.

use crate::SandboxError;
use crate::wire::wire_struct;

/// Beginnings of the names of kernel parameters that belong to an IPC namespace.
///
/// Source: docker run reference, "Configure namespaced kernel parameters".
const OF_IPC: [&str; 10] = [
    "kernel.msgmax",
    "kernel.msgmnb",
    "kernel.msgmni",
    "kernel.msg_next_id",
    "kernel.sem",
    "kernel.shmall",
    "kernel.shmmax",
    "kernel.shmmni",
    "kernel.shm_rmid_forced",
    "fs.mqueue.",
];
/// Beginning of the names of kernel parameters that belong to a network namespace.
const OF_NETWORK: &str = "net.";

/// Differences from docker's defaults in what a sandbox shares with this machine, and what it sees of it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Boundary {
    /// --uts=host: true if the sandbox has the host's name, and no name of its own.
    pub host_uts: bool,
    /// --domainname: NIS domain name; the kernel's `(none)` if empty.
    pub domainname: String,
    /// --ipc=none: true if `/dev/shm` is left out.
    pub no_shm: bool,
    /// --sysctl: names and values of kernel parameters of the sandbox's own namespaces.
    pub sysctls: Vec<(String, String)>,
    /// --security-opt systempaths=unconfined: true if nothing in `/proc` and `/sys` is masked or made read-only.
    pub shows_system_paths: bool,
    /// --security-opt no-new-privileges: true if set-user-ID programs and file capabilities have no effect.
    pub no_new_privileges: bool,
    /// --init: true if the first process is one of ours, which reaps orphans and forwards signals to the program.
    pub has_init: bool,
    /// --oom-score-adj: preference of the kernel for killing the processes when memory runs out, -1000 to 1000.
    pub oom_score_adj: Option<i32>,
}

wire_struct!(Boundary {
    host_uts,
    domainname,
    no_shm,
    sysctls,
    shows_system_paths,
    no_new_privileges,
    has_init,
    oom_score_adj,
});

impl Boundary {
    /// Refuses kernel parameters that are not the sandbox's own, and names that cannot be set.
    pub(crate) fn check(&self, has_own_network: bool, has_own_ipc: bool) -> Result<(), SandboxError> {
        if self.host_uts && !self.domainname.is_empty() {
            let value = self.domainname.clone();
            return Err(SandboxError::Invalid {
                what: "domain name of the host's UTS namespace".into(),
                value,
            });
        }
        self.sysctls.iter().try_for_each(|(name, _)| check_sysctl(name, has_own_network, has_own_ipc))
    }
}

fn check_sysctl(name: &str, has_own_network: bool, has_own_ipc: bool) -> Result<(), SandboxError> {
    let unavailable = |reason: &str| SandboxError::Unavailable {
        what: format!("the kernel parameter {name:?} would change this machine, not only the sandbox"),
        hint: reason.to_owned(),
    };
    let is_plain = name.split(['.', '/']).all(|part| !part.is_empty() && part != "..");
    if !is_plain || name.contains('\0') {
        return Err(SandboxError::Invalid { what: "kernel parameter".into(), value: name.to_owned() });
    }
    let dotted = name.replace('/', ".");
    let is_of_ipc = OF_IPC.iter().any(|known| match known.strip_suffix('.') {
        Some(_) => dotted.starts_with(known),
        None => dotted == *known,
    });
    if dotted.starts_with(OF_NETWORK) {
        return if has_own_network {
            Ok(())
        } else {
            Err(unavailable("give the sandbox a network of its own"))
        };
    }
    if is_of_ipc {
        return if has_own_ipc { Ok(()) } else { Err(unavailable("run without --ipc=host")) };
    }
    Err(unavailable("only net.*, fs.mqueue.* and the parameters of System V IPC belong to a sandbox"))
}

/// Returns the path of a kernel parameter below `/proc/sys`. A name with slashes can have dots in its parts, as
/// `net/ipv4/conf/eth0.1/forwarding`.
pub(crate) fn sysctl_path(name: &str) -> String {
    if name.contains('/') { name.to_owned() } else { name.replace('.', "/") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(name: &str, own_network: bool, own_ipc: bool, is_allowed: bool) {
        assert_eq!(check_sysctl(name, own_network, own_ipc).is_ok(), is_allowed, "{name}");
    }

    #[test]
    fn only_parameters_of_own_namespaces_can_be_set() {
        check("net.core.somaxconn", true, true, true);
        check("net.core.somaxconn", false, true, false);
        check("kernel.shmmax", false, true, true);
        check("kernel.shmmax", true, false, false);
        check("fs.mqueue.msg_max", true, true, true);
        check("net/ipv4/conf/eth0.1/forwarding", true, true, true);
        for name in ["kernel.panic", "vm.overcommit_memory", "kernel.shmmax2", "fs.file-max", "netx.a"] {
            check(name, true, true, false);
        }
    }

    #[test]
    fn a_name_that_leads_out_of_the_directory_is_no_parameter() {
        for name in ["net/../kernel/panic", "net..core", "/net/core", "", "net.core\0"] {
            check(name, true, true, false);
        }
    }

    #[test]
    fn a_name_is_a_path_below_proc_sys() {
        assert_eq!(sysctl_path("net.core.somaxconn"), "net/core/somaxconn");
        assert_eq!(sysctl_path("net/ipv4/conf/eth0.1/forwarding"), "net/ipv4/conf/eth0.1/forwarding");
    }

    #[test]
    fn the_hosts_domain_name_is_not_changed() {
        let boundary = Boundary { host_uts: true, domainname: "x".into(), ..Boundary::default() };
        assert!(boundary.check(true, true).is_err());
    }
}
