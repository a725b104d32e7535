//! A log on a full disk: the container writes on undisturbed, and the log says how much it lacks.

use std::fs::{self, File};
use std::io::{PipeReader, PipeWriter, Read, Write};
use std::path::Path;
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::Duration;

use runner::log::{LogLimits, LogReader, LogWriter, Piece, STDERR, STDOUT};

use crate::support::{fill_disk, helper_root, run_helper_on_tmpfs};

const LIMITS: LogLimits = LogLimits { max_segment_bytes: 1 << 20, max_segments: 2 };

/// Copies a stream into a log until it ends.
pub fn copy(log: &LogWriter, mut from: PipeReader) -> std::io::Result<()> {
    let mut stream = log.stream(STDOUT);
    let mut buffer = [0; 4096];
    loop {
        match from.read(&mut buffer)? {
            0 => return Ok(()),
            length => stream.push(&buffer[..length]),
        }
    }
}

/// A container's standard output whose other end goes into a log.
struct Container {
    stdout: PipeWriter,
    copying: JoinHandle<std::io::Result<()>>,
    written_bytes: u64,
}

impl Container {
    fn start(dir: &Path) -> Self {
        let (reader, stdout) = std::io::pipe().expect("a pipe");
        let log = Arc::new(LogWriter::new(dir, LIMITS));
        let copying = std::thread::spawn(move || copy(&log, reader));
        Self { stdout, copying, written_bytes: 0 }
    }

    /// Writes so many lines. That fails, or never returns, if nobody reads the pipe.
    fn write(&mut self, text: &str, lines: u32) {
        for _ in 0..lines {
            self.stdout.write_all(text.as_bytes()).expect("somebody reads the pipe");
            self.written_bytes += text.len() as u64;
        }
    }

    /// Ends the container; returns how much it has written.
    fn end(self) -> u64 {
        drop(self.stdout);
        self.copying.join().expect("copying does not panic").expect("the pipe can be read");
        self.written_bytes
    }
}

/// The pieces of a log, and the number of bytes that it says are lost.
fn read(dir: &Path) -> (Vec<Piece>, u64) {
    let mut reader = LogReader::open(dir).expect("the log exists");
    let pieces: Vec<Piece> =
        std::iter::from_fn(|| reader.next_piece().expect("the log can be read")).collect();
    let lost = |piece: &Piece| -> Option<u64> {
        piece.text.strip_prefix("dsbuild: ")?.split(' ').next()?.parse().ok()
    };
    let lost_bytes = pieces.iter().filter(|piece| piece.stream == STDERR).filter_map(lost).sum();
    (pieces.into_iter().filter(|piece| piece.stream == STDOUT).collect(), lost_bytes)
}

fn wait_for_pieces(dir: &Path, count: usize) {
    for _ in 0..1000 {
        if read(dir).0.len() == count {
            return;
        }
        std::thread::sleep(Duration::from_millis(10));
    }
    panic!("the log does not get {count} pieces");
}

#[test]
fn helper_writes_on_a_full_disk() {
    let Some(root) = helper_root() else { return };
    let mut container = Container::start(&root);
    container.write("before\n", 100);
    wait_for_pieces(&root, 100);
    fill_disk(&root.join("filler"));
    // Far more than a pipe holds.
    container.write("a line that the log has no room for\n", 20_000);
    fs::remove_file(root.join("filler")).expect("removed");
    container.write("after\n", 3);
    let written_bytes = container.end();
    let (pieces, lost_bytes) = read(&root);
    let kept_bytes: u64 = pieces.iter().map(|piece| piece.text.len() as u64).sum();
    assert!(lost_bytes > 0 && kept_bytes + lost_bytes == written_bytes, "{kept_bytes}, {lost_bytes}");
    assert!(pieces[..100].iter().all(|piece| piece.text == "before\n"));
    assert!(pieces[pieces.len() - 3..].iter().all(|piece| piece.text == "after\n"));
}

#[test]
fn privileged_a_full_disk_does_not_disturb_the_container() {
    run_helper_on_tmpfs("log::helper_writes_on_a_full_disk", "256k");
}

#[test]
fn helper_begins_a_segment_on_a_full_disk() {
    let Some(root) = helper_root() else { return };
    let line = format!("{{\"t\":1,\"s\":1,\"d\":\"{}\"}}\n", "x".repeat(10_000));
    let mut log = File::create(root.join("log")).expect("a log");
    for _ in 0..LIMITS.max_segment_bytes / line.len() as u64 {
        log.write_all(line.as_bytes()).expect("room for a log");
    }
    fill_disk(&root.join("filler"));
    let mut container = Container::start(&root);
    let long_line = format!("{}\n", "y".repeat(60_000));
    container.write(&long_line, 50);
    fs::remove_file(root.join("filler")).expect("removed");
    // The writer does not try again at once.
    std::thread::sleep(Duration::from_millis(1100));
    container.write(&long_line, 1);
    container.write("after\n", 1);
    container.end();
    let (pieces, lost_bytes) = read(&root);
    assert!(lost_bytes > 0 && pieces.last().is_some_and(|piece| piece.text == "after\n"));
    assert!(root.join("log.1").exists(), "a segment was begun");
}

#[test]
fn privileged_a_segment_begins_when_there_is_room_again() {
    run_helper_on_tmpfs("log::helper_begins_a_segment_on_a_full_disk", "4m");
}
