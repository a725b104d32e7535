//! `COPY [flags] source ... destination` and `ADD`.

use crate::{
    ast::Copy,
    error::Fault,
    flags::{Flags, Known, Takes},
    heredoc,
    syntax::Node,
};

const COPY: &Known = &[
    ("chown", Takes::Text),
    ("from", Takes::Text),
    ("chmod", Takes::Text),
    ("link", Takes::Bool),
    ("parents", Takes::Bool),
    ("exclude", Takes::List),
];

const ADD: &Known = &[
    ("chown", Takes::Text),
    ("chmod", Takes::Text),
    ("link", Takes::Bool),
    ("exclude", Takes::List),
    ("keep-git-dir", Takes::Bool),
    ("checksum", Takes::Text),
    ("unpack", Takes::Bool),
];

pub(super) fn copy(node: &Node) -> Result<Copy, Fault> {
    both("COPY", COPY, node)
}

pub(super) fn add(node: &Node) -> Result<Copy, Fault> {
    both("ADD", ADD, node)
}

fn both(keyword: &str, known: &Known, node: &Node) -> Result<Copy, Fault> {
    let [sources @ .., destination] = node.words() else { return Err(no_destination(keyword)) };
    if sources.is_empty() {
        return Err(no_destination(keyword));
    }
    let flags = Flags::check(&node.flags, known)?;
    if heredoc::marker(destination).is_some() {
        return Err(Fault::new(format!("{keyword} cannot accept a heredoc as a destination")));
    }
    Ok(Copy {
        sources: sources.to_vec(),
        destination: destination.clone(),
        from: flags.text("from"),
        chown: flags.text("chown"),
        chmod: flags.text("chmod"),
        link: flags.boolean("link").unwrap_or_default(),
        parents: flags.boolean("parents").unwrap_or_default(),
        excludes: flags.list("exclude"),
        checksum: flags.text("checksum"),
        keep_git_dir: flags.boolean("keep-git-dir"),
        unpack: flags.boolean("unpack"),
    })
}

fn no_destination(keyword: &str) -> Fault {
    Fault::new(format!(
        "{keyword} requires at least two arguments, but only one was provided. \
         Destination could not be determined"
    ))
}
