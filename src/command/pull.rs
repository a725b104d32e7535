//! `dsbuild pull`: brings an image from its registry into the store.

use std::sync::Arc;

use oci::{Platform, Reference};
use progress::{Cancel, Progress, Sink, Vertex};
use registry::Client;
use rootfs::layers::Layers;
use sources::{Pulled, SourceError, Sources};

use crate::exit;
use crate::failure::Failure;
use crate::output;
use crate::progress::Screen;
use crate::setup::{interrupt, isolation, registry as connection, store};
use cli::build::ProgressMode;
use cli::registry::{PullArgs, RegistryArgs};

/// Pulls one tag, or all tags of a repository.
pub fn run(args: &PullArgs) -> Result<u8, Failure> {
    let name: Reference = args.name.parse()?;
    let platform = match &args.platform {
        Some(platform) => platform.parse()?,
        None => Platform::host(),
    };
    if args.all_tags && (name.digest.is_some() || names_a_tag(&args.name, &name)) {
        return Err(Failure::usage("a tag cannot be used together with --all-tags"));
    }
    // Without root, the owners of files are kept as IDs of a user namespace.
    isolation::enter()?;
    let cancel = Cancel::default();
    interrupt::cancel_on_signals(&cancel)?;
    let client = connection::client_of(&args.registry.insecure_registries, &args.registry_mirrors, &cancel)?;
    let names = if args.all_tags { all_tags(&client, &name)? } else { vec![name] };
    let layers = Layers::new(Arc::new(store::open()?));
    let pull = Pull { args, layers, client, platform };
    names.iter().try_for_each(|name| pull.one(name))?;
    drop(pull);
    store::collect_if_due();
    Ok(0)
}

/// Pulls an image that a container is to run. Its progress goes to stderr, as the output of the container goes to stdout.
pub fn for_run(name: &str, platform: &Platform, quiet: bool) -> Result<(), Failure> {
    let args = PullArgs {
        all_tags: false,
        platform: None,
        quiet,
        registry_mirrors: Vec::new(),
        registry: RegistryArgs { insecure_registries: Vec::new(), disable_content_trust: None },
        name: name.to_owned(),
    };
    let reference: Reference = name.parse()?;
    isolation::enter()?;
    let cancel = Cancel::default();
    let client = connection::client_of(&[], &[], &cancel)?;
    let layers = Layers::new(Arc::new(store::open()?));
    if !quiet {
        output::note(&format!("Unable to find image '{}' locally", reference.familiar()));
    }
    Pull { args: &args, layers, client, platform: platform.clone() }.with_progress(&reference)?;
    Ok(())
}

/// Reports whether the user wrote a tag, which [`Reference`] completes where it is missing.
fn names_a_tag(written: &str, name: &Reference) -> bool {
    name.tag.as_ref().is_some_and(|tag| written.ends_with(&format!(":{tag}")))
}

fn all_tags(client: &Client, name: &Reference) -> Result<Vec<Reference>, Failure> {
    let mut tags = client.tags(name)?;
    // A registry lists them in any order.
    tags.sort_unstable();
    Ok(tags.into_iter().map(|tag| Reference { tag: Some(tag), ..name.clone() }).collect())
}

/// Pulls of one command.
struct Pull<'a> {
    args: &'a PullArgs,
    layers: Layers,
    client: Client,
    platform: Platform,
}

impl Pull<'_> {
    fn one(&self, name: &Reference) -> Result<(), Failure> {
        let store = self.layers.store();
        let before = store.resolve(name)?;
        let version = name.digest.map(|digest| digest.to_string()).or_else(|| name.tag.clone());
        let repository = Reference { tag: None, digest: None, ..name.clone() }.familiar();
        if !self.args.quiet {
            output::line(&format!("{}: Pulling from {repository}", version.unwrap_or_default()));
        }
        let pulled = self.with_progress(name)?;
        if !self.args.quiet {
            let is_known = before.is_some_and(|before| before.digest == pulled.descriptor.digest);
            let digest = pulled.root.unwrap_or(pulled.descriptor.digest);
            output::line(&format!("Digest: {digest}"));
            let word = if is_known { "Image is up to date" } else { "Downloaded newer image" };
            output::line(&format!("Status: {word} for {}", name.familiar()));
        }
        output::line(&name.to_string());
        Ok(())
    }

    /// Pulls an image, with the progress of each blob on stderr.
    fn with_progress(&self, name: &Reference) -> Result<Pulled, Failure> {
        let mode = if self.args.quiet { ProgressMode::Quiet } else { ProgressMode::Auto };
        let screen = Screen::new(mode);
        let progress = Progress::new(Arc::clone(&screen) as Arc<dyn Sink>);
        let vertex = progress.start(&format!("pull {}", name.familiar()));
        let pulled = self.fetch(name, &vertex);
        match &pulled {
            Ok(_) => vertex.finished(false),
            Err(error) => vertex.failed(&error.chain()),
        }
        screen.finish(pulled.is_ok());
        pulled
            .map_err(|error| if exit::is_interrupted() { Failure::canceled() } else { Failure::from(error) })
    }

    fn fetch(&self, name: &Reference, vertex: &Vertex) -> Result<Pulled, SourceError> {
        let store = Arc::clone(self.layers.store());
        let sources = Sources::new(store, self.layers.clone(), self.client.clone(), true);
        let report = |id: &str, current, total, done| vertex.status(id, current, total, done);
        sources.pull(name, &self.platform, &report)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tag_counts_only_if_it_was_written() {
        let check = |text: &str, expected: bool| {
            let name = text.parse().expect("a name");
            assert_eq!(names_a_tag(text, &name), expected, "{text}");
        };
        check("debian", false);
        check("debian:latest", true);
        check("r:5000/a", false);
        check("r:5000/a:1", true);
    }
}
