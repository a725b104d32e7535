//! `registries.conf`, by which podman and other programs of containers-tools are told about registries: version 2.
//!
//! ```toml
//! [[registry]]
//! prefix = "docker.io/library"            # images that the entry is for; without one those below `location`
//! location = "reg.example:5000/hub"       # where they are: docker.io/library/x -> reg.example:5000/hub/x
//! insecure = true                         # unverified TLS, or plain HTTP
//! blocked = true                          # nothing is pulled from there or pushed there
//!
//! [[registry.mirror]]                     # asked first, in this order
//! location = "mirror.example/hub"
//! ```
//!
//! The entry with the longest prefix counts. A drop-in replaces the entry with the same prefix. As with podman, pushes go
//! to the registry in the name: `location` and mirrors are for pulls.
//!
//! `unqualified-search-registries` has no effect: a name without a registry is one of Docker Hub, as for docker. Other
//! settings are left out as well.
//!
//! Source: containers-registries.conf(5), containers-registries.conf.d(5).

use std::fs::{self, File};
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use oci::Reference;
use serde::Deserialize;

/// Largest file that is read.
const MAX_FILE_BYTES: u64 = 1 << 20;

/// Places of the configuration; all can be missing.
#[derive(Debug, Clone, Default)]
pub struct RegistriesFiles {
    /// Path of the file `registries.conf`, if the machine or the user has one.
    pub file: Option<PathBuf>,
    /// Directories with drop-ins `*.conf`; later directories win.
    pub drop_ins: Vec<PathBuf>,
}

/// Settings of all registries.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct RegistriesConf {
    entries: Vec<RegistryEntry>,
}

/// Settings of the images below one prefix.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) struct RegistryEntry {
    #[serde(default)]
    prefix: String,
    #[serde(default)]
    location: String,
    #[serde(default)]
    pub insecure: bool,
    #[serde(default)]
    pub blocked: bool,
    #[serde(default, rename = "mirror")]
    pub mirrors: Vec<MirrorEntry>,
    #[serde(default)]
    mirror_by_digest_only: bool,
}

/// A mirror of the images below a prefix.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) struct MirrorEntry {
    location: String,
    #[serde(default)]
    pub insecure: bool,
    #[serde(default)]
    pull_from_mirror: PullFromMirror,
}

/// Names that a mirror is asked for.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum PullFromMirror {
    #[default]
    All,
    DigestOnly,
    TagOnly,
}

/// Content of a file.
#[derive(Deserialize)]
struct ConfFile {
    #[serde(default)]
    registry: Vec<RegistryEntry>,
}

impl RegistriesConf {
    /// Reads the file and its drop-ins; the error names the file.
    pub fn read(files: &RegistriesFiles) -> Result<Self, String> {
        let mut conf = Self::default();
        for path in files.file.iter().cloned().map(Ok).chain(drop_ins(&files.drop_ins)) {
            conf.add(&path?)?;
        }
        Ok(conf)
    }

    fn add(&mut self, path: &Path) -> Result<(), String> {
        let failed = |error: &dyn std::fmt::Display| format!("{}: {error}", path.display());
        let mut text = String::new();
        match File::open(path).and_then(|file| file.take(MAX_FILE_BYTES).read_to_string(&mut text)) {
            Ok(_) => {}
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
            Err(error) => return Err(failed(&error)),
        }
        // Only the message: it shows the line by itself.
        let file: ConfFile = toml::from_str(&text).map_err(|error| failed(&error.message()))?;
        for entry in file.registry {
            let entry = entry.completed().map_err(|reason| failed(&reason))?;
            self.entries.retain(|known| known.prefix != entry.prefix);
            self.entries.push(entry);
        }
        Ok(())
    }

    /// Returns the settings for an image: those with the longest prefix.
    pub fn of(&self, name: &Reference) -> Option<&RegistryEntry> {
        let matching = self.entries.iter().filter(|entry| entry.covers(name));
        matching.max_by_key(|entry| entry.prefix.len())
    }
}

