//! The syntax tree: stages and instructions with their types and the lines they span.
//!
//! All texts are as written in the Dockerfile. Their variables, quotes and escapes are processed later, by
//! [`crate::expand`].

use serde::Serialize;

/// A range of lines of the file. Line numbers start at 1, and both ends are included.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
pub struct Span {
    /// Number of the first line.
    pub start_line: u32,
    /// Number of the last line, including continuation lines and heredoc bodies.
    pub end_line: u32,
}

/// A parsed Dockerfile: its directives and stages.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Dockerfile {
    /// Settings from the parser directives at the top.
    pub directives: Directives,
    /// ARG instructions before the first FROM.
    pub globals: Vec<Instruction>,
    /// Stages in order; empty if the file has only ARG instructions.
    pub stages: Vec<Stage>,
    /// Irregularities of the text, which build checks report.
    pub notices: Vec<Notice>,
}

/// Parser directives: `# key=value` lines at the top of the file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Directives {
    /// `escape`: the escape character, a backslash by default or a backtick.
    pub escape: char,
    /// `syntax`: name of the frontend image, and anything after it on the line.
    pub syntax: Option<String>,
    /// Line of the `syntax` directive, counted from 1; `None` if there is none.
    pub syntax_line: Option<u32>,
    /// `check`: settings of the build checks, as in `skip=all`.
    pub check: Option<String>,
}

/// A stage: FROM and the instructions up to the next FROM.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stage {
    /// Name after AS, in lower case; `None` without AS.
    pub name: Option<String>,
    /// Name after AS as written, for the build checks.
    pub name_as_written: Option<String>,
    /// Name of the base image or of an earlier stage, not expanded.
    pub base: String,
    /// --platform: platform of the base image, not expanded.
    pub platform: Option<String>,
    /// The FROM instruction; its `kind` is [`Kind::From`].
    pub from: Instruction,
    /// The instructions after FROM, in order.
    pub instructions: Vec<Instruction>,
}

impl Stage {
    /// Returns the description of the stage from the comments above FROM, as in `# name text`.
    ///
    /// Returns `None` if the stage has no name, or no comment begins with it.
    pub fn description(&self) -> Option<&str> {
        self.from.description(self.name.as_deref()?)
    }
}

/// An instruction of a stage, or an ARG before the first stage.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Instruction {
    /// Keyword as written (`RUN`, `Run`, `run`), for the build checks.
    pub keyword: String,
    /// Keyword and arguments with their types.
    pub kind: Kind,
    /// Flags in order, with quotes and escapes removed: `--from=build`.
    pub flags: Vec<String>,
    /// The logical line: keyword, flags and arguments with continuation lines joined, without heredoc bodies.
    pub text: String,
    /// Lines of the instruction, including the bodies of its heredocs.
    pub span: Span,
    /// Heredocs in order; only RUN, COPY and ADD can have some.
    pub heredocs: Vec<Heredoc>,
    /// Comment lines directly above, without `#` and the blanks around the text.
    pub comments: Vec<String>,
}

impl Instruction {
    /// Returns the description of `name` from the comments above the instruction, as in `# name text`.
    pub fn description(&self, name: &str) -> Option<&str> {
        let mut comments = self.comments.iter();
        comments.find_map(|comment| Some(comment.strip_prefix(name)?.strip_prefix(' ')?.trim()))
    }
}

/// A heredoc: the word that starts it, and its body.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Heredoc {
    /// Delimiter without its quotes.
    pub name: String,
    /// File descriptor before `<<`, as in `3<<EOF`.
    pub file_descriptor: Option<u32>,
    /// Whether variables in the content are expanded; false if any part of the delimiter is quoted.
    pub expand: bool,
    /// Whether leading tabs are removed from the content, as `<<-` asks for.
    pub chomp: bool,
    /// Lines of the body as written, with their tabs.
    pub content: String,
}

/// The keyword of an instruction, and its arguments in the form that the keyword requires.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Kind {
    /// ADD: copies local files, downloads or git repositories into the image.
    Add(Copy),
    /// ARG: defines build arguments.
    Arg(Vec<ArgDefinition>),
    /// CMD: sets the default command of the image, or its default arguments.
    Cmd(Command),
    /// COPY: copies files of the context, a stage or an image into the image.
    Copy(Copy),
    /// ENTRYPOINT: sets the program that containers run.
    Entrypoint(Command),
    /// ENV: sets environment variables of the image.
    Env(Pairs),
    /// EXPOSE: declares ports, one in each word.
    Expose(Vec<String>),
    /// FROM: starts a stage; its arguments are in [`Stage`].
    From,
    /// HEALTHCHECK: sets or removes the health check of the image.
    Healthcheck(Healthcheck),
    /// LABEL: adds metadata to the image.
    Label(Pairs),
    /// MAINTAINER: sets the author of the image (deprecated).
    Maintainer(String),
    /// ONBUILD: adds a trigger, whose text is as in the image config, with heredoc bodies appended.
    Onbuild(String),
    /// RUN: runs a command in the image.
    Run(Run),
    /// SHELL: sets the shell of shell-form commands.
    Shell(Vec<String>),
    /// STOPSIGNAL: sets the signal that stops a container.
    Stopsignal(String),
    /// USER: sets the user, and optionally the group, of processes.
    User(String),
    /// VOLUME: declares paths of volumes, one in each word.
    Volume(Vec<String>),
    /// WORKDIR: sets the working directory.
    Workdir(String),
}

