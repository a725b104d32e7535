//! Modification times in layers: the latest one that a tar keeps, and the choices that an exporter has.
//!
//! The tar of a layer has no time later than its clamp, so that building the same files later gives the same bytes.
//! The index beside the tar keeps the real times.

/// Latest modification time that a tar keeps, in seconds since 1970; a later time is written as this one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Clamp(pub i64);

impl Clamp {
    /// 1980-01-02T00:00:00Z, the clamp of all tars that the store makes: zip can store it in every time zone, which is not
    /// true of the day before. It does not depend on the build's source date, so that
    /// a layer has one identity; exporters rewrite layers for another source date ([`Layers::rewrite`]).
    ///
    /// [`Layers::rewrite`]: crate::layers::Layers::rewrite
    pub const STORE: Self = Self(315_619_200);

    /// Keeps every time as it is.
    pub(crate) const NONE: Self = Self(i64::MAX);
}

/// Modification times that an exporter asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Times {
    /// As in the store: clamped to [`Clamp::STORE`].
    Store,
    /// Clamped to a source date (`SOURCE_DATE_EPOCH`).
    Clamped(Clamp),
    /// The real times (`rewrite-timestamp=false`).
    Real,
}

impl Times {
    /// Returns the latest time that is kept.
    pub(crate) fn clamp(self) -> Clamp {
        match self {
            Self::Store => Clamp::STORE,
            Self::Clamped(clamp) => clamp,
            Self::Real => Clamp::NONE,
        }
    }
}
