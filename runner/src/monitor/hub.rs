//! The part of a monitor that its threads share: the state of the container, its clients, its streams.

use std::fs::File;
use std::io::{self, Write};
use std::os::unix::net::UnixStream;
use std::path::PathBuf;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError, RwLock};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, poll};
use rustix::io::Errno;
use rustix::termios::{Winsize, tcsetwinsize};

use sandbox::{ControlGroups, Exit, LimitsReached, Process, Running};

use super::outbox::Outbox;
use crate::RunnerError;
use crate::clock::now_ms;
use crate::container::{Container, ContainerState, Health};
use crate::launch::{self, Launched, Streams};
use crate::log::LogWriter;
use crate::process::{self, started_ticks};
use crate::protocol::{Exited, Frame, UsedResources};

const SIGKILL: i32 = 9;

/// Shared state of a monitor.
#[derive(Debug)]
pub(super) struct Hub {
    log: LogWriter,
    shared: Mutex<Shared>,
    changed: Condvar,
    /// The first process. Nobody holds the lock for long, so that others can start further processes.
    running: RwLock<Option<Running>>,
}

#[derive(Debug)]
struct Shared {
    container: Container,
    state: ContainerState,
    is_running: bool,
    /// Whether the user wants the container to end: it is not started again.
    is_stopping: bool,
    /// The end of the container for good, once clients were told.
    told: Option<Exited>,
    /// Size of the terminal that a client has asked for, in rows and columns.
    size: Option<(u16, u16)>,
    began: Instant,
    clients: Vec<Client>,
    senders: Vec<JoinHandle<()>>,
    input: Option<Arc<File>>,
    terminal: Option<Arc<File>>,
}

impl Shared {
    fn resize(&self) {
        if let (Some(terminal), Some((rows, columns))) = (&self.terminal, self.size) {
            set_size(terminal, rows, columns);
        }
    }
}

/// Sets the size of a terminal. One whose process is gone has no size.
pub(super) fn set_size(terminal: &File, rows: u16, columns: u16) {
    let size = Winsize { ws_row: rows, ws_col: columns, ws_xpixel: 0, ws_ypixel: 0 };
    let _ = tcsetwinsize(terminal, size);
}

/// A client that waits for the end of the process.
#[derive(Debug)]
struct Client {
    outbox: Arc<Outbox>,
    wants_output: bool,
}

impl Hub {
    pub(super) fn new(container: Container) -> Self {
        let log = LogWriter::new(container.dir(), container.config.life.log);
        let shared = Shared {
            container,
            state: ContainerState::default(),
            is_running: false,
            is_stopping: false,
            told: None,
            size: None,
            began: Instant::now(),
            clients: Vec::new(),
            senders: Vec::new(),
            input: None,
            terminal: None,
        };
        Self { log, shared: Mutex::new(shared), changed: Condvar::new(), running: RwLock::new(None) }
    }

    /// Returns the container, as its documents were last read.
    pub(super) fn container(&self) -> Container {
        self.lock().container.clone()
    }

    /// Reads the documents of the container again.
    fn reload(&self) -> Result<(), RunnerError> {
        let mut shared = self.lock();
        shared.container = shared.container.reload()?;
        Ok(())
    }

    /// Returns what became of the container so far.
    pub(super) fn state(&self) -> ContainerState {
        self.lock().state.clone()
    }

    pub(super) fn log(&self) -> &LogWriter {
        &self.log
    }

    pub(super) fn sync_log(&self) {
        self.log.sync();
    }

    /// Changes the state of the container, and writes it. A power cut can bring an older state back, which says that the
    /// container does not run, as is true then.
    pub(super) fn note(&self, change: impl FnOnce(&mut ContainerState)) -> Result<(), RunnerError> {
        let mut shared = self.lock();
        change(&mut shared.state);
        shared.container.save_passing_state(&shared.state)
    }

    /// Notes that this process is the monitor. Mount points of earlier runs stay known.
    pub(super) fn note_monitor(&self) -> Result<(), RunnerError> {
        let earlier = self.container().state();
        self.note(|state| {
            state.monitor_pid = Some(std::process::id());
            state.boot_id = Some(cache::boot_id().to_owned());
            state.mount_points = earlier.mount_points;
        })
    }

