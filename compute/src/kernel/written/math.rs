//! Operations on values: known ones are computed, those per element become steps.

use naga::{BinaryOperator, MathFunction, Span};

use super::run::{Rounding, Run};
use super::value::{Number, Truth, Value};
use crate::dtype::codec;
use crate::fault::Fault;
use crate::kernel::{Formula, Node, Operand};

impl Run<'_> {
    /// A known number as the kernels see it.
    fn rounded(&self, x: f32) -> f32 {
        match self.rounding {
            Rounding::Working => f32::from_bits(self.expression.compute().scalar(f64::from(x))),
            Rounding::Stated => x,
        }
    }

    /// A number as a value of the expression.
    pub fn node(&mut self, number: Number) -> Node {
        match number {
            Number::Each(node) => node,
            Number::Known(x) => {
                let number = self.expression.scalar(f64::from(x));
                self.expression.call(Formula::Fill, &[number])
            }
        }
    }

    /// A formula's value.
    pub(super) fn apply(&mut self, formula: Formula, numbers: &[Number]) -> Value {
        let operands: Vec<Operand> = numbers.iter().map(|x| self.node(*x).into()).collect();
        Value::each(self.expression.call(formula, &operands))
    }

    /// A formula of two numbers, computed here where both are known.
    fn pair(
        &mut self,
        formula: Formula,
        [a, b]: [Number; 2],
        known: impl Fn(f32, f32) -> f32,
    ) -> Value {
        match (a, b) {
            (Number::Known(a), Number::Known(b)) => Value::known(self.rounded(known(a, b))),
            _ => self.apply(formula, &[a, b]),
        }
    }

    /// A formula of one number, computed here where it is known.
    fn single(&mut self, formula: Formula, x: Number, known: impl Fn(f32) -> f32) -> Value {
        match x {
            Number::Known(x) => Value::known(self.rounded(known(x))),
            x => self.apply(formula, &[x]),
        }
    }

    /// Whether two numbers are as a formula says.
    pub(super) fn comparison(&mut self, formula: Formula, a: Number, b: Number) -> Truth {
        match (a, b) {
            (Number::Known(a), Number::Known(b)) => Truth::Known(match formula {
                Formula::IsBelow => a < b,
                _ => a == b,
            }),
            _ => {
                let operands = [self.node(a).into(), self.node(b).into()];
                Truth::Each(self.expression.call(formula, &operands))
            }
        }
    }

    pub(super) fn not(&mut self, truth: Truth) -> Truth {
        match truth {
            Truth::Known(truth) => Truth::Known(!truth),
            Truth::Each(node) => {
                let one = self.node(Number::Known(1.0));
                let operands = [one.into(), node.into()];
                Truth::Each(self.expression.call(Formula::Sub, &operands))
            }
        }
    }

    pub(super) fn both(&mut self, a: Truth, b: Truth) -> Truth {
        match (a, b) {
            (Truth::Known(true), other) | (other, Truth::Known(true)) => other,
            (Truth::Known(false), _) | (_, Truth::Known(false)) => Truth::Known(false),
            (Truth::Each(a), Truth::Each(b)) => {
                Truth::Each(self.expression.call(Formula::Least, &[a.into(), b.into()]))
            }
        }
    }

    pub(super) fn either(&mut self, a: Truth, b: Truth) -> Truth {
        match (a, b) {
            (Truth::Known(false), other) | (other, Truth::Known(false)) => other,
            (Truth::Known(true), _) | (_, Truth::Known(true)) => Truth::Known(true),
            (Truth::Each(a), Truth::Each(b)) => Truth::Each(
                self.expression
                    .call(Formula::Greatest, &[a.into(), b.into()]),
            ),
        }
    }

    /// One value where the condition holds, another elsewhere.
    pub(super) fn choose(
        &mut self,
        condition: Truth,
        accept: Value,
        reject: Value,
        span: Span,
    ) -> Result<Value, Fault> {
        let each = match condition {
            Truth::Known(true) => return Ok(accept),
            Truth::Known(false) => return Ok(reject),
            Truth::Each(node) => node,
        };
        match (accept, reject) {
            (a, b) if a == b => Ok(a),
            (Value::Number(a), Value::Number(b)) => {
                Ok(self.apply(Formula::ChooseEach, &[a, b, Number::Each(each)]))
            }
            (Value::Truth(a), Value::Truth(b)) => {
                let a = self.both(condition, a);
                let other = self.not(condition);
                let b = self.both(other, b);
                Ok(Value::Truth(self.either(a, b)))
            }
            (Value::Parts(a), Value::Parts(b)) if a.len() == b.len() => {
                let parts = a.into_iter().zip(b);
                let parts = parts.map(|(a, b)| self.choose(condition, a, b, span));
                Ok(Value::Parts(parts.collect::<Result<_, Fault>>()?))
            }
            (accept, _) => {
                let message = format!("{} that hangs on elements", accept.kind());
                Err(Self::fault(span, message)
                    .help("integers count and index; what hangs on elements is f32 or bool"))
            }
        }
    }

    pub(super) fn binary(
        &mut self,
        op: BinaryOperator,
        left: Value,
        right: Value,
        span: Span,
    ) -> Result<Value, Fault> {
        match (left, right) {
            (Value::Number(a), Value::Number(b)) => self.of_numbers(op, a, b, span),
            (Value::Truth(a), Value::Truth(b)) => Ok(Value::Truth(match op {
                BinaryOperator::LogicalAnd | BinaryOperator::And => self.both(a, b),
                BinaryOperator::LogicalOr | BinaryOperator::InclusiveOr => self.either(a, b),
                BinaryOperator::NotEqual => self.differ(a, b),
                BinaryOperator::Equal => {
                    let differ = self.differ(a, b);
                    self.not(differ)
                }
                _ => return Err(Self::unfit(span, &Value::Truth(a))),
            })),
            (Value::Unsigned(a), Value::Unsigned(b)) => {
                let unfit = || Self::unfit(span, &Value::Unsigned(a));
                unsigned(op, a, b).ok_or_else(unfit)
            }
            (Value::Signed(a), Value::Signed(b)) => {
                let unfit = || Self::unfit(span, &Value::Signed(a));
                signed(op, a, b).ok_or_else(unfit)
            }
            (Value::Signed(a), Value::Unsigned(b)) => match op {
                BinaryOperator::ShiftLeft => Ok(Value::Signed(a.wrapping_shl(b))),
                BinaryOperator::ShiftRight => Ok(Value::Signed(a.wrapping_shr(b))),
                _ => Err(Self::unfit(span, &Value::Signed(a))),
            },
            (left, _) => Err(Self::unfit(span, &left)),
        }
    }

    /// Whether one condition holds and the other does not.
    fn differ(&mut self, a: Truth, b: Truth) -> Truth {
        let (not_a, not_b) = (self.not(a), self.not(b));
        let first = self.both(a, not_b);
        let second = self.both(not_a, b);
        self.either(first, second)
    }

    fn of_numbers(
        &mut self,
        op: BinaryOperator,
        a: Number,
        b: Number,
        span: Span,
    ) -> Result<Value, Fault> {
        let truth = match op {
            BinaryOperator::Add => return Ok(self.pair(Formula::Add, [a, b], |a, b| a + b)),
            BinaryOperator::Subtract => return Ok(self.pair(Formula::Sub, [a, b], |a, b| a - b)),
            BinaryOperator::Multiply => return Ok(self.pair(Formula::Mul, [a, b], |a, b| a * b)),
            BinaryOperator::Divide => return Ok(self.pair(Formula::Divide, [a, b], |a, b| a / b)),
            BinaryOperator::Less => self.comparison(Formula::IsBelow, a, b),
            BinaryOperator::Greater => self.comparison(Formula::IsBelow, b, a),
            BinaryOperator::Equal => self.comparison(Formula::IsSame, a, b),
            BinaryOperator::NotEqual => {
                let same = self.comparison(Formula::IsSame, a, b);
                self.not(same)
            }
            BinaryOperator::LessEqual | BinaryOperator::GreaterEqual => {
                let [low, high] = match op {
                    BinaryOperator::LessEqual => [a, b],
                    _ => [b, a],
                };
                let below = self.comparison(Formula::IsBelow, low, high);
                let same = self.comparison(Formula::IsSame, low, high);
                self.either(below, same)
            }
            _ => {
                let fault = Self::fault(span, "this operation on f32 is not taken");
                return Err(fault.help("`%` is x - trunc(x / y) * y"));
            }
        };
        Ok(Value::Truth(truth))
    }

    pub(super) fn math(
        &mut self,
        fun: MathFunction,
        arguments: &[Value],
        span: Span,
    ) -> Result<Value, Fault> {
        if let [Value::Unsigned(a), rest @ ..] = arguments {
            return match (fun, rest) {
                (MathFunction::Min, [Value::Unsigned(b)]) => Ok(Value::Unsigned(*a.min(b))),
                (MathFunction::Max, [Value::Unsigned(b)]) => Ok(Value::Unsigned(*a.max(b))),
                _ => Err(Self::unfit(span, &Value::Unsigned(*a))),
            };
        }
        let number = |value: &Value| match value {
            Value::Number(number) => Ok(*number),
            other => Err(Self::unfit(span, other)),
        };
        let numbers = arguments.iter().map(number);
        let numbers = numbers.collect::<Result<Vec<Number>, Fault>>()?;
        Ok(match (fun, numbers.as_slice()) {
            (MathFunction::Abs, &[x]) => self.single(Formula::Magnitude, x, f32::abs),
            (MathFunction::Sqrt, &[x]) => self.single(Formula::Root, x, f32::sqrt),
            (MathFunction::Floor, &[x]) => self.single(Formula::RoundDown, x, f32::floor),
            (MathFunction::Ceil, &[x]) => self.single(Formula::RoundUp, x, f32::ceil),
            (MathFunction::Trunc, &[x]) => self.single(Formula::WholePart, x, f32::trunc),
            (MathFunction::Round, &[x]) => self.single(Formula::RoundEven, x, f32::round_ties_even),
            (MathFunction::Sign, &[x]) => self.single(Formula::Vote, x, |x| match x {
                x if x > 0.0 => 1.0,
                x if x < 0.0 => -1.0,
                _ => 0.0,
            }),
            (MathFunction::Min, &[a, b]) => self.least(a, b),
            (MathFunction::Max, &[a, b]) => self.greatest(a, b),
            (MathFunction::Clamp, &[x, low, high]) => self.within(x, low, high),
            (MathFunction::Saturate, &[x]) => {
                self.within(x, Number::Known(0.0), Number::Known(1.0))
            }
            (MathFunction::Mix, &[a, b, t]) => {
                // a (1 - t) + b t, as WGSL defines it.
                let rest = self.pair(Formula::Sub, [Number::Known(1.0), t], |a, b| a - b);
                let first = self.product(a, number(&rest)?);
                let second = self.product(b, t);
                let sum = [number(&first)?, number(&second)?];
                self.pair(Formula::Add, sum, |a, b| a + b)
            }
            (MathFunction::Step, &[edge, x]) => {
                let below = self.comparison(Formula::IsBelow, x, edge);
                let [zero, one] = [0.0, 1.0].map(Value::known);
                self.choose(below, zero, one, span)?
            }
            (MathFunction::Fract, &[x]) => {
                let whole = self.single(Formula::RoundDown, x, f32::floor);
                self.pair(Formula::Sub, [x, number(&whole)?], |a, b| a - b)
            }
            _ => return Err(not_taken(fun, span)),
        })
    }

    fn product(&mut self, a: Number, b: Number) -> Value {
        self.pair(Formula::Mul, [a, b], |a, b| a * b)
    }

    fn least(&mut self, a: Number, b: Number) -> Value {
        self.pair(Formula::Least, [a, b], |a, b| {
            match ordered(b) < ordered(a) {
                _ if a.is_nan() || b.is_nan() => f32::NAN,
                true => b,
                false => a,
            }
        })
    }

    fn greatest(&mut self, a: Number, b: Number) -> Value {
        self.pair(Formula::Greatest, [a, b], |a, b| {
            match ordered(a) < ordered(b) {
                true => b,
                false => a,
            }
        })
    }

    /// min(max(x, low), high).
    fn within(&mut self, x: Number, low: Number, high: Number) -> Value {
        match self.greatest(x, low) {
            Value::Number(x) => self.least(x, high),
            other => other,
        }
    }
}

