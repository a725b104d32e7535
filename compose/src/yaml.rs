//! YAML documents -> trees with positions: aliases, merge keys, and the tags `!reset` and `!override` of Compose.
//!
//! The events come from the crate `granit-parser`. `scalar` decides the type of a plain scalar.

mod scalar;

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use granit_parser::{Event, Parser, ScalarStyle, Span, StrInput, Tag};

use crate::ComposeError;
use crate::error::Location;
use crate::node::{Map, Node, Value};

/// Largest number of values that a document can have once its aliases are expanded.
const MAX_VALUES: usize = 100_000;

/// Document of a Compose file.
#[derive(Debug)]
pub(crate) struct Document {
    /// Tree of the document, in which nothing is left of aliases, merge keys and tags.
    pub(crate) root: Node,
    /// Keys that lead to each value with `!reset` or `!override`. They are removed from what the document is merged into.
    pub(crate) resets: Vec<Vec<String>>,
}

/// Parses all documents of a text; `file` names it in positions.
pub(crate) fn parse(text: &str, file: &str) -> Result<Vec<Document>, ComposeError> {
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let options = granit_parser::options! { emit_comments: false };
    let events = Parser::new_from_str_with_options(text, options);
    let mut builder = Builder { events, file: file.into(), anchors: HashMap::new(), values: 0 };
    let mut documents = Vec::new();
    while let Some((event, _)) = builder.event()? {
        if let Event::DocumentStart(..) = event {
            builder.anchors.clear();
            let built = builder.node()?;
            let at = builder.location(&Span::default());
            let root = built.node.unwrap_or_else(|| Node::new(Value::Null, &at));
            documents.push(Document { root, resets: built.resets });
        }
    }
    Ok(documents)
}

/// A value, unless it was reset, and the paths of tagged values relative to it.
#[derive(Debug, Clone)]
struct Built {
    node: Option<Node>,
    resets: Vec<Vec<String>>,
    values: usize,
}

struct Builder<'a> {
    events: Parser<'a, StrInput<'a>>,
    file: Arc<str>,
    anchors: HashMap<usize, Built>,
    values: usize,
}

impl<'a> Builder<'a> {
    fn event(&mut self) -> Result<Option<(Event<'a>, Span)>, ComposeError> {
        match self.events.next() {
            None => Ok(None),
            Some(Ok(event)) => Ok(Some(event)),
            Some(Err(error)) => {
                let (line, column) = (error.marker().line(), error.marker().col() + 1);
                let at = Location { file: self.file.clone(), line, column };
                Err(ComposeError::Yaml { at, reason: error.info() })
            }
        }
    }

    fn location(&self, span: &Span) -> Location {
        let (line, column) = (span.start.line().max(1), span.start.col() + 1);
        Location { file: self.file.clone(), line, column }
    }

    fn error<T>(&self, at: Location, reason: impl Into<String>) -> Result<T, ComposeError> {
        Err(ComposeError::Yaml { at, reason: reason.into() })
    }

    /// Reads the next value.
    fn node(&mut self) -> Result<Built, ComposeError> {
        let Some((event, span)) = self.event()? else {
            return self.error(self.location(&Span::default()), "the document ends too early");
        };
        self.node_of(event, &span)
    }

    fn node_of(&mut self, event: Event<'a>, span: &Span) -> Result<Built, ComposeError> {
        let at = self.location(span);
        let begun = self.values;
        self.count(1, &at)?;
        let (value, anchor, tag, mut resets) = match event {
            Event::Alias(id) => return self.alias(id, at),
            Event::Scalar(text, style, anchor, tag) => {
                let value = match scalar_type(style, tag.as_deref()) {
                    Some(core) => scalar::typed(&text, core).ok_or_else(|| ComposeError::Yaml {
                        at: at.clone(),
                        reason: format!("{text:?} is not of type {core}"),
                    })?,
                    None => scalar::plain(&text),
                };
                (value, anchor, tag, Vec::new())
            }
            Event::SequenceStart(_, anchor, tag) => {
                let (items, resets) = self.list()?;
                (Value::List(items), anchor, tag, resets)
            }
            Event::MappingStart(_, anchor, tag) => {
                let (map, resets) = self.map()?;
                (Value::Map(map), anchor, tag, resets)
            }
            _ => return self.error(at, "a value is missing"),
        };
        let tag = tag.filter(|tag| tag.handle() == "!");
        let mut node = Some(Node { value, at });
        match tag.as_deref().map(Tag::suffix) {
            Some("reset") => (node, resets) = (None, vec![Vec::new()]),
            Some("override") => resets = vec![Vec::new()],
            _ => {}
        }
        let built = Built { node, resets, values: self.values - begun };
        if anchor > 0 {
            self.anchors.insert(anchor, built.clone());
        }
        Ok(built)
    }

