//! `dsbuild logs`: prints the output of a container.
//!
//! A pipe or a file gets the exact output. A terminal gets it without escape sequences: a container must not be able to
//! act on the terminal of whoever reads its log.

use std::time::Duration;

use runner::container::Container;
use runner::log::{LogReader, Piece};

use super::find::find;
use crate::exit::Fault;
use crate::failure::Failure;
use crate::output::{self, Sanitizer, Stream};
use cli::container::LogsArgs;

/// Time between two looks for new output.
const FOLLOW_POLL: Duration = Duration::from_millis(50);

/// Prints the output of a container, each stream to its own.
pub fn run(args: &LogsArgs) -> Result<u8, Failure> {
    let container = find(&args.container)?;
    let mut reader = match LogReader::open(container.dir()) {
        Ok(reader) => reader,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(0),
        Err(error) => return Err(Failure::of(Fault::System, &error)),
    };
    let mut printer = Printer::default();
    let mut pieces = Vec::new();
    while let Some(piece) = reader.next_piece()? {
        match args.tail {
            Some(_) => pieces.push(piece),
            None => printer.print(&piece),
        }
    }
    if let Some(tail) = args.tail {
        pieces[pieces.len().saturating_sub(tail)..].iter().for_each(|piece| printer.print(piece));
    }
    if container.is_running() && runner::log::is_disk_full(container.dir()) {
        output::note("note: the disk of the store is full: output is lost until there is room again");
    }
    if args.follow {
        follow(&container, &mut reader, &mut printer)?;
    }
    Ok(0)
}

/// Prints new output until the container has ended.
fn follow(container: &Container, reader: &mut LogReader, printer: &mut Printer) -> Result<(), Failure> {
    loop {
        // Checked before reading, so that everything written before the end is printed.
        let has_ended = !container.is_running();
        while let Some(piece) = reader.next_piece()? {
            printer.print(&piece);
        }
        if has_ended {
            return Ok(());
        }
        std::thread::sleep(FOLLOW_POLL);
    }
}

/// Prints pieces of output. An escape sequence can be split between two pieces of a stream.
#[derive(Default)]
struct Printer {
    stdout: Sanitizer,
    stderr: Sanitizer,
}

impl Printer {
    fn print(&mut self, piece: &Piece) {
        let (stream, sanitizer) = match piece.stream {
            2 => (Stream::Stderr, &mut self.stderr),
            _ => (Stream::Stdout, &mut self.stdout),
        };
        if !stream.is_terminal() {
            output::data(stream, piece.text.as_bytes());
            return;
        }
        let mut clean = String::with_capacity(piece.text.len());
        sanitizer.push(&piece.text, &mut clean);
        output::data(stream, clean.as_bytes());
    }
}
