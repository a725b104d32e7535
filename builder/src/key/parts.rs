//! A key taken apart: what of the operation and its inputs it covers.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use cache::{StepKey, hashed_name};
use graph::{ContentHash, CopySource, Exec, ExecMount, FileAction, MountKind, Op, Step};

use super::Part;

/// Changes whenever an encoding does, so that records of older versions are never found.
const VERSION: &str = "dsbuild key 2";

/// Texts longer than this are cut in records.
const MAX_TEXT_BYTES: usize = 200;

/// Separates the text of a value in a record from its hash.
const HASH_SEPARATOR: char = '\u{1f}';

/// The parts of one key.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Parts(BTreeMap<Part, Value>);

/// Value of a part.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Value {
    /// A text, which is hashed as it is shown.
    Text(String),
    /// Anything else: what is hashed, and how it is shown.
    Encoded {
        /// Canonical encoding of the value, which is hashed.
        bytes: Vec<u8>,
        /// Text for people, which need not be unambiguous.
        text: String,
    },
}

impl Parts {
    /// Returns the parts that come from the operation itself, without its inputs.
    pub fn of(step: &Step) -> Self {
        let mut parts = Self::default();
        match &step.op {
            Op::Exec(exec) => {
                parts.add(Part::Platform, step.platform.to_string());
                parts.add_exec(exec);
            }
            Op::File(op) => {
                for (index, action) in op.actions.iter().enumerate() {
                    parts.add_encoded(Part::Action(index), action, shown_action(action));
                }
            }
            // Sources and merges are not looked up: what they are shows in their layers.
            Op::Source(_) | Op::Merge => {}
        }
        parts
    }

    /// Adds a part whose value is a text.
    pub fn add(&mut self, part: Part, text: String) {
        self.0.insert(part, Value::Text(text));
    }

    /// Adds a part that covers `value` and is shown as `text`.
    pub fn add_encoded(&mut self, part: Part, value: &impl ContentHash, text: String) {
        self.0.insert(part, Value::Encoded { bytes: value.encoded(), text });
    }

    /// Takes one part over from another key, if it has it.
    pub fn add_from(&mut self, other: &Self, part: Part) {
        if let Some(value) = other.0.get(&part) {
            self.0.insert(part, value.clone());
        }
    }

    /// Adds a part for each field of a process. The inputs (root, files of mounts) are parts of their own, and proxy
    /// variables are no part.
    fn add_exec(&mut self, exec: &Exec) {
        let Exec {
            args,
            env,
            proxy_env: _,
            cwd,
            user,
            hostname,
            hosts,
            root: _,
            mounts,
            secret_env,
            network,
            security,
            shm_size_bytes,
            ulimits,
            devices,
        } = exec;
        self.add_encoded(Part::Args, args, args.join(" "));
        for variable in env {
            let (name, value) = variable.split_once('=').unwrap_or_default();
            self.add(Part::Env(name.to_owned()), value.to_owned());
        }
        self.add(Part::WorkingDir, cwd.clone());
        self.add(Part::User, user.clone());
        self.add(Part::Hostname, hostname.clone());
        // Addresses differ between machines, and no result should depend on them.
        let hosts: Vec<String> = hosts.iter().map(|(name, _)| name.clone()).collect();
        self.add_encoded(Part::Hosts, &hosts, hosts.join(" "));
        for mount in mounts {
            self.add_encoded(Part::Mount(mount.target.clone()), mount, shown_mount(mount));
        }
        let variables: Vec<&str> = secret_env.iter().map(|secret| secret.variable.as_str()).collect();
        self.add_encoded(Part::SecretEnv, secret_env, variables.join(" "));
        self.add_encoded(Part::Network, network, format!("{network:?}").to_lowercase());
        self.add_encoded(Part::Security, security, format!("{security:?}").to_lowercase());
        let shm_size = shm_size_bytes.map_or_else(|| "default".to_owned(), |bytes| bytes.to_string());
        self.add_encoded(Part::ShmSize, shm_size_bytes, shm_size);
        let limits: Vec<String> =
            ulimits.iter().map(|limit| format!("{}={}:{}", limit.name, limit.soft, limit.hard)).collect();
        self.add_encoded(Part::Ulimits, ulimits, limits.join(" "));
        let names: Vec<&str> = devices.iter().map(|device| device.name.as_str()).collect();
        self.add_encoded(Part::Devices, devices, names.join(" "));
    }

    /// Returns the hash of all parts: for each its encoding and the length and bytes of its value.
    pub fn key(&self) -> StepKey {
        let mut bytes = VERSION.encoded();
        for (part, value) in &self.0 {
            part.encode(&mut bytes);
            match value {
                Value::Text(text) => text.encode(&mut bytes),
                Value::Encoded { bytes: value, .. } => {
                    value.len().encode(&mut bytes);
                    bytes.extend_from_slice(value);
                }
            }
        }
        StepKey::of(&bytes)
    }

    /// Returns the parts as a record keeps them, so that a later miss can be explained: each by its name, with a short
    /// text and, where the text is not all of it, a hash.
    pub fn for_record(&self) -> BTreeMap<String, String> {
        self.0.iter().map(|(part, value)| (part.to_string(), value.for_record())).collect()
    }
}

impl Value {
    fn for_record(&self) -> String {
        match self {
            Self::Text(text) if text.len() <= MAX_TEXT_BYTES => text.clone(),
            Self::Text(text) => with_hash(text, text.as_bytes()),
            Self::Encoded { bytes, text } => with_hash(text, bytes),
        }
    }
}

fn with_hash(text: &str, hashed: &[u8]) -> String {
    let end = text.floor_char_boundary(MAX_TEXT_BYTES);
    let dots = if end < text.len() { "…" } else { "" };
    format!("{}{dots}{HASH_SEPARATOR}{}", &text[..end], hashed_name(hashed))
}

/// Returns the text of a value in a record, without the hash.
pub fn shown_value(recorded: &str) -> &str {
    recorded.split_once(HASH_SEPARATOR).map_or(recorded, |(text, _)| text)
}

/// Describes a change to files in the words of its instruction.
fn shown_action(action: &FileAction) -> String {
    match action {
        FileAction::Mkdir { path, .. } => format!("WORKDIR {path}"),
        FileAction::Copy(copy) => {
            let mut text = "copy".to_owned();
            for (flag, is_set) in
                [("--link", copy.link), ("--parents", copy.parents), ("--unpack", copy.unpack)]
            {
                if is_set {
                    write!(text, " {flag}").expect("written to memory");
                }
            }
            if let Some(owner) = &copy.owner {
                write!(text, " --chown={owner}").expect("written to memory");
            }
            let source = match &copy.from {
                CopySource::Input { as_written, .. } => as_written.clone(),
                CopySource::Text { name, .. } => format!("<<{name}"),
            };
            write!(text, " {source} {}", copy.destination).expect("written to memory");
            text
        }
    }
}

fn shown_mount(mount: &ExecMount) -> String {
    let kind = match mount.kind {
        MountKind::Bind { .. } => "bind",
        MountKind::Cache { .. } => "cache",
        MountKind::Tmpfs { .. } => "tmpfs",
        MountKind::Secret { .. } => "secret",
        MountKind::Ssh { .. } => "ssh",
        MountKind::Script { .. } => "script",
    };
    format!("type={kind}{}", if mount.read_only { ",readonly" } else { "" })
}
