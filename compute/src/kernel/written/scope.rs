//! For which elements a statement is run: those whose branches lead to it and that have not left.

use super::value::Truth;

/// A loop that is running.
#[derive(Debug)]
pub(super) struct Around {
    /// Which elements have left it.
    pub(super) broken: Truth,
    /// Which elements are done with this turn.
    pub(super) continued: Truth,
    /// Variables with integers that were written when some elements had left it.
    pub(super) after_break: Vec<usize>,
    /// Variables with integers that were written when some elements were done with this turn.
    pub(super) after_continue: Vec<usize>,
}

impl Around {
    /// A loop that no element has left.
    pub(super) fn entered() -> Around {
        Around {
            broken: Truth::Known(false),
            continued: Truth::Known(false),
            after_break: Vec::new(),
            after_continue: Vec::new(),
        }
    }

    /// Notes that an integer of a variable is written.
    pub(super) fn write(&mut self, variable: usize) {
        if matches!(self.broken, Truth::Each(_)) {
            self.after_break.push(variable);
        }
        if matches!(self.continued, Truth::Each(_)) {
            self.after_continue.push(variable);
        }
    }
}

/// Where the statements of a block stand.
#[derive(Clone, Copy, Debug)]
pub(super) struct Branch {
    /// The elements that come to its first statement.
    pub(super) entered: Truth,
    /// Whether all that run the innermost loop's turn come to it.
    pub(super) all_of_turn: bool,
    /// Whether all that the function was called for come to it.
    pub(super) all_of_call: bool,
}
