//! One target of a bake, built by a process of its own: a build changes the namespaces of its process.

use std::collections::BTreeMap;
use std::io::Write;
use std::path::PathBuf;
use std::process::{Command, Stdio};

use bake::Plan;
use clap::ValueEnum;
use cli::bake::BakeArgs;
use serde_json::Value;

use crate::failure::Failure;

/// Result of a build.
pub struct Done {
    /// Exit code of the build.
    pub code: u8,
    /// ID of the image; empty without an image.
    pub id: String,
    /// Digests and names of the result; null without a result.
    pub metadata: Value,
}

/// Builds a target. `ids` are the images of the targets before it.
pub fn build(
    name: &str,
    plan: &Plan,
    args: &BakeArgs,
    ids: &BTreeMap<&str, String>,
) -> Result<Done, Failure> {
    let mut target = plan.targets[name].clone();
    for context in target.contexts.values_mut() {
        if let Some(id) = context.strip_prefix("target:").and_then(|other| ids.get(other)) {
            *context = format!("docker-image://{id}");
        }
    }
    let is_used = plan
        .targets
        .values()
        .any(|one| one.contexts.values().any(|context| *context == format!("target:{name}")));
    if is_used {
        // The image stays in the store, from which the targets that use it take it.
        target.output.retain(|output| output.get("type") != Some(&Value::from("cacheonly")));
    }
    let files = ResultFiles::new()?;
    let mut command = Command::new(std::env::current_exe()?);
    command.arg("build").args(flags(args, &files)).args(target.arguments());
    let status = match &target.dockerfile_inline {
        None => command.status()?,
        Some(text) => {
            let mut child = command.stdin(Stdio::piped()).spawn()?;
            let stdin = child.stdin.take();
            // A build that fails early reads nothing; its exit code says why.
            let _ = stdin.map(|mut stdin| stdin.write_all(text.as_bytes()));
            child.wait()?
        }
    };
    let code = status.code().and_then(|code| u8::try_from(code).ok()).unwrap_or(1);
    Ok(Done { code, id: files.id(), metadata: files.metadata() })
}

/// Returns the flags of every target.
fn flags(args: &BakeArgs, files: &ResultFiles) -> Vec<String> {
    let mut flags = Vec::new();
    let switches =
        [("no-cache", args.no_cache), ("pull", args.pull), ("push", args.push), ("check", args.check)];
    flags.extend(switches.iter().filter(|(_, is_set)| *is_set).map(|(name, _)| format!("--{name}")));
    for (name, value) in [("call", &args.call), ("sbom", &args.sbom), ("provenance", &args.provenance)] {
        flags.extend(value.iter().map(|value| format!("--{name}={value}")));
    }
    flags.extend(args.allow.iter().map(|value| format!("--allow={value}")));
    let progress = args.progress.and_then(|mode| mode.to_possible_value());
    flags.extend(progress.map(|mode| format!("--progress={}", mode.get_name())));
    if args.call.is_none() && !args.check {
        flags.push(format!("--iidfile={}", files.id.display()));
        if args.metadata_file.is_some() {
            flags.push(format!("--metadata-file={}", files.metadata.display()));
        }
    }
    flags
}

/// Files in which a build leaves its results, in a directory that is removed afterwards.
struct ResultFiles {
    dir: PathBuf,
    id: PathBuf,
    metadata: PathBuf,
}

impl ResultFiles {
    fn new() -> Result<Self, Failure> {
        let dir = crate::environment::socket_folder().join(format!("dsbuild-bake-{}", std::process::id()));
        std::fs::create_dir_all(&dir)?;
        Ok(Self { id: dir.join("id"), metadata: dir.join("metadata.json"), dir })
    }

    fn id(&self) -> String {
        std::fs::read_to_string(&self.id).unwrap_or_default().trim().to_owned()
    }

    fn metadata(&self) -> Value {
        let text = std::fs::read_to_string(&self.metadata).unwrap_or_default();
        serde_json::from_str(&text).unwrap_or_default()
    }
}

impl Drop for ResultFiles {
    fn drop(&mut self) {
        // Nothing else is in the directory.
        let _ = std::fs::remove_dir_all(&self.dir);
    }
}