/// The order of numbers on their bits, as `shaders/formula/bound.wgsl` has it.
fn ordered(x: f32) -> u32 {
    let bits = codec::settled(x.to_bits());
    match bits >> 31 {
        1 => !bits,
        _ => bits | 0x8000_0000,
    }
}

fn not_taken(fun: MathFunction, span: Span) -> Fault {
    let name = format!("{fun:?}").to_lowercase();
    let fault = Fault::new(
        span.to_range().unwrap_or(0..0),
        format!("`{name}` is not taken: devices differ in its last bits"),
    );
    fault.help(
        "taken are + - * /, comparisons, select, abs, sign, min, max, clamp, saturate, mix, step, \
         sqrt, floor, ceil, trunc, round, fract",
    )
}

fn unsigned(op: BinaryOperator, a: u32, b: u32) -> Option<Value> {
    Some(match op {
        BinaryOperator::Add => Value::Unsigned(a.wrapping_add(b)),
        BinaryOperator::Subtract => Value::Unsigned(a.wrapping_sub(b)),
        BinaryOperator::Multiply => Value::Unsigned(a.wrapping_mul(b)),
        BinaryOperator::Divide => Value::Unsigned(a.checked_div(b).unwrap_or(a)),
        BinaryOperator::Modulo => Value::Unsigned(a.checked_rem(b).unwrap_or(0)),
        BinaryOperator::And => Value::Unsigned(a & b),
        BinaryOperator::InclusiveOr => Value::Unsigned(a | b),
        BinaryOperator::ExclusiveOr => Value::Unsigned(a ^ b),
        BinaryOperator::ShiftLeft => Value::Unsigned(a.wrapping_shl(b)),
        BinaryOperator::ShiftRight => Value::Unsigned(a.wrapping_shr(b)),
        _ => return compared(op, a, b),
    })
}

fn signed(op: BinaryOperator, a: i32, b: i32) -> Option<Value> {
    Some(match op {
        BinaryOperator::Add => Value::Signed(a.wrapping_add(b)),
        BinaryOperator::Subtract => Value::Signed(a.wrapping_sub(b)),
        BinaryOperator::Multiply => Value::Signed(a.wrapping_mul(b)),
        BinaryOperator::Divide => Value::Signed(a.checked_div(b).unwrap_or(a)),
        BinaryOperator::Modulo => Value::Signed(a.checked_rem(b).unwrap_or(0)),
        _ => return compared(op, a, b),
    })
}

/// Whether integers are as an operator says.
fn compared<T: PartialOrd>(op: BinaryOperator, a: T, b: T) -> Option<Value> {
    let truth = match op {
        BinaryOperator::Equal => a == b,
        BinaryOperator::NotEqual => a != b,
        BinaryOperator::Less => a < b,
        BinaryOperator::LessEqual => a <= b,
        BinaryOperator::Greater => a > b,
        BinaryOperator::GreaterEqual => a >= b,
        _ => return None,
    };
    Some(Value::Truth(Truth::Known(truth)))
}