/// A build argument that ARG defines: `NAME` or `NAME=default`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ArgDefinition {
    /// Name of the build argument.
    pub name: String,
    /// Default value, not expanded; `None` for `NAME`, empty for `NAME=`.
    pub default: Option<String>,
}

/// Names and values of ENV or LABEL.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pairs {
    /// Names and values in order, not expanded.
    pub pairs: Vec<(String, String)>,
    /// Whether the instruction has the legacy form `ENV name value`.
    pub legacy: bool,
}

/// The command of RUN, CMD, ENTRYPOINT or HEALTHCHECK.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Command {
    /// Exec form: program and arguments, from a JSON array.
    Exec(Vec<String>),
    /// Shell form: a text that the shell runs.
    Shell(String),
}

/// The arguments of RUN.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Run {
    /// The command, without the heredoc bodies in [`Instruction::heredocs`].
    pub command: Command,
    /// --mount: the values in order, not expanded; [`crate::mount`] parses them.
    pub mounts: Vec<String>,
    /// --network: `default`, `none` or `host`.
    pub network: Option<String>,
    /// --security: `sandbox` or `insecure`.
    pub security: Option<String>,
    /// --device: devices of the machine that the command gets, in order.
    pub devices: Vec<Device>,
}

/// A device of the machine that RUN requests.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Device {
    /// CDI name as written: `vendor/class=name`, or `vendor/class` alone.
    pub name: String,
    /// Whether RUN fails on a machine that does not have the device.
    pub required: bool,
}

/// The arguments of COPY or ADD.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Copy {
    /// Sources as written; a heredoc appears as its marker, `<<EOF`.
    pub sources: Vec<String>,
    /// Path in the image that the sources are copied to.
    pub destination: String,
    /// --from, COPY only: stage, named context or image to copy from.
    pub from: Option<String>,
    /// --chown: owner of the copied files, `user[:group]`.
    pub chown: Option<String>,
    /// --chmod: permissions of the copied files, octal or symbolic.
    pub chmod: Option<String>,
    /// --link: whether the files become a layer that is independent of the layers below.
    pub link: bool,
    /// --parents, COPY only: whether the parent directories of sources are kept.
    pub parents: bool,
    /// --exclude: patterns of files that are not copied, in order.
    pub excludes: Vec<String>,
    /// --checksum, ADD only: digest or commit that the source must have.
    pub checksum: Option<String>,
    /// --keep-git-dir, ADD only: whether the `.git` directory of a repository is kept; `None` without the flag.
    pub keep_git_dir: Option<bool>,
    /// --unpack, ADD only: whether archives are unpacked; `None` without the flag.
    pub unpack: Option<bool>,
}

/// The arguments of HEALTHCHECK.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Healthcheck {
    /// `HEALTHCHECK NONE`: removes the health check of the base image.
    None,
    /// `HEALTHCHECK CMD`: a command that checks the container. Flags that are absent are 0.
    Cmd {
        /// Command that exits with 0 while the container is healthy.
        command: Command,
        /// --interval: time between two checks, in nanoseconds.
        interval_ns: i64,
        /// --timeout: time after which a check counts as failed, in nanoseconds.
        timeout_ns: i64,
        /// --start-period: time after the start in which failures do not count, in nanoseconds.
        start_period_ns: i64,
        /// --start-interval: time between two checks in the start period, in nanoseconds.
        start_interval_ns: i64,
        /// --retries: number of consecutive failures that make the container unhealthy.
        retries: i64,
    },
}

/// An irregularity of the text that is not an error.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Notice {
    /// Kind of the irregularity, with its details.
    pub kind: NoticeKind,
    /// Lines of the instruction in question.
    pub span: Span,
}

/// The kind of an irregularity.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum NoticeKind {
    /// There is a blank line between the continuation lines of an instruction.
    EmptyContinuation,
    /// AS and FROM are written in different cases.
    FromAsCasing {
        /// The word FROM as written.
        from: String,
        /// The word AS as written.
        as_word: String,
    },
}
