//! What a call does to the world, as types. A [`Grant`] is the proof that the pipeline let a call
//! have its effect; operations that mutate demand one, so a tool that is declared [`Read`] and
//! mutates does not compile.

use std::fmt;
use std::marker::PhantomData;

use serde::Serialize;

/// The effect of a call, weakest first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Effect {
    /// Observes and alters nothing.
    Read,
    /// Only adds.
    Add,
    /// Alters exactly what its caller names and could put back.
    Change,
    /// May lose data for good.
    Destroy,
}

impl Effect {
    /// All of them, weakest first.
    pub const ALL: [Self; 4] = [Self::Read, Self::Add, Self::Change, Self::Destroy];

    /// Whether the call alters anything.
    pub fn mutates(self) -> bool {
        self != Self::Read
    }

    /// The lower-case name, as in policy files and the audit log.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Read => "read",
            Self::Add => "add",
            Self::Change => "change",
            Self::Destroy => "destroy",
        }
    }
}

impl fmt::Display for Effect {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// An [`Effect`] as a type. Implemented by [`Read`], [`Add`], [`Change`] and [`Destroy`] only.
pub trait EffectKind: sealed::Sealed + Send + Sync + 'static {
    /// The value of this type.
    const EFFECT: Effect;
}

/// An effect that alters something: every [`EffectKind`] but [`Read`].
pub trait Mutating: EffectKind {}

/// `Self` allows all that `E` allows.
pub trait Covers<E: EffectKind>: EffectKind {}

macro_rules! effects {
    ($($(#[$doc:meta])* $name:ident),* $(,)?) => {$(
        $(#[$doc])*
        #[derive(Debug, Clone, Copy)]
        pub enum $name {}
        impl sealed::Sealed for $name {}
        impl EffectKind for $name {
            const EFFECT: Effect = Effect::$name;
        }
        impl Covers<$name> for $name {}
    )*};
}

effects! {
    /// See [`Effect::Read`].
    Read,
    /// See [`Effect::Add`].
    Add,
    /// See [`Effect::Change`].
    Change,
    /// See [`Effect::Destroy`].
    Destroy,
}

impl Mutating for Add {}
impl Mutating for Change {}
impl Mutating for Destroy {}
impl Covers<Add> for Change {}
impl Covers<Add> for Destroy {}
impl Covers<Change> for Destroy {}

/// Proof that the pipeline let a call have the effect `E`.
///
/// Only the pipeline makes one; it can neither be copied nor stored beyond the operation that
/// consumes it.
///
/// ```compile_fail,E0624
/// use lockkeeper_core::{Change, Grant};
/// let forged: Grant<Change> = Grant::new();
/// ```
#[derive(Debug)]
#[must_use = "a grant is spent on the operation that it allows"]
pub struct Grant<E: EffectKind> {
    is_cautioned: bool,
    effect: PhantomData<fn() -> E>,
}

impl<E: EffectKind> Grant<E> {
    pub(crate) fn new() -> Self {
        Self { is_cautioned: false, effect: PhantomData }
    }

    /// The same from a person who was told why to think twice.
    pub(crate) fn cautioned(self, is_cautioned: bool) -> Self {
        Self { is_cautioned, ..self }
    }

    /// Whether a person said yes to this call although [`Server::caution`](crate::Server::caution)
    /// spoke against it.
    pub fn is_cautioned(&self) -> bool {
        self.is_cautioned
    }

    /// The same permission for less.
    pub fn weaken<W: EffectKind>(self) -> Grant<W>
    where
        E: Covers<W>,
    {
        Grant { is_cautioned: self.is_cautioned, effect: PhantomData }
    }
}

mod sealed {
    pub trait Sealed {}
}
