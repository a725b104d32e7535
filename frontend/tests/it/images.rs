//! A resolver with a few images, which records the names that are looked up.

use std::path::Path;
use std::sync::Mutex;

use frontend::plan::{ResolveError, Resolver};
use graph::{ImageOrigin, ResolvedImage};
use oci::{Digest, History, ImageConfig, Platform, Reference};

/// Resolver that records the lookups.
#[derive(Debug, Default)]
pub struct Images {
    looked_up: Mutex<Vec<String>>,
}

impl Images {
    /// Returns the lookups so far as `NAME for PLATFORM`, sorted.
    pub fn looked_up(&self) -> Vec<String> {
        let mut looked_up = self.looked_up.lock().expect("no test panics during a lookup").clone();
        looked_up.sort();
        looked_up
    }
}

impl Resolver for Images {
    fn image(&self, name: &Reference, platform: &Platform) -> Result<ResolvedImage, ResolveError> {
        self.looked_up.lock().expect("no test panics during a lookup").push(format!("{name} for {platform}"));
        let config = config_of(&name.repository, platform).ok_or_else(|| ResolveError {
            name: name.to_string(),
            reason: "no such image".to_owned(),
            hint: Some("check the name".to_owned()),
        })?;
        Ok(ResolvedImage {
            origin: ImageOrigin::Registry(name.clone()),
            manifest: digest(&name.repository),
            config,
        })
    }

    fn layout(
        &self,
        path: &Path,
        _tag: Option<&str>,
        _digest: Option<&Digest>,
        platform: &Platform,
    ) -> Result<ResolvedImage, ResolveError> {
        let config = config_of("library/triggers", platform).expect("an image of the resolver");
        let origin = ImageOrigin::Layout { path: path.to_owned() };
        Ok(ResolvedImage { origin, manifest: digest("layout"), config })
    }
}

/// Returns a digest that depends on the name only.
fn digest(name: &str) -> Digest {
    let sum = name.bytes().fold(7_u64, |sum, byte| sum.wrapping_mul(31).wrapping_add(u64::from(byte)));
    format!("sha256:{sum:064x}").parse().expect("a digest")
}

fn config_of(repository: &str, platform: &Platform) -> Option<ImageConfig> {
    let mut image = ImageConfig { platform: platform.clone(), ..ImageConfig::default() };
    image.created = Some("2024-01-01T00:00:00Z".to_owned());
    let layer = serde_json::from_str(&format!("\"{}\"", digest("layer"))).expect("a diff ID");
    image.rootfs.diff_ids.push(layer);
    image.history.push(History { created_by: "base".to_owned(), ..History::default() });
    let config = &mut image.config;
    let words = |words: &[&str]| words.iter().map(|&word| word.to_owned()).collect::<Vec<String>>();
    match repository.rsplit('/').next()? {
        "busybox" => {
            config.env = words(&["PATH=/bin"]);
            config.cmd = Some(words(&["sh"]));
        }
        "triggers" => config.on_build = words(&["ARG who=trigger", "COPY --from=busybox /bin/sh /got-$who"]),
        "triggers-128" => config.on_build = vec!["RUN x".to_owned(); 128],
        "triggers-129" => config.on_build = vec!["RUN x".to_owned(); 129],
        "bad-trigger" => config.on_build = words(&["FROM x"]),
        "no-layers" => {
            image.rootfs.diff_ids.clear();
            config.labels.insert("kept".to_owned(), "yes".to_owned());
        }
        "settled" => {
            config.user = "7:8".to_owned();
            config.working_dir = "/home/app".to_owned();
            config.shell = words(&["/bin/bash", "-ec"]);
        }
        "other-machine" => image.platform = "linux/s390x".parse().ok()?,
        _ => return None,
    }
    Some(image)
}
