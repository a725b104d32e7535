//! Relative paths in a tree: they begin at the directory of the project.

use std::path::{Path, PathBuf};

use crate::ComposeError;
use crate::files::{Files, join};
use crate::node::{Node, Value};
use crate::path::TreePath;

/// Directories that relative paths begin at, and access to symlinks.
pub(crate) struct Base<'a> {
    /// Directory of the project or of the included file.
    pub(crate) dir: &'a Path,
    /// Directory that `~` stands for, if it is known.
    pub(crate) home: Option<&'a Path>,
    /// File system on which symlinks are resolved.
    pub(crate) files: &'a dyn Files,
}

/// Paths that stay empty if they are.
const OPTIONAL: &[&str] = &[
    "services.*.env_file.*.path",
    "services.*.label_file.*",
    "services.*.extends.file",
    "services.*.build.context",
    "services.*.build.additional_contexts.*",
];

/// Paths for which an empty text stands for the directory.
const PATHS: &[&str] = &["services.*.build.ssh.*", "configs.*.file", "secrets.*.file"];

const CONTEXTS: &[&str] = &["services.*.build.context", "services.*.build.additional_contexts.*"];

impl Base<'_> {
    /// Makes all paths of a tree absolute.
    pub(crate) fn resolve(&self, node: &mut Node) -> Result<(), ComposeError> {
        self.walk(node, &TreePath::default())
    }

    fn walk(&self, node: &mut Node, path: &TreePath) -> Result<(), ComposeError> {
        if path.matches("services.*.volumes.*") {
            return self.mount(node, path);
        }
        if path.matches("volumes.*") {
            self.volume(node);
            return Ok(());
        }
        match &mut node.value {
            Value::Map(map) => map.iter_mut().try_for_each(|(key, value)| self.walk(value, &path.key(key))),
            Value::List(items) => {
                items.iter_mut().enumerate().try_for_each(|(index, item)| self.walk(item, &path.index(index)))
            }
            Value::Text(text) => {
                let is_skipped = text.is_empty() || path.matches_any(CONTEXTS) && is_remote(text);
                if path.matches_any(PATHS) || (path.matches_any(OPTIONAL) && !is_skipped) {
                    *text = self.absolute(text);
                } else if path.matches("services.*.develop.watch.*.path") {
                    let resolved = self.files.resolve_symlink(Path::new(&self.absolute(text)));
                    *text = resolved.to_string_lossy().into_owned();
                }
                Ok(())
            }
            _ => Ok(()),
        }
    }

    /// Returns the absolute form of a path. Paths that are absolute stay as they are, also those of Windows.
    pub(crate) fn absolute(&self, path: &str) -> String {
        let path = self.expand_home(path);
        if path.starts_with('/') || is_windows_absolute(&path) {
            return path;
        }
        join(self.dir, &path).to_string_lossy().into_owned()
    }

    fn expand_home(&self, path: &str) -> String {
        match (path.strip_prefix('~'), self.home) {
            (Some(rest), Some(home)) => {
                join(home, rest.trim_start_matches('/')).to_string_lossy().into_owned()
            }
            _ => path.to_owned(),
        }
    }

    fn mount(&self, node: &mut Node, path: &TreePath) -> Result<(), ComposeError> {
        if node.get("type").and_then(Node::as_text) != Some("bind") {
            return Ok(());
        }
        let at = node.at.clone();
        match node.as_map_mut().and_then(|keys| keys.get_mut("source")) {
            Some(Node { value: Value::Text(source), .. }) => {
                *source = self.absolute(source);
                Ok(())
            }
            _ => Err(ComposeError::value(&at, path, "a bind mount needs the key \"source\"")),
        }
    }

    /// Resolves the device of a volume that is a bind mount.
    fn volume(&self, node: &mut Node) {
        if node.get("driver").and_then(Node::as_text) != Some("local") {
            return;
        }
        let Some(options) = node.as_map_mut().and_then(|keys| keys.get_mut("driver_opts")) else { return };
        if options.get("o").and_then(Node::as_text) != Some("bind") {
            return;
        }
        if let Some(Node { value: Value::Text(device), .. }) =
            options.as_map_mut().and_then(|options| options.get_mut("device"))
        {
            *device = self.absolute(device);
        }
    }
}

/// Reports whether a context is fetched, or is that of another service.
fn is_remote(context: &str) -> bool {
    let prefixes = ["https://", "http://", "git://", "ssh://", "github.com/", "git@", "service:"];
    context.contains("://") || prefixes.iter().any(|prefix| context.starts_with(prefix))
}

/// Reports whether a path is absolute on Windows: `C:\x`, `C:/x` or `\\server\x`.
fn is_windows_absolute(path: &str) -> bool {
    let bytes = path.as_bytes();
    let has_drive = bytes.len() > 2
        && bytes[0].is_ascii_alphabetic()
        && bytes[1] == b':'
        && matches!(bytes[2], b'\\' | b'/');
    has_drive || path.starts_with(r"\\")
}

/// Returns the directory of a file.
pub(crate) fn parent(file: &Path) -> PathBuf {
    file.parent().map_or_else(|| PathBuf::from("/"), Path::to_owned)
}

/// Returns the name of a file in messages: relative to the project if it lies below it.
pub(crate) fn display(file: &Path, dir: &Path) -> String {
    file.strip_prefix(dir).unwrap_or(file).display().to_string()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::files::Disk;

    #[test]
    fn relative_paths_begin_at_the_directory() {
        let base = Base { dir: Path::new("/work"), home: Some(Path::new("/home/me")), files: &Disk };
        let check = |path: &str, expected: &str| assert_eq!(base.absolute(path), expected, "{path}");
        check("./a/../b", "/work/b");
        check("../b", "/b");
        check("~/b", "/home/me/b");
        check("/a/../b", "/a/../b");
        check(r"C:\x", r"C:\x");
        check("", "/work");
    }

    #[test]
    fn only_values_that_are_paths_are_resolved() {
        let text = "services: {a: {image: ./x, build: {context: ., additional_contexts: {b: 'service:b', c: ../c}},\
                    volumes: [{type: bind, source: d}, {type: volume, source: d}]}}";
        let mut root = crate::yaml::parse(text, "c.yaml").unwrap().remove(0).root;
        Base { dir: Path::new("/work"), home: None, files: &Disk }.resolve(&mut root).unwrap();
        let service = serde_json::Value::from(&root)["services"]["a"].clone();
        let expected = serde_json::json!({
            "image": "./x",
            "build": {"context": "/work", "additional_contexts": {"b": "service:b", "c": "/c"}},
            "volumes": [{"type": "bind", "source": "/work/d"}, {"type": "volume", "source": "d"}],
        });
        assert_eq!(service, expected);
    }
}
