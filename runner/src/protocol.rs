//! Messages between a monitor and its clients, over a unix socket.
//!
//! A frame is a byte that names its kind, the length of its content as four bytes, the most significant first, and the
//! content. A client begins with one [`Request`], as JSON. Both sides are dsbuild of one user; but they can be of different
//! versions, so that nothing in a frame is trusted, and an unknown kind is an error.

use std::io::{self, Read, Write};

use serde::{Deserialize, Serialize};

/// Largest content of a frame, in bytes. A request with an environment and arguments of the size that Linux allows fits.
const MAX_CONTENT_BYTES: u32 = 8 << 20;

/// Message of either side.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Frame {
    /// Client: the request, as JSON.
    Request(Vec<u8>),
    /// Client: bytes for standard input.
    Input(Vec<u8>),
    /// Client: standard input has ended.
    InputEnd,
    /// Client: size of its terminal, in rows and columns.
    Resize(u16, u16),
    /// Client: signal for the process.
    Signal(i32),
    /// Monitor: the process runs.
    Started,
    /// Monitor: bytes that the process wrote to standard output, or to its terminal.
    Output(Vec<u8>),
    /// Monitor: bytes that the process wrote to standard error.
    Errors(Vec<u8>),
    /// Monitor: the process has ended with this exit code.
    Exited(Exited),
    /// Monitor: answer to a request that asks for a document, as JSON.
    Answer(Vec<u8>),
    /// Monitor: the request failed.
    Failed(Refusal),
}

/// End of a process.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Exited {
    /// Exit code as a shell reports it: for a signal, 128 and its number.
    pub code: i32,
    /// Whether the kernel killed a process because memory ran out.
    pub oom_killed: bool,
    /// Whether the kernel refused a new process or thread.
    pub pids_reached: bool,
}

/// Reason why a request failed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Refusal {
    /// Exit code of docker for the failure: 126, 127, or 125 for all others.
    pub code: i32,
    /// Message with its causes.
    pub message: String,
}

/// Task of a client.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Request {
    /// Answer with `Started` when the process runs, and with nothing else.
    Start,
    /// Send the output of the process until it ends, and take its input.
    Attach {
        /// Whether the client sends standard input.
        stdin: bool,
        /// Size of the client's terminal, in rows and columns.
        size: Option<(u16, u16)>,
    },
    /// Run a further process in the container.
    Exec(Box<ExecRequest>),
    /// Send `Exited` at the end of the process.
    Wait,
    /// Send a signal to the process.
    Signal {
        /// Number of the signal.
        number: i32,
    },
    /// Ask the process to end, kill it after a while, and do not start it again.
    Stop {
        /// Number of the signal that asks.
        signal: i32,
        /// Seconds until the process is killed; `None` to wait for ever.
        patience_s: Option<u64>,
    },
    /// Freeze all processes of the container.
    Pause,
    /// Thaw all processes of the container.
    Unpause,
    /// Answer with the resources that the container uses: [`UsedResources`].
    Stats,
    /// Take over limits and settings that `update` has written to the container's documents.
    Update,
}

/// A further process for a container.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ExecRequest {
    /// Program and its arguments.
    pub args: Vec<String>,
    /// --env: variables as `NAME=value`, in addition to those of the container.
    pub env: Vec<String>,
    /// --workdir: directory in place of the container's.
    pub cwd: Option<String>,
    /// --user: `user[:group]` in place of the container's.
    pub user: Option<String>,
    /// --tty: whether the process gets a terminal.
    pub terminal: bool,
    /// --interactive: whether the client sends standard input.
    pub stdin: bool,
    /// --detach: whether the client goes away when the process runs.
    pub detached: bool,
    /// --privileged: whether the process keeps all capabilities.
    pub privileged: bool,
    /// Size of the client's terminal, in rows and columns.
    pub size: Option<(u16, u16)>,
}

/// Resources that a container uses. Values that the machine does not count are 0.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct UsedResources {
    /// Processor time since the start, in nanoseconds.
    pub cpu_ns: u64,
    /// Memory of all processes together, in bytes.
    pub memory_bytes: u64,
    /// Limit on the memory in bytes, if there is one.
    pub memory_limit_bytes: Option<u64>,
    /// Number of processes and threads.
    pub pids: u64,
    /// Bytes read from disks since the start.
    pub read_bytes: u64,
    /// Bytes written to disks since the start.
    pub written_bytes: u64,
}

