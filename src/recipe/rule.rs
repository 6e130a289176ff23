//! What routes and views follow.

use std::hash::{Hash, Hasher};
use std::sync::Arc;

/// A rule of a route or a view. Two are equal where they are one.
#[derive(Debug)]
pub struct Rule<T: ?Sized>(pub Arc<T>);

impl<T: ?Sized> Clone for Rule<T> {
    fn clone(&self) -> Self {
        Rule(Arc::clone(&self.0))
    }
}

impl<T: ?Sized> PartialEq for Rule<T> {
    fn eq(&self, other: &Self) -> bool {
        Arc::as_ptr(&self.0).cast::<()>() == Arc::as_ptr(&other.0).cast::<()>()
    }
}

impl<T: ?Sized> Hash for Rule<T> {
    fn hash<H: Hasher>(&self, state: &mut H) {
        Arc::as_ptr(&self.0).cast::<()>().hash(state);
    }
}

impl<T: ?Sized> Eq for Rule<T> {}
