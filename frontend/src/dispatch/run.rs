//! RUN: an Exec step.

use std::net::IpAddr;

use graph::{DeviceRequest, Exec, ExecMount, MountKind, NetworkMode, Op, SecurityMode, SkippedInKey};
use parser::ast::{Command, Device, Instruction, Run};
use parser::expand::Variables;

use super::mounts::RunMounts;
use super::{CurrentStage, Dispatcher, Inputs};
use crate::error::Problem;
use crate::state::State;
use crate::{history, step_names};

/// Host name of a RUN, unless `BUILDKIT_SANDBOX_HOSTNAME` sets another.
const HOSTNAME: &str = "buildkitsandbox";

/// The process of a RUN.
struct Program {
    args: Vec<String>,
    /// Script of a heredoc that names its interpreter (`#!`); `None` without such a heredoc.
    script: Option<ExecMount>,
    /// First line of a heredoc, for the name of the step; `None` without a heredoc.
    summary: Option<String>,
}

impl Dispatcher<'_> {
    /// Makes the step of a RUN.
    pub(super) fn run_command(&mut self, current: &mut CurrentStage<'_>, run: &Run) -> Result<(), Problem> {
        let program = program(&current.state, run, &current.command.instruction)?;
        let mut inputs = Inputs::default();
        let root = current.state.step.map(|step| inputs.index(step));
        let mut mounts = self.mounts(current, run, &mut inputs)?;
        mounts.mounts.extend(program.script);
        let masked: Vec<&str> = mounts.secret_env.iter().map(|secret| secret.variable.as_str()).collect();
        let mut text = self.text(current, &masked);
        if let Some(summary) = &program.summary {
            text.push_str(&format!(" ({summary})"));
        }
        let name = current.counter.next(&text);
        self.session.budget.spend(current.state.env.size_bytes());
        let exec = Exec {
            args: program.args.clone(),
            env: environment(&current.state, &mounts),
            proxy_env: self.session.proxies.clone(),
            cwd: current.state.working_dir(),
            user: current.state.image.config.user.clone(),
            hostname: self.hostname(),
            hosts: self.hosts(),
            root,
            mounts: mounts.mounts,
            secret_env: mounts.secret_env,
            network: self.network(run)?,
            security: self.security(run)?,
            shm_size_bytes: self.session.options.shm_size_bytes,
            ulimits: self.session.options.ulimits.clone(),
            devices: devices(run)?,
        };
        let meta = self.meta(current, name);
        let step = self.graph.add(Op::Exec(Box::new(exec)), inputs.0, &current.state.platform, meta);
        current.state.advance(step);
        let text = history::run(&program.args, &current.state);
        self.record(current, history::layer, text);
        Ok(())
    }

    fn hostname(&self) -> String {
        let given = self.session.build_args.get("BUILDKIT_SANDBOX_HOSTNAME");
        given.filter(|name| !name.is_empty()).map_or(HOSTNAME, String::as_str).to_owned()
    }

    fn hosts(&self) -> Vec<(String, SkippedInKey<IpAddr>)> {
        let hosts = self.session.options.add_hosts.iter();
        hosts.map(|(name, address)| (name.clone(), SkippedInKey(*address))).collect()
    }

    /// Returns the network of the RUN: its own, or else that of the build.
    fn network(&self, run: &Run) -> Result<NetworkMode, Problem> {
        let options = self.session.options;
        match run.network.as_deref() {
            None | Some("" | "default") => Ok(options.network),
            Some("none") => Ok(NetworkMode::None),
            Some("host") if options.allow.network_host || options.network == NetworkMode::Host => {
                Ok(NetworkMode::Host)
            }
            Some("host") => Err(not_allowed("network.host")),
            Some(value) => Err(Problem::BadMode {
                kind: "network",
                value: value.to_owned(),
                expected: "default, none, host",
            }),
        }
    }

    fn security(&self, run: &Run) -> Result<SecurityMode, Problem> {
        match run.security.as_deref() {
            None | Some("" | "sandbox") => Ok(SecurityMode::Sandbox),
            Some("insecure") if self.session.options.allow.security_insecure => Ok(SecurityMode::Insecure),
            Some("insecure") => Err(not_allowed("security.insecure")),
            Some(value) => {
                let expected = "sandbox, insecure";
                Err(Problem::BadMode { kind: "security", value: value.to_owned(), expected })
            }
        }
    }
}

/// Returns the devices of a RUN. Their names are checked here, where the lines are known.
fn devices(run: &Run) -> Result<Vec<DeviceRequest>, Problem> {
    let device = |device: &Device| match device.name.parse::<cdi::Request>() {
        Ok(_) => Ok(DeviceRequest { name: device.name.clone(), required: device.required }),
        Err(error) => Err(Problem::BadDevice { name: device.name.clone(), reason: error.to_string() }),
    };
    run.devices.iter().map(device).collect()
}

fn not_allowed(entitlement: &'static str) -> Problem {
    Problem::NotAllowed { entitlement, hint: format!("allow it for this build with --allow {entitlement}") }
}

/// Returns the variables of the stage, and the path of the first SSH agent's socket unless the stage sets it.
fn environment(state: &State, mounts: &RunMounts) -> Vec<String> {
    const SOCKET: &str = "SSH_AUTH_SOCK";
    let mut env = state.env.to_strings();
    if let (Some(socket), None) = (&mounts.ssh_socket, state.env.value(SOCKET)) {
        env.push(format!("{SOCKET}={socket}"));
    }
    env
}

/// Returns the process of a RUN.
///
/// ```text
/// exec form                     its words
/// shell form                    shell, text
/// one heredoc and nothing else  shell, body; or if that begins with "#!": shell, path of the body as a file
/// other heredocs                shell, text with the bodies put back: the shell reads them
/// ```
fn program(state: &State, run: &Run, instruction: &Instruction) -> Result<Program, Problem> {
    let plain = |args| Program { args, script: None, summary: None };
    let text = match &run.command {
        Command::Exec(words) if instruction.heredocs.is_empty() => return Ok(plain(words.clone())),
        Command::Exec(words) => return Err(Problem::HeredocInExecForm { command: words.join(" ") }),
        Command::Shell(text) => text,
    };
    let [first, ..] = &instruction.heredocs[..] else { return Ok(plain(state.in_shell(text.clone()))) };
    if parser::heredoc::marker(text.trim()).is_none() {
        let bodies = instruction.heredocs.iter();
        let full = bodies.fold(text.clone(), |full, body| format!("{full}\n{}{}", body.content, body.name));
        return Ok(plain(state.in_shell(full)));
    }
    let content = first.chomped();
    let summary = Some(step_names::summary(&content));
    if !content.starts_with("#!") || state.image.platform.os == "windows" {
        return Ok(Program { summary, ..plain(state.in_shell(content)) });
    }
    let target = format!("/dev/pipes/{}", first.name);
    let args = state.in_shell(target.clone());
    let script = ExecMount { target, read_only: true, kind: MountKind::Script { content } };
    Ok(Program { args, script: Some(script), summary })
}