impl Frame {
    /// Writes the frame in one piece.
    pub fn write(&self, out: &mut dyn Write) -> io::Result<()> {
        let (kind, content) = self.encoded();
        let length = u32::try_from(content.len()).map_err(|_| io::ErrorKind::InvalidInput)?;
        let mut bytes = Vec::with_capacity(content.len() + 5);
        bytes.push(kind);
        bytes.extend(length.to_be_bytes());
        bytes.extend(content);
        out.write_all(&bytes)
    }

    /// Reads a frame; `None` if the other side has closed the connection.
    pub fn read(from: &mut dyn Read) -> io::Result<Option<Self>> {
        let mut head = [0; 5];
        match from.read_exact(&mut head) {
            Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => return Ok(None),
            read => read?,
        }
        let length = u32::from_be_bytes([head[1], head[2], head[3], head[4]]);
        if length > MAX_CONTENT_BYTES {
            return Err(io::ErrorKind::InvalidData.into());
        }
        let mut content = vec![0; length as usize];
        from.read_exact(&mut content)?;
        Self::decoded(head[0], content).map(Some).ok_or_else(|| io::ErrorKind::InvalidData.into())
    }

    fn encoded(&self) -> (u8, Vec<u8>) {
        match self {
            Self::Request(json) => (b'r', json.clone()),
            Self::Input(bytes) => (b'i', bytes.clone()),
            Self::InputEnd => (b'e', Vec::new()),
            Self::Resize(rows, columns) => (b'w', [rows.to_be_bytes(), columns.to_be_bytes()].concat()),
            Self::Signal(number) => (b's', number.to_be_bytes().to_vec()),
            Self::Started => (b'S', Vec::new()),
            Self::Output(bytes) => (b'1', bytes.clone()),
            Self::Errors(bytes) => (b'2', bytes.clone()),
            Self::Exited(end) => (b'X', json(end)),
            Self::Answer(json) => (b'A', json.clone()),
            Self::Failed(refusal) => (b'F', json(refusal)),
        }
    }

    fn decoded(kind: u8, content: Vec<u8>) -> Option<Self> {
        Some(match kind {
            b'r' => Self::Request(content),
            b'i' => Self::Input(content),
            b'e' => Self::InputEnd,
            b'w' => {
                let numbers: [u8; 4] = content.try_into().ok()?;
                let [a, b, c, d] = numbers;
                Self::Resize(u16::from_be_bytes([a, b]), u16::from_be_bytes([c, d]))
            }
            b's' => Self::Signal(i32::from_be_bytes(content.try_into().ok()?)),
            b'S' => Self::Started,
            b'1' => Self::Output(content),
            b'2' => Self::Errors(content),
            b'X' => Self::Exited(serde_json::from_slice(&content).ok()?),
            b'A' => Self::Answer(content),
            b'F' => Self::Failed(serde_json::from_slice(&content).ok()?),
            _ => return None,
        })
    }
}

fn json(value: &impl Serialize) -> Vec<u8> {
    serde_json::to_vec(value).expect("plain data")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_frame_is_read_as_it_was_written() {
        let exited = Exited { code: 137, oom_killed: true, pids_reached: false };
        let refusal = Refusal { code: 127, message: "no such program".to_owned() };
        let frames = [
            Frame::Request(b"{}".to_vec()),
            Frame::Input(vec![0, 255]),
            Frame::InputEnd,
            Frame::Resize(24, 300),
            Frame::Signal(-1),
            Frame::Started,
            Frame::Output(Vec::new()),
            Frame::Errors(b"x".to_vec()),
            Frame::Exited(exited),
            Frame::Answer(b"[]".to_vec()),
            Frame::Failed(refusal),
        ];
        for frame in frames {
            let mut bytes = Vec::new();
            frame.write(&mut bytes).expect("memory");
            assert_eq!(Frame::read(&mut &bytes[..]).expect("a frame"), Some(frame));
        }
    }

    #[test]
    fn a_frame_that_is_cut_or_too_large_is_no_frame() {
        assert_eq!(Frame::read(&mut &b""[..]).expect("the end"), None);
        assert!(Frame::read(&mut &b"i\0\0\0\x05abc"[..]).is_err());
        assert!(Frame::read(&mut &b"i\xff\xff\xff\xff"[..]).is_err());
        assert!(Frame::read(&mut &b"?\0\0\0\0"[..]).is_err());
        assert!(Frame::read(&mut &b"w\0\0\0\x01a"[..]).is_err());
    }
}
