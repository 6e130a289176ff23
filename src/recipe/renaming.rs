//! Tensors under other names, and tensors of several nodes side by side: what stacks layers.

use std::fmt::Debug;

use super::{Rule, View};

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
