//! Further processes in the container, for `exec` and for checks of its health.

use std::fs::File;
use std::io::{self, Write};
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};

use sandbox::{Process, ProcessUser, Running, Stdio};
use trees::dir_tree::DirTree;
use users::User;

use super::hub::{Hub, set_size};
use super::outbox::{Outbox, refusal};
use super::output::{each_piece, frame};
use crate::RunnerError;
use crate::container::ContainerConfig;
use crate::error::io_error;
use crate::log::{STDERR, STDOUT};
use crate::process;
use crate::protocol::{ExecRequest, Exited, Frame};

/// A further process, and our ends of its streams.
pub(super) struct Joined {
    pub(super) running: Running,
    pub(super) stdin: Option<File>,
    /// Standard output and error, or the terminal alone.
    pub(super) outputs: Vec<(u8, File)>,
    terminal: Option<File>,
}

/// Runs a process for a client until it ends. A client that goes away leaves it running.
pub(super) fn serve(hub: &Arc<Hub>, client: UnixStream, request: &ExecRequest) -> io::Result<()> {
    let from = client.try_clone()?;
    let (outbox, sender) = Outbox::start(client)?;
    match start(hub, request) {
        Err(error) => outbox.finish(Frame::Failed(refusal(&error))),
        Ok(joined) => {
            outbox.push(Frame::Started);
            follow(joined, request, from, &outbox)?;
        }
    }
    let _ = sender.join();
    Ok(())
}

/// Starts a process in the container.
pub(super) fn start(hub: &Hub, request: &ExecRequest) -> Result<Joined, RunnerError> {
    let config = hub.container().config;
    let root = process::root(hub.state().pid.unwrap_or(0))?;
    let user = request.user.as_ref().unwrap_or(&config.user);
    let user = crate::launch::user(&DirTree::new(root), user, &config.isolation)?;
    let (stdio, ours) = stdio(request).map_err(io_error("make the streams of", Path::new(&config.name)))?;
    let process = Process {
        args: request.args.iter().map(Into::into).collect(),
        env: env(&config, request).into_iter().map(Into::into).collect(),
        cwd: request.cwd.as_ref().unwrap_or(&config.cwd).into(),
        user: process_user(user),
        stdio,
        ..crate::launch::rights(&config.isolation)
    };
    let mut running = hub.exec(process, request.privileged)?;
    let terminal = running.take_terminal();
    let joined = match (&terminal, ours) {
        (Some(file), _) => {
            let copy = || file.try_clone().map_err(|source| RunnerError::Thread { source });
            Joined { running, stdin: Some(copy()?), outputs: vec![(STDOUT, copy()?)], terminal }
        }
        (None, Some((stdin, stdout, stderr))) => {
            Joined { running, stdin, outputs: vec![(STDOUT, stdout), (STDERR, stderr)], terminal }
        }
        (None, None) => Joined { running, stdin: None, outputs: Vec::new(), terminal },
    };
    if let (Some(terminal), Some((rows, columns))) = (&joined.terminal, request.size) {
        set_size(terminal, rows, columns);
    }
    Ok(joined)
}

fn process_user(User { uid, gid, groups, home }: User) -> ProcessUser {
    ProcessUser { uid, gid, groups, home }
}

/// Returns the variables of the container with those of the request over them.
fn env(config: &ContainerConfig, request: &ExecRequest) -> Vec<String> {
    let mut env = config.env.clone();
    if request.terminal {
        crate::command::set(&mut env, "TERM=xterm");
    }
    request.env.iter().for_each(|variable| crate::command::set(&mut env, variable));
    env
}

/// Our ends of three pipes; standard input only if a client sends any.
type Pipes = (Option<File>, File, File);

fn stdio(request: &ExecRequest) -> io::Result<(Stdio, Option<Pipes>)> {
    let file = |fd: OwnedFd| File::from(fd);
    if request.terminal {
        return Ok((Stdio::Terminal, None));
    }
    let (stdin, our_stdin) = if request.stdin {
        let (reader, writer) = io::pipe()?;
        (OwnedFd::from(reader), Some(file(writer.into())))
    } else {
        (OwnedFd::from(File::open("/dev/null")?), None)
    };
    let (stdout_reader, stdout) = io::pipe()?;
    let (stderr_reader, stderr) = io::pipe()?;
    let ours = (our_stdin, file(stdout_reader.into()), file(stderr_reader.into()));
    Ok((Stdio::Files { stdin, stdout: stdout.into(), stderr: stderr.into() }, Some(ours)))
}

/// Passes the streams on until the process ends.
fn follow(joined: Joined, request: &ExecRequest, from: UnixStream, outbox: &Arc<Outbox>) -> io::Result<()> {
    let Joined { mut running, stdin, outputs, terminal } = joined;
    let pid = running.pid();
    let input = Arc::new(Mutex::new(stdin));
    let (of_client, reader_of) = (Arc::clone(outbox), Arc::clone(&input));
    let (is_detached, is_terminal) = (request.detached, request.terminal);
    std::thread::Builder::new().spawn(move || {
        listen(from, &reader_of, terminal.as_ref(), is_terminal, pid);
        if !is_detached {
            of_client.hang_up();
        }
    })?;
    let copying: Vec<_> = outputs
        .into_iter()
        .map(|(stream, mut pipe)| {
            let outbox = Arc::clone(outbox);
            std::thread::Builder::new()
                .spawn(move || each_piece(&mut pipe, &mut |piece| outbox.push(frame(stream, piece))))
        })
        .collect::<Result<_, _>>()?;
    let ended = running.wait();
    outbox.lift_limit();
    drop(input.lock().unwrap_or_else(PoisonError::into_inner).take());
    finish(copying);
    match ended {
        Ok(exit) => {
            let code = super::exit_code(exit);
            outbox.finish(Frame::Exited(Exited { code, oom_killed: false, pids_reached: false }));
        }
        Err(error) => outbox.finish(Frame::Failed(refusal(&error.into()))),
    }
    Ok(())
}

/// Waits for the last output. A child that goes on in the background can hold the streams open; nothing waits for that.
fn finish(copying: Vec<std::thread::JoinHandle<()>>) {
    const LAST_OUTPUT: std::time::Duration = std::time::Duration::from_millis(250);
    const POLL: std::time::Duration = std::time::Duration::from_millis(1);
    let begin = std::time::Instant::now();
    while copying.iter().any(|thread| !thread.is_finished()) && begin.elapsed() < LAST_OUTPUT {
        std::thread::sleep(POLL);
    }
}

/// Passes on what a client sends, until it is gone.
fn listen(
    mut client: UnixStream,
    input: &Mutex<Option<File>>,
    terminal: Option<&File>,
    is_terminal: bool,
    pid: u32,
) {
    let started = process::started_ticks(pid);
    while let Ok(Some(frame)) = Frame::read(&mut client) {
        match frame {
            Frame::Input(bytes) => {
                let copy = input.lock().unwrap_or_else(PoisonError::into_inner).as_ref().map(File::try_clone);
                if let Some(Ok(mut input)) = copy {
                    // The process can have closed it.
                    let _ = input.write_all(&bytes);
                }
            }
            Frame::InputEnd if !is_terminal => {
                drop(input.lock().unwrap_or_else(PoisonError::into_inner).take());
            }
            Frame::Resize(rows, columns) => {
                if let Some(terminal) = terminal {
                    set_size(terminal, rows, columns);
                }
            }
            Frame::Signal(number) => drop(process::send_to(pid, started, number)),
            _ => {}
        }
    }
}
