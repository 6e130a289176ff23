//! Tensors under other names, and tensors of several nodes side by side: what stacks layers.

use std::fmt::Debug;
use std::hash::{Hash, Hasher};
use std::sync::Arc;

use super::View;

/// Other names for tensors. One tensor may get several: a layer that is used twice.
pub trait Renaming: Debug + Send + Sync {
    /// The input's name of the tensor that goes by `name` behind it; None where none does.
    fn source(&self, name: &str) -> Option<String>;

    /// The names that a tensor of the input gets: none where it is left out.
    fn targets(&self, name: &str) -> Vec<String>;
}

/// Which of several inputs a tensor is of.
pub trait Selection: Debug + Send + Sync {
    /// The position of the input that has the tensor; None where none does.
    fn input(&self, name: &str) -> Option<usize>;
}

/// A rule of a route. Two are equal where they are one.
#[derive(Debug)]
pub struct Rule<T: ?Sized>(pub Arc<T>);

impl Rule<dyn Renaming> {
    /// A view of the tensors under their new names, as one of those that the input has.
    pub(super) fn renamed(&self, view: &View<String>) -> Option<View<String>> {
        view.replace(&mut |name: &String| self.0.source(name).map(View::Tensor))
    }
}

impl Rule<dyn Selection> {
    /// The input that has all tensors of a view.
    pub(super) fn selected(&self, view: &View<String>) -> Option<usize> {
        let mut inputs = view.leaves().into_iter().map(|name| self.0.input(name));
        let first = inputs.next()??;
        inputs.all(|input| input == Some(first)).then_some(first)
    }
}

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