/// Lists the drop-ins of directories, those of each in order of their names. Missing directories have none.
fn drop_ins(directories: &[PathBuf]) -> impl Iterator<Item = Result<PathBuf, String>> {
    directories.iter().flat_map(|directory| {
        let mut paths: Vec<Result<PathBuf, String>> = match fs::read_dir(directory) {
            Ok(entries) => entries
                .filter_map(Result::ok)
                .map(|entry| entry.path())
                .filter(|path| path.extension().is_some_and(|extension| extension == "conf"))
                .map(Ok)
                .collect(),
            Err(error)
                if matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::PermissionDenied) =>
            {
                Vec::new()
            }
            Err(error) => vec![Err(format!("{}: {error}", directory.display()))],
        };
        paths.sort_unstable();
        paths
    })
}

impl RegistryEntry {
    /// Fills in the prefix or the location that an entry leaves out.
    fn completed(mut self) -> Result<Self, String> {
        if self.prefix.is_empty() {
            self.prefix.clone_from(&self.location);
        }
        let is_wildcard = self.prefix.starts_with("*.");
        if self.location.is_empty() && !is_wildcard {
            self.location.clone_from(&self.prefix);
        }
        match self.prefix.as_str() {
            "" => Err("a [[registry]] has neither prefix nor location".to_owned()),
            prefix if prefix.contains("://") => Err(format!("prefix {prefix:?}: it has no scheme")),
            _ if self.location.contains("://") => {
                Err(format!("location {:?}: it has no scheme", self.location))
            }
            _ => Ok(self),
        }
    }

    fn covers(&self, name: &Reference) -> bool {
        match self.prefix.strip_prefix('*') {
            Some(domain) if domain.starts_with('.') => {
                let host = name.registry.rsplit_once(':').map_or(name.registry.as_str(), |(host, _)| host);
                host.len() > domain.len() && (host.ends_with(domain) || name.registry.ends_with(domain))
            }
            _ => self.rest(name).is_some(),
        }
    }

    /// Returns the part of a name behind the prefix: `/x` for `docker.io/library/x` and `docker.io/library`.
    fn rest(&self, name: &Reference) -> Option<String> {
        let full = name.name();
        let rest = full.strip_prefix(&self.prefix)?;
        (rest.is_empty() || rest.starts_with('/')).then(|| rest.to_owned())
    }

    /// Returns where an image is, as `host[:port]/repository`; `None` if that is where its name says.
    pub fn location(&self, name: &Reference) -> Option<String> {
        self.moved(name, &self.location).filter(|moved| *moved != name.name())
    }

    fn moved(&self, name: &Reference, location: &str) -> Option<String> {
        if location.is_empty() {
            return None;
        }
        match self.rest(name) {
            Some(rest) => Some(format!("{location}{rest}")),
            // A wildcard stands for the host, which is replaced.
            None => Some(format!("{location}/{}", name.repository)),
        }
    }

