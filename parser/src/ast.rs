//! What a Dockerfile says: typed instructions with the lines they stand on.
//!
//! Nothing here is expanded: variables, quotes and escapes are as written (see [`crate::expand`]).

use serde::Serialize;

/// Lines of the file, from 1; the end is included.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
pub struct Span {
    /// The first line.
    pub start_line: u32,
    /// The last line: continuation lines and heredocs included.
    pub end_line: u32,
}

/// A whole file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Dockerfile {
    /// What stands above the first instruction.
    pub directives: Directives,
    /// The ARGs before the first FROM.
    pub globals: Vec<Instruction>,
    /// In order; empty if there is nothing but ARGs.
    pub stages: Vec<Stage>,
    /// Oddities of the text that no instruction can tell: places for the build checks.
    pub notices: Vec<Notice>,
}

/// Parser directives: `# key=value` lines at the top.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Directives {
    /// The escape character: `\` or a backtick.
    pub escape: char,
    /// `syntax`, the whole value.
    pub syntax: Option<String>,
    /// `check`, the whole value.
    pub check: Option<String>,
}

/// A FROM and what follows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stage {
    /// Lower-cased name after AS.
    pub name: Option<String>,
    /// The name as written, for the checks.
    pub name_as_written: Option<String>,
    /// The base, unexpanded.
    pub base: String,
    /// `--platform`, unexpanded.
    pub platform: Option<String>,
    /// The FROM itself: its `kind` is [`Kind::From`].
    pub from: Instruction,
    /// The other instructions, in order.
    pub instructions: Vec<Instruction>,
}

impl Stage {
    /// What the comments above say the stage is: the text behind its name, where one begins with that.
    pub fn description(&self) -> Option<&str> {
        self.from.description(self.name.as_deref()?)
    }
}

/// One instruction.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Instruction {
    /// The keyword as written, for the checks (`Run`, `RUN`, `run`).
    pub keyword: String,
    /// What it says.
    pub kind: Kind,
    /// The flags as written but without quotes and escapes, in order.
    pub flags: Vec<String>,
    /// The logical line: keyword and text, continuation lines joined, without heredoc bodies.
    pub text: String,
    /// Where it stands.
    pub span: Span,
    /// The bodies of its heredocs, in order (RUN, COPY, ADD).
    pub heredocs: Vec<Heredoc>,
    /// The comment lines right above it, without `#` and the blank after it.
    pub comments: Vec<String>,
}

impl Instruction {
    /// What the comments above say about `name`, which one of them begins with: `# name text`.
    pub fn description(&self, name: &str) -> Option<&str> {
        let mut comments = self.comments.iter();
        comments.find_map(|comment| Some(comment.strip_prefix(name)?.strip_prefix(' ')?.trim()))
    }
}

/// The body of `<<NAME`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Heredoc {
    /// The delimiter, without quotes.
    pub name: String,
    /// The number before `<<`, if any (`3<<EOF`).
    pub file_descriptor: Option<u32>,
    /// False if any part of the delimiter was quoted.
    pub expand: bool,
    /// True for `<<-`.
    pub chomp: bool,
    /// What stands between, before tabs are chomped.
    pub content: String,
}

/// What an instruction says. Texts are unexpanded.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Kind {
    /// ADD.
    Add(Copy),
    /// ARG; in order.
    Arg(Vec<ArgDefinition>),
    /// CMD.
    Cmd(Command),
    /// COPY.
    Copy(Copy),
    /// ENTRYPOINT.
    Entrypoint(Command),
    /// ENV; in order.
    Env(Pairs),
    /// EXPOSE: the words.
    Expose(Vec<String>),
    /// FROM; its parts are in [`Stage`].
    From,
    /// HEALTHCHECK.
    Healthcheck(Healthcheck),
    /// LABEL; in order.
    Label(Pairs),
    /// MAINTAINER.
    Maintainer(String),
    /// ONBUILD: the trigger's text, as the image config holds it (heredocs appended).
    Onbuild(String),
    /// RUN.
    Run(Run),
    /// SHELL.
    Shell(Vec<String>),
    /// STOPSIGNAL.
    Stopsignal(String),
    /// USER.
    User(String),
    /// VOLUME: the words.
    Volume(Vec<String>),
    /// WORKDIR.
    Workdir(String),
}

/// `NAME` or `NAME=default`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ArgDefinition {
    /// The name.
    pub name: String,
    /// The default, raw; `Some("")` for `NAME=`.
    pub default: Option<String>,
}

/// Names and values of ENV and LABEL.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pairs {
    /// Name and value, raw, in order.
    pub pairs: Vec<(String, String)>,
    /// True for `ENV name value`.
    pub legacy: bool,
}

/// The command of RUN, CMD, ENTRYPOINT and HEALTHCHECK.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Command {
    /// A JSON array.
    Exec(Vec<String>),
    /// Text for the shell.
    Shell(String),
}

/// RUN.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Run {
    /// The command; heredoc bodies are in [`Instruction::heredocs`].
    pub command: Command,
    /// The values of `--mount`, raw, in order.
    pub mounts: Vec<String>,
    /// `--network`.
    pub network: Option<String>,
    /// `--security`.
    pub security: Option<String>,
    /// `--device`, in order.
    pub devices: Vec<Device>,
}

/// A device of the machine that a RUN is to have.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Device {
    /// `vendor/class=name`, as written.
    pub name: String,
    /// Without it the RUN fails.
    pub required: bool,
}

/// COPY and ADD.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Copy {
    /// The sources as written; a heredoc stands as its word, `<<EOF`.
    pub sources: Vec<String>,
    /// The destination.
    pub destination: String,
    /// `--from` (COPY).
    pub from: Option<String>,
    /// `--chown`.
    pub chown: Option<String>,
    /// `--chmod`.
    pub chmod: Option<String>,
    /// `--link`.
    pub link: bool,
    /// `--parents` (COPY).
    pub parents: bool,
    /// The values of `--exclude`, in order.
    pub excludes: Vec<String>,
    /// `--checksum` (ADD).
    pub checksum: Option<String>,
    /// `--keep-git-dir` (ADD); `None` if not given.
    pub keep_git_dir: Option<bool>,
    /// `--unpack` (ADD); `None` if not given.
    pub unpack: Option<bool>,
}

/// HEALTHCHECK; times in nanoseconds, 0 where not given.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Healthcheck {
    /// `NONE`.
    None,
    /// `CMD`.
    Cmd {
        /// What is run.
        command: Command,
        /// `--interval`.
        interval_ns: i64,
        /// `--timeout`.
        timeout_ns: i64,
        /// `--start-period`.
        start_period_ns: i64,
        /// `--start-interval`.
        start_interval_ns: i64,
        /// `--retries`.
        retries: i64,
    },
}

/// An oddity of the text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Notice {
    /// What it is.
    pub kind: NoticeKind,
    /// Where.
    pub span: Span,
}

/// Which oddity.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum NoticeKind {
    /// A blank line inside a continued instruction; the span is the instruction's.
    EmptyContinuation,
    /// AS and FROM are written in different cases.
    FromAsCasing {
        /// The keyword as written.
        from: String,
        /// The word as written.
        as_word: String,
    },
}
