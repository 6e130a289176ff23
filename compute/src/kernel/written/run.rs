//! A function that is running: its statements.

use naga::{Block, Expression as Naga, Function, Handle, Span, Statement};

use super::scope::{Around, Branch};
use super::source::Source;
use super::value::{Place, Truth, Value, part_of};
use crate::fault::Fault;
use crate::kernel::Expression;

/// Turns of one loop at most.
const TURNS_MAX: usize = 4096;

/// Operations of one call at most, those of the functions that it calls included.
const OPERATIONS_MAX: usize = 1 << 18;

/// Calls within one another at most.
const CALLS_MAX: usize = 32;

/// What rounds known numbers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Rounding {
    /// Every operation, to the working dtype of the expression, as its steps do.
    Working,
    /// The text itself: operations are those of f32.
    Stated,
}

/// A run of functions of a source, whose steps go into an expression.
pub struct Run<'a> {
    pub(super) source: &'a Source,
    pub(super) expression: &'a mut Expression,
    pub(super) rounding: Rounding,
    operations: usize,
    calls: usize,
    /// The last operation that has a place in the text.
    place: Span,
}

/// A function that is running.
pub(super) struct Frame<'a> {
    pub(super) function: &'a Function,
    pub(super) arguments: Vec<Value>,
    /// The values of its expressions, as far as they were computed.
    pub(super) values: Vec<Option<Value>>,
    pub(super) locals: Vec<Value>,
    loops: Vec<Around>,
    returned: Truth,
    result: Option<Value>,
}

impl Frame<'_> {
    /// The innermost loop.
    fn around(&mut self) -> &mut Around {
        self.loops
            .last_mut()
            .expect("naga refuses what stands in no loop")
    }
}

