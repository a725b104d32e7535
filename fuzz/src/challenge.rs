//! Challenges in the `WWW-Authenticate` header of a registry.

use registry::testing::bearer_challenges;

/// Checks these properties:
///
/// - A challenge that is written in the plainest form is parsed to itself.
/// - Realms, services and scopes come from the header: none is longer than it.
/// - A second header behind a comma adds its challenges.
pub fn check(input: &[u8]) {
    let header = String::from_utf8_lossy(input);
    let challenges = bearer_challenges(&header);
    for challenge in &challenges {
        assert_eq!(bearer_challenges(&written(challenge)), std::slice::from_ref(challenge));
        let parts = [Some(&challenge.0), challenge.1.as_ref(), challenge.2.as_ref()];
        assert!(parts.into_iter().flatten().map(String::len).sum::<usize>() <= header.len());
    }
    let all: Vec<_> = challenges.iter().map(written).collect();
    assert_eq!(bearer_challenges(&all.join(", ")), challenges);
}

fn written((realm, service, scope): &(String, Option<String>, Option<String>)) -> String {
    let quoted = |text: &str| text.replace('\\', "\\\\").replace('"', "\\\"");
    let mut header = format!("Bearer realm=\"{}\"", quoted(realm));
    for (name, value) in [("service", service), ("scope", scope)] {
        if let Some(value) = value {
            header += &format!(",{name}=\"{}\"", quoted(value));
        }
    }
    header
}
