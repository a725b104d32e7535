//! Named build contexts, which `--build-context` puts in place of stages and images.

use std::collections::BTreeMap;

use oci::{Platform, Reference};

use crate::options::NamedContext;

/// The named contexts of a build, by normalised name.
#[derive(Debug)]
pub(crate) struct Contexts<'a> {
    by_name: BTreeMap<String, &'a NamedContext>,
}

impl<'a> Contexts<'a> {
    /// Indexes the named contexts of the options. Names are compared as image names: `busybox`, `busybox:latest` and
    /// `docker.io/library/busybox` are the same.
    pub fn new(options: &'a BTreeMap<String, NamedContext>) -> Self {
        let by_name = options.iter().map(|(name, context)| match name.split_once("::") {
            Some((name, platform)) => (format!("{}::{}", normalised(name), platform_key(platform)), context),
            None => (normalised(name), context),
        });
        Self { by_name: by_name.collect() }
    }

    /// Finds the context that replaces `name` for `platform`, and returns it with its normalised name.
    ///
    /// A context given for this very platform (`name::platform`) takes precedence. `context` and `scratch` are never
    /// replaced.
    pub fn find(&self, name: &str, platform: &Platform) -> Option<(String, &'a NamedContext)> {
        if self.by_name.is_empty() || matches!(name, "context" | "scratch") {
            return None;
        }
        let name = normalised(name);
        let for_platform = format!("{name}::{}", crate::platform::full_name(platform));
        [for_platform, name].into_iter().find_map(|key| {
            let context = *self.by_name.get(&key)?;
            Some((key, context))
        })
    }
}

fn platform_key(platform: &str) -> String {
    let parsed = platform.parse::<Platform>();
    parsed.map_or_else(|_| platform.to_owned(), |platform| crate::platform::full_name(&platform))
}

/// Returns the short form of an image name without `:latest`. Any other name stays as it is.
fn normalised(name: &str) -> String {
    let Ok(reference) = name.parse::<Reference>() else { return name.to_owned() };
    let familiar = reference.familiar();
    familiar.strip_suffix(":latest").unwrap_or(&familiar).to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_compared_as_image_names() {
        let image = |name: &str| NamedContext::Image(name.to_owned());
        let options = BTreeMap::from([
            ("docker.io/library/busybox:latest".to_owned(), image("a")),
            ("base::linux/x86_64".to_owned(), image("b")),
            ("base".to_owned(), image("c")),
            ("scratch".to_owned(), image("d")),
        ]);
        let contexts = Contexts::new(&options);
        let find = |name: &str, platform: &str| {
            let platform = platform.parse().expect("a platform");
            contexts.find(name, &platform).map(|(_, context)| context.clone())
        };
        assert_eq!(find("busybox", "linux/amd64"), Some(image("a")));
        assert_eq!(find("busybox:1", "linux/amd64"), None);
        assert_eq!(find("base", "linux/amd64"), Some(image("b")));
        assert_eq!(find("base", "linux/arm64"), Some(image("c")));
        assert_eq!(find("scratch", "linux/amd64"), None);
        assert_eq!(find("Upper Case", "linux/amd64"), None);
    }
}