    /// Returns the mirrors that are asked for an image, and its place there.
    pub fn mirrors_of<'a>(&'a self, name: &'a Reference) -> impl Iterator<Item = (&'a MirrorEntry, String)> {
        let is_asked = move |mirror: &&MirrorEntry| match (mirror.pull_from_mirror, name.digest) {
            (PullFromMirror::DigestOnly, None) | (PullFromMirror::TagOnly, Some(_)) => false,
            (_, None) => !self.mirror_by_digest_only,
            (_, Some(_)) => true,
        };
        let place = move |mirror: &'a MirrorEntry| Some((mirror, self.moved(name, &mirror.location)?));
        self.mirrors.iter().filter(is_asked).filter_map(place)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Reads these files as the configuration and its drop-ins.
    fn read(files: &[&str]) -> Result<RegistriesConf, String> {
        let directory = tempfile::tempdir().expect("temporary folder");
        let drop_ins = directory.path().join("registries.conf.d");
        fs::create_dir(&drop_ins).expect("a folder");
        let file = directory.path().join("registries.conf");
        for (index, text) in files.iter().enumerate() {
            let path = if index == 0 { file.clone() } else { drop_ins.join(format!("{index:03}.conf")) };
            fs::write(path, text).expect("written");
        }
        fs::write(drop_ins.join("README"), "no TOML").expect("written");
        RegistriesConf::read(&RegistriesFiles { file: Some(file), drop_ins: vec![drop_ins] })
    }

    fn name(text: &str) -> Reference {
        text.parse().expect("a name")
    }

    #[track_caller]
    fn check(conf: &str, image: &str, location: Option<&str>, mirrors: &[&str]) {
        let (conf, image) = (read(&[conf]).expect("valid"), name(image));
        let entry = conf.of(&image).expect("an entry");
        assert_eq!(entry.location(&image).as_deref(), location, "{image}");
        let found: Vec<String> = entry.mirrors_of(&image).map(|(_, place)| place).collect();
        assert_eq!(found, mirrors, "{image}");
    }

    #[test]
    fn locations_replace_the_prefix() {
        let hub = "[[registry]]\nprefix = 'docker.io/library'\nlocation = 'r:5000/hub'\n";
        check(hub, "debian:12", Some("r:5000/hub/debian"), &[]);
        let all = "[[registry]]\nlocation = 'docker.io'\n[[registry.mirror]]\nlocation = 'm/a'\n[[registry.mirror]]\nlocation = 'n:1'";
        check(all, "debian", None, &["m/a/library/debian", "n:1/library/debian"]);
        let one = "[[registry]]\nprefix = 'docker.io/library/debian'\nlocation = 'r/os'";
        check(one, "debian", Some("r/os"), &[]);
        let wild = "[[registry]]\nprefix = '*.example.com'\nlocation = 'r/all'";
        check(wild, "a.example.com:5000/x/y", Some("r/all/x/y"), &[]);
    }

    #[test]
    fn mirrors_can_be_for_digests_or_for_tags() {
        let conf = "[[registry]]\nlocation = 'r.x'\n\
            [[registry.mirror]]\nlocation = 'd'\npull-from-mirror = 'digest-only'\n\
            [[registry.mirror]]\nlocation = 't'\npull-from-mirror = 'tag-only'\n";
        let by_digest = format!("r.x/a@{}", oci::Digest::of(b""));
        check(conf, "r.x/a", None, &["t/a"]);
        check(conf, &by_digest, None, &["d/a"]);
        let old = "[[registry]]\nlocation = 'r.x'\nmirror-by-digest-only = true\n[[registry.mirror]]\nlocation = 'm'";
        check(old, "r.x/a", None, &[]);
        check(old, &by_digest, None, &["m/a"]);
    }

    #[test]
    fn a_prefix_ends_at_a_slash() {
        let conf = read(&["[[registry]]\nprefix = 'r.io/team'\nblocked = true"]).expect("valid");
        for (image, expected) in [
            ("r.io/team/a", true),
            ("r.io/team/a/b:1", true),
            ("r.io/teams/a", false),
            ("r.io/other", false),
            ("q.io/team/a", false),
        ] {
            assert_eq!(conf.of(&name(image)).is_some_and(|entry| entry.blocked), expected, "{image}");
        }
        let wild = read(&["[[registry]]\nprefix = '*.x.io'\nblocked = true"]).expect("valid");
        assert!(wild.of(&name("a.x.io/i")).is_some() && wild.of(&name("x.io/i")).is_none());
        assert!(wild.of(&name("evilx.io/i")).is_none());
    }

    #[test]
    fn the_longest_prefix_and_the_later_file_win() {
        let conf = read(&[
            "unqualified-search-registries = ['q']\nshort-name-mode = 'enforcing'\n\
             [[registry]]\nprefix = 'r.io'\ninsecure = true\n[[registry]]\nprefix = 'r.io/a'\nblocked = true",
            "[[registry]]\nprefix = 'r.io'\ninsecure = false\n[aliases]\n'debian' = 'docker.io/library/debian'",
        ])
        .expect("valid");
        assert!(conf.of(&name("r.io/a/b")).is_some_and(|entry| entry.blocked));
        assert!(conf.of(&name("r.io/b")).is_some_and(|entry| !entry.insecure && !entry.blocked));
        assert!(conf.of(&name("docker.io/library/x")).is_none());
    }

    #[test]
    fn files_that_cannot_be_read_are_named() {
        for text in [
            "no TOML",
            "[[registry]]\ninsecure = true",
            "[[registry]]\nlocation = 'https://r'",
            "registry = 1",
        ] {
            let error = read(&[text]).expect_err(text);
            assert!(error.contains("registries.conf: "), "{error}");
        }
        assert_eq!(RegistriesConf::read(&RegistriesFiles::default()), Ok(RegistriesConf::default()));
    }
}