    fn alias(&mut self, id: usize, at: Location) -> Result<Built, ComposeError> {
        // An anchor is known from the end of its value on, so that a value cannot contain itself.
        let Some(built) = self.anchors.get(&id).cloned() else {
            return self.error(at, "an alias inside of the value that it stands for");
        };
        self.count(built.values, &at)?;
        Ok(built)
    }

    fn count(&mut self, values: usize, at: &Location) -> Result<(), ComposeError> {
        self.values += values;
        if self.values > MAX_VALUES {
            let reason = format!("the aliases expand to more than {MAX_VALUES} values");
            return self.error(at.clone(), reason);
        }
        Ok(())
    }

    fn list(&mut self) -> Result<(Vec<Node>, Vec<Vec<String>>), ComposeError> {
        let (mut items, mut resets) = (Vec::new(), Vec::new());
        loop {
            match self.event()? {
                Some((Event::SequenceEnd, _)) | None => return Ok((items, resets)),
                Some((event, span)) => {
                    let built = self.node_of(event, &span)?;
                    let index = items.len().to_string();
                    resets.extend(built.resets.into_iter().map(|path| prefixed(&index, path)));
                    items.extend(built.node);
                }
            }
        }
    }

    fn map(&mut self) -> Result<(Map, Vec<Vec<String>>), ComposeError> {
        let (mut map, mut merged, mut resets) = (Map::new(), Vec::new(), Vec::new());
        let mut lines: BTreeMap<String, usize> = BTreeMap::new();
        loop {
            let (event, span) = match self.event()? {
                Some((Event::MappingEnd, _)) | None => break,
                Some(next) => next,
            };
            let at = self.location(&span);
            let key = self.key(event, &at)?;
            if let Some(line) = lines.insert(key.clone(), at.line) {
                return self.error(at, format!("key {key:?} is in line {line} already"));
            }
            let built = self.node()?;
            if key == "<<" {
                resets.extend(built.resets);
                merged.push((built.node, at));
                continue;
            }
            resets.extend(built.resets.into_iter().map(|path| prefixed(&key, path)));
            if let Some(mut node) = built.node {
                node.at = at;
                map.insert(key, node);
            }
        }
        for (node, at) in merged {
            self.merge_key(&mut map, node, &at)?;
        }
        Ok((map, resets))
    }

    /// Reads a key, which must be a text.
    fn key(&mut self, event: Event<'a>, at: &Location) -> Result<String, ComposeError> {
        let built = self.node_of(event, &Span::default())?;
        match built.node.map(|node| node.value) {
            Some(Value::Text(text)) => Ok(text),
            Some(Value::Null | Value::List(_) | Value::Map(_)) | None => {
                self.error(at.clone(), "a key must be a text")
            }
            Some(other) => self
                .error(at.clone(), format!("the key {} must be a text: write it in quotes", other.to_text())),
        }
    }

    /// Adds the entries of a merge key (`<<`), a mapping or a list of them. Keys of the mapping itself win.
    fn merge_key(&self, map: &mut Map, node: Option<Node>, at: &Location) -> Result<(), ComposeError> {
        let sources = match node.map(|node| node.value) {
            None | Some(Value::Null) => return Ok(()),
            Some(Value::List(items)) => items.into_iter().map(|item| item.value).collect(),
            Some(other) => vec![other],
        };
        for source in sources {
            let Value::Map(source) = source else {
                return self.error(at.clone(), "a merge key (<<) needs a mapping or a list of mappings");
            };
            for (key, value) in source {
                map.entry(key).or_insert(value);
            }
        }
        Ok(())
    }
}

fn prefixed(key: &str, mut path: Vec<String>) -> Vec<String> {
    path.insert(0, key.to_owned());
    path
}

/// Returns the core type that a scalar must have, or `None` if its text decides.
fn scalar_type(style: ScalarStyle, tag: Option<&Tag>) -> Option<&str> {
    match tag.and_then(Tag::core_suffix) {
        Some(core) => Some(core),
        None if style == ScalarStyle::Plain && tag.is_none() => None,
        None => Some("str"),
    }
}

#[cfg(test)]
mod tests;