    /// Notes that the process runs, and takes its streams for input.
    pub(super) fn note_start(&self, launched: &mut Launched) -> Result<(), RunnerError> {
        let (input, terminal) = match &mut launched.streams {
            Streams::Pipes { stdin, .. } => (stdin.take().map(Arc::new), None),
            Streams::Terminal(file) => {
                let file = Arc::new(file.try_clone().map_err(|source| RunnerError::Thread { source })?);
                (Some(Arc::clone(&file)), Some(file))
            }
        };
        let created = launched.running.created_mount_points().iter().map(|point| point.path.clone());
        let created: Vec<PathBuf> = created.collect();
        let pid = launched.running.pid();
        let has_health = self.container().config.life.health.is_some();
        {
            let mut shared = self.lock();
            (shared.input, shared.terminal) = (input, terminal);
            (shared.is_running, shared.began) = (true, Instant::now());
            shared.resize();
        }
        self.changed.notify_all();
        self.note(|state| {
            let restart_count = state.restart_count + u32::from(state.restarting);
            *state = ContainerState {
                pid: Some(pid),
                pid_started_ticks: started_ticks(pid),
                started_ms: Some(now_ms()),
                boot_id: state.boot_id.take(),
                monitor_pid: state.monitor_pid,
                restart_count,
                mount_points: std::mem::take(&mut state.mount_points),
                health: has_health.then(Health::default),
                ..ContainerState::default()
            };
            for path in created {
                if !state.mount_points.contains(&path) {
                    state.mount_points.push(path);
                }
            }
        })
    }

    /// Notes that the container could not be started.
    pub(super) fn note_failure(&self, error: &RunnerError) -> Result<(), RunnerError> {
        self.lock().is_running = false;
        self.note(|state| {
            state.ended_ms = Some(now_ms());
            state.exit_code = Some(launch::unstarted_exit_code(error));
            state.error = Some(error.to_string());
        })
    }

    /// Notes the end of the process. Returns whether it is to be started again.
    pub(super) fn note_end(&self, ended: Exited) -> Result<bool, RunnerError> {
        let restarts = {
            let mut shared = self.lock();
            (shared.is_running, shared.input, shared.terminal) = (false, None, None);
            let policy = shared.container.config.life.restart;
            !shared.is_stopping && policy.applies(ended.code, shared.state.restart_count)
        };
        self.note(|state| {
            state.oom_killed = ended.oom_killed;
            state.ended_ms = Some(now_ms());
            state.exit_code.get_or_insert(ended.code);
            (state.restarting, state.paused) = (restarts, false);
        })?;
        let container = self.container();
        if !restarts && !container.config.remove {
            container.save_state(&self.state())?;
        }
        self.changed.notify_all();
        Ok(restarts)
    }

    /// Notes that a container that was about to be started again has ended for good.
    pub(super) fn note_no_restart(&self) -> Result<(), RunnerError> {
        self.note(|state| state.restarting = false)
    }

    /// Reports whether the process runs.
    pub(super) fn is_running(&self) -> bool {
        self.lock().is_running
    }

    /// Freezes all processes of the container until they are thawed.
    pub(super) fn pause(&self) -> Result<(), RunnerError> {
        let state = self.state();
        if state.paused {
            return Err(RunnerError::Paused { name: self.container().config.name });
        }
        self.groups()?.freeze()?;
        self.note(|state| state.paused = true)
    }

    /// Thaws all processes, which must be frozen.
    pub(super) fn unpause(&self) -> Result<(), RunnerError> {
        if !self.state().paused {
            return Err(RunnerError::NotPaused { name: self.container().config.name });
        }
        self.thaw()
    }

    /// Thaws all processes, if they are frozen, so that they can end.
    pub(super) fn thaw(&self) -> Result<(), RunnerError> {
        if !self.state().paused {
            return Ok(());
        }
        self.groups()?.thaw()?;
        self.note(|state| state.paused = false)
    }

    /// Returns the resources in use.
    pub(super) fn used(&self) -> Result<UsedResources, RunnerError> {
        let stats = self.groups()?.stats();
        Ok(UsedResources {
            cpu_ns: stats.cpu_ns.unwrap_or(0),
            memory_bytes: stats.memory_bytes.unwrap_or(0),
            memory_limit_bytes: stats.memory_limit_bytes,
            pids: stats.pids.unwrap_or(0),
            read_bytes: stats.read_bytes.unwrap_or(0),
            written_bytes: stats.written_bytes.unwrap_or(0),
        })
    }

    /// Takes over the documents of the container, and its limits.
    pub(super) fn update(&self) -> Result<(), RunnerError> {
        self.reload()?;
        let config = self.container().config;
        if self.is_running() { Ok(self.groups()?.update(&config.limits())?) } else { Ok(()) }
    }

    fn groups(&self) -> Result<ControlGroups, RunnerError> {
        let running = self.running.read().unwrap_or_else(PoisonError::into_inner);
        match &*running {
            Some(running) => Ok(running.control_groups()),
            None => Err(RunnerError::NotRunning { name: self.container().config.name }),
        }
    }

    /// Takes the first process, which others can join from now on.
    pub(super) fn run(&self, running: Running) {
        *self.running.write().unwrap_or_else(PoisonError::into_inner) = Some(running);
    }

    /// Waits for the end of the first process; returns how it ended, and the limits that were reached.
    pub(super) fn wait(&self) -> Result<(Exit, LimitsReached), RunnerError> {
        if let Some(pidfd) = process::open(&self.state()) {
            while poll(&mut [PollFd::new(&pidfd, PollFlags::IN)], None).err() == Some(Errno::INTR) {}
        }
        let running = self.running.write().unwrap_or_else(PoisonError::into_inner).take();
        let mut running = running.expect("it was taken at the start");
        let exit = running.wait()?;
        Ok((exit, running.limits_reached()))
    }

