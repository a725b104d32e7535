//! `dsbuild logs`: prints the output of a container.
//!
//! A pipe or a file gets the exact output. A terminal gets it without escape sequences: a container must not be able to
//! act on the terminal of whoever reads its log.

use std::collections::VecDeque;
use std::io;
use std::time::Duration;

use runner::container::Container;
use runner::log::{LogReader, Piece};

use super::find::find;
use super::ls;
use crate::exit::Fault;
use crate::failure::Failure;
use crate::output::{self, Sanitizer, Stream};
use cli::container::LogsArgs;
use cli::moment;

/// Time between two looks for new output.
const FOLLOW_POLL: Duration = Duration::from_millis(50);

/// Prints the output of a container, each stream to its own.
pub fn run(args: &LogsArgs) -> Result<u8, Failure> {
    let container = find(&args.container)?;
    let range = Range::parse(args)?;
    let mut reader = match LogReader::open(container.dir()) {
        Ok(reader) => reader,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(0),
        Err(error) => return Err(Failure::of(Fault::System, &error)),
    };
    let mut printer = Printer { timestamps: args.timestamps, ..Printer::default() };
    let printed = print(&container, &range, args.follow, &mut reader, &mut printer);
    match printed {
        // Nobody reads the output any more, as in `logs | head`.
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(0),
        Err(error) => Err(Failure::of(Fault::System, &error)),
        Ok(()) => Ok(0),
    }
}

fn print(
    container: &Container,
    range: &Range,
    follows: bool,
    reader: &mut LogReader,
    printer: &mut Printer,
) -> io::Result<()> {
    let mut last = VecDeque::new();
    while let Some(piece) = reader.next_piece()? {
        match range.tail {
            _ if !range.has(&piece) => {}
            None => printer.print(&piece)?,
            Some(tail) => {
                last.push_back(piece);
                if last.len() > tail {
                    last.pop_front();
                }
            }
        }
    }
    last.iter().try_for_each(|piece| printer.print(piece))?;
    if container.is_running() && runner::log::is_disk_full(container.dir()) {
        output::note("note: the disk of the store is full: output is lost until there is room again");
    }
    if follows { follow(container, range, reader, printer) } else { Ok(()) }
}

/// Prints new output until the container has ended.
fn follow(
    container: &Container,
    range: &Range,
    reader: &mut LogReader,
    printer: &mut Printer,
) -> io::Result<()> {
    loop {
        // Checked before reading, so that everything written before the end is printed.
        let has_ended = !container.is_running();
        while let Some(piece) = reader.next_piece()? {
            if range.has(&piece) {
                printer.print(&piece)?;
            }
        }
        if has_ended || range.is_over() {
            return Ok(());
        }
        std::thread::sleep(FOLLOW_POLL);
    }
}

/// Part of a log that the user asks for.
struct Range {
    since_ms: u64,
    until_ms: u64,
    /// Number of last lines; all if absent.
    tail: Option<usize>,
}

impl Range {
    fn parse(args: &LogsArgs) -> Result<Self, Failure> {
        let now_ms = output::now_ms();
        let moment = |flag: &str, text: &Option<String>, default_ms: u64| match text {
            Some(text) => moment::parse(text, now_ms).ok_or_else(|| {
                Failure::usage(format!("{flag} {text:?} is not a moment"))
                    .hint("for example 10m, 2026-01-31 or 2026-01-31T12:00:00Z")
            }),
            None => Ok(default_ms),
        };
        let tail = match args.tail.as_str() {
            "all" | "-1" => None,
            text => Some(text.parse().map_err(|_| {
                Failure::usage(format!("--tail {text:?} is not a number of lines"))
                    .hint("use a number, or all")
            })?),
        };
        Ok(Self {
            since_ms: moment("--since", &args.since, 0)?,
            until_ms: moment("--until", &args.until, u64::MAX)?,
            tail,
        })
    }

    fn has(&self, piece: &Piece) -> bool {
        (self.since_ms..self.until_ms).contains(&piece.time_ms)
    }

    /// Reports whether no further output can be in the range.
    fn is_over(&self) -> bool {
        output::now_ms() > self.until_ms
    }
}

/// Prints pieces of output. An escape sequence can be split between two pieces of a stream.
#[derive(Default)]
struct Printer {
    timestamps: bool,
    /// Whether the next piece begins a line.
    is_within_line: bool,
    stdout: Sanitizer,
    stderr: Sanitizer,
}

impl Printer {
    fn print(&mut self, piece: &Piece) -> io::Result<()> {
        let (stream, sanitizer) = match piece.stream {
            2 => (Stream::Stderr, &mut self.stderr),
            _ => (Stream::Stdout, &mut self.stdout),
        };
        let mut text = String::with_capacity(piece.text.len() + 32);
        if self.timestamps && !self.is_within_line {
            text.push_str(&output::rfc3339_nanoseconds(ls::moment(piece.time_ms)));
            text.push(' ');
        }
        self.is_within_line = !piece.text.ends_with('\n');
        if stream.is_terminal() {
            sanitizer.push(&piece.text, &mut text);
        } else {
            text.push_str(&piece.text);
        }
        output::passed_on(stream, text.as_bytes())
    }
}
