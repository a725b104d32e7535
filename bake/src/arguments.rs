//! A target -> the flags of `dsbuild build`.

use serde_json::Value;

use crate::target::Target;

impl Target {
    /// Returns the arguments that build the target: flags, then the context. The text of an inline Dockerfile is not among
    /// them; the caller gives it on stdin for the flag `--file=-`.
    pub fn arguments(&self) -> Vec<String> {
        let mut flags = Flags(Vec::new());
        match (&self.dockerfile_inline, &self.dockerfile) {
            (Some(_), _) => flags.add("file", "-"),
            (None, Some(dockerfile)) => flags.add("file", &self.dockerfile_path(dockerfile)),
            (None, None) => {}
        }
        flags.each("tag", &self.tags);
        flags.pairs("build-arg", &self.args, '=');
        flags.pairs("label", &self.labels, '=');
        flags.pairs("build-context", &self.contexts, '=');
        flags.pairs("add-host", &self.extra_hosts, ':');
        flags.each("annotation", &self.annotations);
        flags.each("platform", &self.platforms);
        flags.each("no-cache-filter", &self.no_cache_filter);
        flags.each("ulimit", &self.ulimits);
        flags.each("allow", &self.entitlements);
        flags.option("target", self.target.as_deref());
        flags.option("network", self.network.as_deref());
        flags.option("shm-size", self.shm_size.as_deref());
        flags.option("call", self.call.as_deref());
        for (name, entries) in [
            ("attest", &self.attest),
            ("cache-from", &self.cache_from),
            ("cache-to", &self.cache_to),
            ("secret", &self.secret),
            ("output", &self.output),
        ] {
            entries.iter().for_each(|entry| flags.add(name, &csv(entry)));
        }
        self.ssh.iter().for_each(|entry| flags.add("ssh", &ssh(entry)));
        for (name, value) in [("pull", self.pull), ("no-cache", self.no_cache)] {
            flags.option(name, value.map(|value| value.to_string()).as_deref());
        }
        flags.0.push("--".to_owned());
        flags.0.push(self.context.clone().unwrap_or_else(|| ".".to_owned()));
        flags.0
    }

    /// Returns the path of the Dockerfile; a relative one begins at the context, if that is a directory.
    fn dockerfile_path(&self, dockerfile: &str) -> String {
        match self.context.as_deref() {
            Some(context) if !dockerfile.starts_with('/') && !context.contains("://") && context != "-" => {
                std::path::Path::new(context).join(dockerfile).to_string_lossy().into_owned()
            }
            _ => dockerfile.to_owned(),
        }
    }
}

/// Flags with their values, each in one argument.
struct Flags(Vec<String>);

impl Flags {
    fn add(&mut self, name: &str, value: &str) {
        self.0.push(format!("--{name}={value}"));
    }

    fn option(&mut self, name: &str, value: Option<&str>) {
        value.into_iter().for_each(|value| self.add(name, value));
    }

    fn each(&mut self, name: &str, values: &[String]) {
        values.iter().for_each(|value| self.add(name, value));
    }

    fn pairs(&mut self, name: &str, pairs: &std::collections::BTreeMap<String, String>, separator: char) {
        pairs.iter().for_each(|(key, value)| self.add(name, &format!("{key}{separator}{value}")));
    }
}

/// Writes an entry as `KEY=VALUE,…`, with its type first.
fn csv(entry: &Value) -> String {
    let Value::Object(map) = entry else { return plain(entry) };
    let pair = |(key, value): (&String, &Value)| format!("{key}={}", plain(value));
    let first = map.iter().filter(|(key, _)| *key == "type");
    let others = map.iter().filter(|(key, _)| *key != "type");
    first.chain(others).map(pair).collect::<Vec<_>>().join(",")
}

fn plain(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), ToOwned::to_owned)
}

/// Writes an SSH key as `ID=PATH,…`.
fn ssh(entry: &Value) -> String {
    let Value::Object(map) = entry else { return plain(entry) };
    let Some(id) = map.get("id") else { return csv(entry) };
    let paths = map.get("paths").and_then(Value::as_array).map_or(&[][..], Vec::as_slice);
    match paths {
        [] => plain(id),
        paths => format!("{}={}", plain(id), paths.iter().map(plain).collect::<Vec<_>>().join(",")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn each_field_is_a_flag() {
        let target = Target {
            context: Some("app".to_owned()),
            dockerfile: Some("Dockerfile.dev".to_owned()),
            tags: vec!["a:1".to_owned()],
            args: [("V".to_owned(), "1".to_owned())].into(),
            output: vec![json!({"dest": "out", "type": "local"})],
            ssh: vec![json!({"id": "default"}), json!({"id": "k", "paths": ["a", "b"]})],
            pull: Some(true),
            ..Target::default()
        };
        let expected = [
            "--file=app/Dockerfile.dev",
            "--tag=a:1",
            "--build-arg=V=1",
            "--output=type=local,dest=out",
            "--ssh=default",
            "--ssh=k=a,b",
            "--pull=true",
            "--",
            "app",
        ];
        assert_eq!(target.arguments(), expected);
    }
}