    /// Starts a further process in the container.
    pub(super) fn exec(&self, process: Process, privileged: bool) -> Result<Running, RunnerError> {
        let running = self.running.read().unwrap_or_else(PoisonError::into_inner);
        match &*running {
            Some(running) => Ok(sandbox::exec(running, process, privileged)?),
            None => Err(RunnerError::NotRunning { name: self.container().config.name }),
        }
    }

    /// Returns for how long the process has run, or since when it has ended.
    pub(super) fn uptime(&self) -> Duration {
        self.lock().began.elapsed()
    }

    /// Adds a client, which gets a frame at the end of the process, and before that its output if it wants it.
    pub(super) fn add_client(&self, stream: UnixStream, wants_output: bool) -> io::Result<Arc<Outbox>> {
        let (outbox, sender) = Outbox::start(stream)?;
        let mut shared = self.lock();
        shared.senders.retain(|sender| !sender.is_finished());
        shared.senders.push(sender);
        match shared.told {
            Some(ended) => outbox.finish(Frame::Exited(ended)),
            None => shared.clients.push(Client { outbox: Arc::clone(&outbox), wants_output }),
        }
        Ok(outbox)
    }

    /// Forgets a client that is gone.
    pub(super) fn remove_client(&self, outbox: &Arc<Outbox>) {
        outbox.hang_up();
        self.lock().clients.retain(|client| !Arc::ptr_eq(&client.outbox, outbox));
    }

    /// Sends a frame of output to every client that wants it.
    pub(super) fn send_output(&self, frame: &Frame) {
        let wanting = self
            .lock()
            .clients
            .iter()
            .filter(|client| client.wants_output)
            .map(|client| Arc::clone(&client.outbox))
            .collect::<Vec<_>>();
        wanting.iter().for_each(|outbox| outbox.push(frame.clone()));
    }

    /// Lets the output of a process that has ended wait for no client.
    pub(super) fn lift_limits(&self) {
        self.lock().clients.iter().for_each(|client| client.outbox.lift_limit());
    }

    /// Sends the end of the process to every client; later ones get it at once if it is for good.
    pub(super) fn tell_end(&self, ended: Exited, for_good: bool) {
        let mut shared = self.lock();
        shared.told = for_good.then_some(ended);
        let clients = std::mem::take(&mut shared.clients);
        drop(shared);
        clients.iter().for_each(|client| client.outbox.finish(Frame::Exited(ended)));
    }

    /// Waits until every client has got what was sent to it, or is gone.
    pub(super) fn wait_for_clients(&self) {
        let senders = std::mem::take(&mut self.lock().senders);
        senders.into_iter().for_each(|sender| drop(sender.join()));
    }

    /// Writes to the standard input of the process. Input for a process that does not read any is dropped.
    pub(super) fn write_input(&self, bytes: &[u8]) {
        let input = self.lock().input.clone();
        if let Some(mut input) = input.as_deref() {
            // The process can have closed it.
            let _ = input.write_all(bytes);
        }
    }

    /// Ends standard input, if it ends with its first client.
    pub(super) fn end_input(&self) {
        let mut shared = self.lock();
        if shared.container.config.life.stdin_once && shared.terminal.is_none() {
            shared.input = None;
        }
    }

    /// Sets the size of the terminal, if there is one.
    pub(super) fn resize(&self, rows: u16, columns: u16) {
        let mut shared = self.lock();
        shared.size = Some((rows, columns));
        shared.resize();
    }

    /// Sends a signal to the first process.
    pub(super) fn signal(&self, number: i32) -> Result<(), RunnerError> {
        process::send(&self.state(), number)
    }

    /// Kills the container, for an end that needs no reason.
    pub(super) fn kill(&self) {
        let _ = self.signal(SIGKILL);
    }

    /// Notes that the user wants the container to end.
    pub(super) fn stop(&self) {
        self.lock().is_stopping = true;
        self.changed.notify_all();
    }

    /// Waits for at most `pause`; returns whether the user wants the container to end.
    pub(super) fn wait_for_stop(&self, pause: Duration) -> bool {
        let shared = self.lock();
        let waited = self.changed.wait_timeout_while(shared, pause, |shared| !shared.is_stopping);
        waited.unwrap_or_else(PoisonError::into_inner).0.is_stopping
    }

    /// Waits until the process has ended, for at most `patience`; returns whether it has.
    pub(super) fn wait_for_end(&self, patience: Option<Duration>) -> bool {
        let shared = self.lock();
        match patience {
            None => drop(self.changed.wait_while(shared, |shared| shared.is_running)),
            Some(patience) => {
                let waited = self.changed.wait_timeout_while(shared, patience, |shared| shared.is_running);
                return !waited.unwrap_or_else(PoisonError::into_inner).0.is_running;
            }
        }
        true
    }

    fn lock(&self) -> MutexGuard<'_, Shared> {
        self.shared.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
