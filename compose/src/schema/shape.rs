//! Forms that a value can have.

/// Data type of a scalar.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Null,
    Bool,
    Int,
    /// Integer or number with a fraction.
    Number,
    Text,
}

/// Form of a value.
#[derive(Debug)]
pub(super) enum Shape {
    /// Everything, for what a program other than Compose reads.
    Any,
    /// Scalar of one of these types.
    Scalar(&'static [Kind]),
    /// One of these words.
    Word(&'static [&'static str]),
    /// Text that a function accepts, and a description of such texts.
    Matching(fn(&str) -> bool, &'static str),
    /// Integer between two bounds, or a text.
    Between(i64, i64),
    /// List of values of one form.
    List(&'static Self),
    /// List of different values of one form.
    Set(&'static Self),
    /// Mapping from keys of the user's choice to values of one form.
    MapOf(Keys, &'static Self),
    /// Mapping with known keys.
    Object(&'static Object),
    /// The first of these forms that fits the type of the value.
    Either(&'static [Self]),
}

/// Keys that a user chooses.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Keys {
    /// Keys of any text.
    Any,
    /// Names of letters, digits, `.`, `_` and `-`.
    Names,
}

/// Mapping with known keys.
#[derive(Debug)]
pub(super) struct Object {
    /// Known keys with the forms of their values.
    pub(super) fields: &'static [(&'static str, Shape)],
    /// Keys that must be there.
    pub(super) required: &'static [&'static str],
    /// Whether keys that begin with `x-` are allowed.
    pub(super) has_extensions: bool,
}

impl Object {
    /// Returns a mapping with these keys, none of which is required, and with extensions.
    pub(super) const fn of(fields: &'static [(&'static str, Shape)]) -> Self {
        Self { fields, required: &[], has_extensions: true }
    }

    /// Returns the mapping with keys that must be there.
    pub(super) const fn requiring(mut self, required: &'static [&'static str]) -> Self {
        self.required = required;
        self
    }

    /// Returns the mapping without extensions.
    pub(super) const fn closed(mut self) -> Self {
        self.has_extensions = false;
        self
    }
}

pub(super) const TEXT: Shape = Shape::Scalar(&[Kind::Text]);
pub(super) const FLAG: Shape = Shape::Scalar(&[Kind::Bool, Kind::Text]);
pub(super) const BOOL: Shape = Shape::Scalar(&[Kind::Bool]);
pub(super) const INT: Shape = Shape::Scalar(&[Kind::Int]);
pub(super) const INT_TEXT: Shape = Shape::Scalar(&[Kind::Int, Kind::Text]);
pub(super) const NUMBER: Shape = Shape::Scalar(&[Kind::Number]);
pub(super) const NUMBER_TEXT: Shape = Shape::Scalar(&[Kind::Number, Kind::Text]);
pub(super) const NULL: Shape = Shape::Scalar(&[Kind::Null]);
/// List of texts, which can be equal.
pub(super) const TEXTS: Shape = Shape::List(&TEXT);
/// List of different texts.
pub(super) const TEXT_SET: Shape = Shape::Set(&TEXT);
/// A text, or a list of different ones.
pub(super) const TEXT_OR_SET: Shape = Shape::Either(&[TEXT, TEXT_SET]);
/// Variables or labels: a mapping, or a list of `KEY=VALUE`.
pub(super) const PAIRS: Shape = Shape::Either(&[
    Shape::MapOf(Keys::Any, &Shape::Scalar(&[Kind::Bool, Kind::Null, Kind::Number, Kind::Text])),
    TEXT_SET,
]);
/// Options of a driver.
pub(super) const OPTIONS: Shape = Shape::MapOf(Keys::Any, &NUMBER_TEXT);
/// Command line: a text that is split as by a shell, or a list.
pub(super) const COMMAND: Shape = Shape::Either(&[NULL, TEXT, TEXTS]);
/// Names of hosts with their addresses.
pub(super) const HOSTS: Shape =
    Shape::Either(&[Shape::MapOf(Keys::Any, &Shape::Either(&[TEXT, TEXTS])), TEXT_SET]);
/// Resource limits of processes.
pub(super) const ULIMITS: Shape =
    Shape::MapOf(Keys::Any, &Shape::Either(&[INT_TEXT, Shape::Object(&SOFT_AND_HARD)]));

static SOFT_AND_HARD: Object =
    Object::of(&[("hard", INT_TEXT), ("soft", INT_TEXT)]).requiring(&["soft", "hard"]);
