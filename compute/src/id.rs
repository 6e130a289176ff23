//! Numbers of things that are types of their own, so that none passes for another.

use std::marker::PhantomData;
use std::ops::{Deref, DerefMut, Index, IndexMut};

/// Types of numbers that count from 0, each with the integer that holds it. They read as their
/// number, and are made where it is known to number something.
#[doc(hidden)]
#[macro_export]
macro_rules! ids {
    ($($(#[$doc:meta])* $name:ident($number:ty);)*) => {$(
        $(#[$doc])*
        #[derive(Clone, Copy, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub struct $name($number);

        impl $name {
            /// What has this number.
            pub const fn new(number: $number) -> $name {
                $name(number)
            }

            /// All numbers, in order.
            pub fn all() -> impl Iterator<Item = $name> + Clone {
                (0..=<$number>::MAX).map($name)
            }

            /// The number of what comes after `count` others; None where it is too large.
            pub fn after(count: usize) -> Option<$name> {
                <$number>::try_from(count).ok().map($name)
            }

            /// The number, to look up what it numbers.
            pub const fn index(self) -> usize {
                self.0 as usize
            }
        }

        impl From<$number> for $name {
            fn from(number: $number) -> $name {
                $name(number)
            }
        }

        impl From<$name> for usize {
            fn from(id: $name) -> usize {
                id.index()
            }
        }

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                std::fmt::Display::fmt(&self.0, f)
            }
        }

        impl std::fmt::Debug for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                std::fmt::Debug::fmt(&self.0, f)
            }
        }
    )*};
}

#[doc(hidden)]
pub use ids;

/// A list whose entries are looked up by numbers of their own type; else it is a slice.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct IndexVec<I, T> {
    entries: Vec<T>,
    numbers: PhantomData<fn(I)>,
}

impl<I, T> IndexVec<I, T> {
    /// Its entries with their numbers.
    pub fn numbered(&self) -> impl Iterator<Item = (I, &T)>
    where
        I: From<usize>,
    {
        let entries = self.entries.iter().enumerate();
        entries.map(|(number, entry)| (I::from(number), entry))
    }

    /// Appends an entry and returns its number.
    pub fn push(&mut self, entry: T) -> I
    where
        I: From<usize>,
    {
        self.entries.push(entry);
        I::from(self.entries.len() - 1)
    }
}

impl<I, T> From<Vec<T>> for IndexVec<I, T> {
    fn from(entries: Vec<T>) -> IndexVec<I, T> {
        IndexVec {
            entries,
            numbers: PhantomData,
        }
    }
}

impl<I, T> Default for IndexVec<I, T> {
    fn default() -> IndexVec<I, T> {
        Vec::new().into()
    }
}

impl<I, T> Deref for IndexVec<I, T> {
    type Target = [T];

    fn deref(&self) -> &[T] {
        &self.entries
    }
}

impl<I, T> DerefMut for IndexVec<I, T> {
    fn deref_mut(&mut self) -> &mut [T] {
        &mut self.entries
    }
}

impl<I: Into<usize>, T> Index<I> for IndexVec<I, T> {
    type Output = T;

    fn index(&self, number: I) -> &T {
        &self.entries[number.into()]
    }
}

impl<I: Into<usize>, T> IndexMut<I> for IndexVec<I, T> {
    fn index_mut(&mut self, number: I) -> &mut T {
        &mut self.entries[number.into()]
    }
}

impl<'v, I, T> IntoIterator for &'v IndexVec<I, T> {
    type Item = &'v T;
    type IntoIter = std::slice::Iter<'v, T>;

    fn into_iter(self) -> std::slice::Iter<'v, T> {
        self.entries.iter()
    }
}
