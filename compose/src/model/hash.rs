//! The hash of a service, by which a changed one is known.

use sha2::{Digest, Sha256};

use super::service::Service;

impl Service {
    /// Returns a hash of everything that shapes the containers of the service, as 64 hex digits.
    ///
    /// How the image is built or pulled, the number of containers, the order of the start and the profiles do not count.
    pub fn config_hash(&self) -> String {
        let mut shaping = self.clone();
        shaping.build = None;
        shaping.pull_policy = String::new();
        shaping.scale = None;
        shaping.depends_on.clear();
        shaping.profiles.clear();
        if let Some(deploy) = &mut shaping.deploy {
            deploy.replicas = None;
        }
        // Maps are sorted and fields have an order, so that equal services have equal texts.
        let text = serde_json::to_vec(&shaping).unwrap_or_default();
        Sha256::digest(text).iter().map(|byte| format!("{byte:02x}")).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_shapes_a_container_changes_the_hash() {
        let service = Service { image: "a".to_owned(), ..Service::default() };
        let scaled = Service { scale: Some(3), profiles: vec!["p".to_owned()], ..service.clone() };
        let other = Service { image: "b".to_owned(), ..service.clone() };
        assert_eq!(service.config_hash(), scaled.config_hash());
        assert_ne!(service.config_hash(), other.config_hash());
    }
}
