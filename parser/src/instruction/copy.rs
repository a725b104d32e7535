//! COPY and ADD: `COPY [flags] source ... destination`.

use crate::{
    ast::Copy,
    error::Fault,
    flags::{FlagType, Flags, KnownFlags},
    heredoc,
    keyword::Keyword,
    syntax::Node,
};

const COPY: &KnownFlags = &[
    ("chown", FlagType::Text),
    ("from", FlagType::Text),
    ("chmod", FlagType::Text),
    ("link", FlagType::Bool),
    ("parents", FlagType::Bool),
    ("exclude", FlagType::List),
];

const ADD: &KnownFlags = &[
    ("chown", FlagType::Text),
    ("chmod", FlagType::Text),
    ("link", FlagType::Bool),
    ("exclude", FlagType::List),
    ("keep-git-dir", FlagType::Bool),
    ("checksum", FlagType::Text),
    ("unpack", FlagType::Bool),
];

pub(super) fn copy(node: &mut Node) -> Result<Copy, Fault> {
    arguments(Keyword::Copy, COPY, node)
}

pub(super) fn add(node: &mut Node) -> Result<Copy, Fault> {
    arguments(Keyword::Add, ADD, node)
}

fn arguments(keyword: Keyword, known: &KnownFlags, node: &mut Node) -> Result<Copy, Fault> {
    let mut sources = node.take_words();
    let Some(destination) = sources.pop().filter(|_| !sources.is_empty()) else {
        return Err(no_destination(keyword));
    };
    let flags = Flags::check(&node.flags, known)?;
    if heredoc::marker(&destination).is_some() {
        let message = format!("{} cannot accept a heredoc as a destination", keyword.name());
        return Err(keyword.misused(message).blaming(destination));
    }
    Ok(Copy {
        sources,
        destination,
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

fn no_destination(keyword: Keyword) -> Fault {
    keyword.misused(format!(
        "{} requires at least two arguments, but only one was provided. \
         Destination could not be determined",
        keyword.name()
    ))
}