impl<'a> Run<'a> {
    /// Begins with nothing done.
    pub fn new(source: &'a Source, expression: &'a mut Expression, rounding: Rounding) -> Run<'a> {
        Run {
            source,
            expression,
            rounding,
            operations: 0,
            calls: 0,
            place: Span::UNDEFINED,
        }
    }

    /// Calls a function by its name. Its arguments must be of its parameters' types.
    pub fn call(&mut self, name: &str, arguments: Vec<Value>) -> Result<Value, Fault> {
        match self.source.function(name) {
            Some(handle) => self.enter(handle, arguments, Span::UNDEFINED),
            None => Err(Fault::new(0..0, format!("there is no function `{name}`"))),
        }
    }

    /// A fault at a place of the text.
    pub(super) fn fault(span: Span, message: impl Into<String>) -> Fault {
        Fault::new(span.to_range().unwrap_or(0..0), message)
    }

    /// Counts an operation.
    pub(super) fn count(&mut self, span: Span) -> Result<(), Fault> {
        self.operations += 1;
        if span.is_defined() {
            self.place = span;
        }
        if self.operations > OPERATIONS_MAX || self.expression.excess().is_some() {
            return Err(Self::fault(self.place, "the formula takes too many steps")
                .help("loops are unrolled: let them end by a number, and have fewer turns"));
        }
        Ok(())
    }

    fn enter(
        &mut self,
        handle: Handle<Function>,
        arguments: Vec<Value>,
        span: Span,
    ) -> Result<Value, Fault> {
        if self.calls == CALLS_MAX {
            let message = format!("more than {CALLS_MAX} calls within one another");
            return Err(Self::fault(span, message));
        }
        self.calls += 1;
        let function = &self.source.module.functions[handle];
        let mut frame = Frame {
            function,
            arguments,
            values: vec![None; function.expressions.len()],
            locals: Vec::new(),
            loops: Vec::new(),
            returned: Truth::Known(false),
            result: None,
        };
        for (local, variable) in function.local_variables.iter() {
            let span = function.local_variables.get_span(local);
            let value = match variable.init {
                Some(init) => self.value(&mut frame, init)?,
                None => self.zero(variable.ty, span)?,
            };
            frame.locals.push(value);
        }
        let branch = Branch {
            entered: Truth::Known(true),
            all_of_turn: true,
            all_of_call: true,
        };
        self.block(&mut frame, &function.body, branch)?;
        self.calls -= 1;
        let none = || Self::fault(span, "the function gives nothing");
        frame.result.ok_or_else(none)
    }

    /// Which of a block's elements are still there.
    fn present(&mut self, frame: &Frame<'a>, branch: Branch) -> Truth {
        let mut gone = frame.returned;
        if let Some(around) = frame.loops.last() {
            let (broken, continued) = (around.broken, around.continued);
            gone = self.either(gone, broken);
            gone = self.either(gone, continued);
        }
        let there = self.not(gone);
        self.both(branch.entered, there)
    }

    /// The branch of those for which a condition holds.
    fn narrowed(&mut self, branch: Branch, condition: Truth) -> Branch {
        let all = condition == Truth::Known(true);
        Branch {
            entered: self.both(branch.entered, condition),
            all_of_turn: branch.all_of_turn && all,
            all_of_call: branch.all_of_call && all,
        }
    }

    fn block(
        &mut self,
        frame: &mut Frame<'a>,
        block: &'a Block,
        branch: Branch,
    ) -> Result<(), Fault> {
        for (statement, span) in block.span_iter() {
            let present = self.present(frame, branch);
            if present == Truth::Known(false) {
                break;
            }
            self.statement(frame, statement, *span, branch, present)?;
        }
        Ok(())
    }

    fn statement(
        &mut self,
        frame: &mut Frame<'a>,
        statement: &'a Statement,
        span: Span,
        branch: Branch,
        present: Truth,
    ) -> Result<(), Fault> {
        match statement {
            Statement::Emit(range) => {
                for handle in range.clone() {
                    let value = self.compute(frame, handle)?;
                    frame.values[handle.index()] = Some(value);
                }
            }
            Statement::Block(block) => self.block(frame, block, branch)?,
            Statement::If {
                condition,
                accept,
                reject,
            } => {
                let condition = self.truth(frame, *condition)?;
                self.branches(frame, condition, [accept, reject], branch)?;
            }
            Statement::Loop {
                body,
                continuing,
                break_if,
            } => self.turns(frame, (body, continuing, *break_if), span, present)?,
            Statement::Break => self.leave(frame, branch, present),
            Statement::Continue => self.skip(frame, branch, present),
            Statement::Return { value: Some(value) } => {
                let value = self.value(frame, *value)?;
                self.give(frame, value, branch, present, span)?;
            }
            Statement::Store { pointer, value } => {
                let value = self.value(frame, *value)?;
                let place = self.place(frame, *pointer)?;
                self.store(frame, &place, value, present, span)?;
            }
            Statement::Call {
                function,
                arguments,
                result: Some(result),
            } => {
                let given = arguments
                    .iter()
                    .map(|argument| self.value(frame, *argument));
                let given = given.collect::<Result<Vec<Value>, Fault>>()?;
                let value = self.enter(*function, given, span)?;
                frame.values[result.index()] = Some(value);
            }
            Statement::Switch { .. } => {
                let fault = Self::fault(span, "`switch` is not taken");
                return Err(fault.help("write it with `if`"));
            }
            _ => {
                return Err(Self::fault(
                    span,
                    "this statement has no place in a formula",
                ));
            }
        }
        Ok(())
    }

    /// Ends the turn of the innermost loop for some elements.
    fn skip(&mut self, frame: &mut Frame<'a>, branch: Branch, skipping: Truth) {
        let continued = frame.around().continued;
        frame.around().continued = match branch.all_of_turn {
            true => Truth::Known(true),
            false => self.either(continued, skipping),
        };
    }

    /// Lets elements leave the function with a value.
    fn give(
        &mut self,
        frame: &mut Frame<'a>,
        value: Value,
        branch: Branch,
        leaving: Truth,
        span: Span,
    ) -> Result<(), Fault> {
        frame.result = Some(match frame.result.take() {
            Some(known) => self.choose(leaving, value, known, span)?,
            None => value,
        });
        let none = Truth::Known(false);
        let stay = |around: &Around| around.broken == none && around.continued == none;
        frame.returned = match branch.all_of_call && frame.loops.iter().all(stay) {
            true => Truth::Known(true),
            false => self.either(frame.returned, leaving),
        };
        Ok(())
    }

    /// Runs a loop as long as an element is in it.
    fn turns(
        &mut self,
        frame: &mut Frame<'a>,
        (body, continuing, break_if): (&'a Block, &'a Block, Option<Handle<Naga>>),
        span: Span,
        entered: Truth,
    ) -> Result<(), Fault> {
        let none = Truth::Known(false);
        let all_of_call = entered == Truth::Known(true);
        frame.loops.push(Around::entered());
        for _ in 0..TURNS_MAX {
            let branch = Branch {
                entered,
                all_of_turn: true,
                all_of_call,
            };
            self.block(frame, body, branch)?;
            let around = frame.around();
            around.continued = none;
            for variable in std::mem::take(&mut around.after_continue) {
                frame.locals[variable] = Value::Mixed;
            }
            self.block(frame, continuing, branch)?;
            if let Some(condition) = break_if {
                let present = self.present(frame, branch);
                let condition = self.truth(frame, condition)?;
                let within = self.narrowed(branch, condition);
                let leaving = self.both(present, condition);
                if leaving != none {
                    self.leave(frame, within, leaving);
                }
            }
            if self.present(frame, branch) == none {
                let around = frame.loops.pop();
                for variable in around.map(|around| around.after_break).unwrap_or_default() {
                    frame.locals[variable] = Value::Mixed;
                }
                return Ok(());
            }
        }
        let fault = Self::fault(
            span,
            format!("the loop has no end within {TURNS_MAX} turns"),
        );
        Err(fault.help("let it end by a number, as in `for (var i = 0u; i < 8u; i++)`"))
    }

    /// Lets elements leave the innermost loop.
    fn leave(&mut self, frame: &mut Frame<'a>, branch: Branch, leaving: Truth) {
        let (broken, continued) = (frame.around().broken, frame.around().continued);
        // Those that are done with this turn come back for the next.
        frame.around().broken = match branch.all_of_turn && continued == Truth::Known(false) {
            true => Truth::Known(true),
            false => self.either(broken, leaving),
        };
    }

    fn store(
        &mut self,
        frame: &mut Frame<'a>,
        place: &Place,
        value: Value,
        present: Truth,
        span: Span,
    ) -> Result<(), Fault> {
        let variable = place.variable.index();
        let counts = value.counts();
        if counts {
            // Other elements keep what they have: who reads it where they meet again is refused.
            for around in &mut frame.loops {
                around.write(variable);
            }
        }
        let outside = || Self::fault(span, "there is no such part");
        let at = part_of(&mut frame.locals[variable], &place.path).ok_or_else(outside)?;
        *at = match present {
            Truth::Each(_) if !counts => {
                let known = at.clone();
                self.choose(present, value, known, span)?
            }
            _ => value,
        };
        Ok(())
    }

    /// Runs the branches of a condition. Integers that both leave alike stay known.
    fn branches(
        &mut self,
        frame: &mut Frame<'a>,
        condition: Truth,
        [accept, reject]: [&'a Block; 2],
        branch: Branch,
    ) -> Result<(), Fault> {
        let before = match condition {
            Truth::Known(_) => Vec::new(),
            Truth::Each(_) => frame.locals.clone(),
        };
        let within = self.narrowed(branch, condition);
        self.block(frame, accept, within)?;
        let accepted = before.iter().zip(&mut frame.locals);
        let accepted = accepted.map(|(before, now)| match now.counts() {
            true => Some(std::mem::replace(now, before.clone())),
            false => None,
        });
        let accepted: Vec<Option<Value>> = accepted.collect();
        let other = self.not(condition);
        let within = self.narrowed(branch, other);
        self.block(frame, reject, within)?;
        for (accepted, now) in accepted.into_iter().zip(&mut frame.locals) {
            if accepted.is_some_and(|accepted| accepted != *now) {
                *now = Value::Mixed;
            }
        }
        Ok(())
    }
}
