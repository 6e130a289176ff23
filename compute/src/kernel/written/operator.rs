//! The expressions of a running function.

use naga::{Expression as Naga, Handle, Literal, ScalarKind, Span, Type, TypeInner, UnaryOperator};

use super::run::{Frame, Run};
use super::value::{Number, Place, Truth, Value, part_of};
use crate::fault::Fault;
use crate::kernel::Formula;

impl<'a> Run<'a> {
    /// The value of an expression, which is computed now if it was not yet.
    pub(super) fn value(
        &mut self,
        frame: &mut Frame<'a>,
        handle: Handle<Naga>,
    ) -> Result<Value, Fault> {
        match &frame.values[handle.index()] {
            Some(value) => Ok(value.clone()),
            None => self.compute(frame, handle),
        }
    }

    pub(super) fn truth(
        &mut self,
        frame: &mut Frame<'a>,
        handle: Handle<Naga>,
    ) -> Result<Truth, Fault> {
        let span = frame.function.expressions.get_span(handle);
        match self.value(frame, handle)? {
            Value::Truth(truth) => Ok(truth),
            other => Err(Self::unfit(span, &other)),
        }
    }

    pub(super) fn place(
        &mut self,
        frame: &mut Frame<'a>,
        handle: Handle<Naga>,
    ) -> Result<Place, Fault> {
        let span = frame.function.expressions.get_span(handle);
        match self.value(frame, handle)? {
            Value::Place(place) => Ok(place),
            other => Err(Self::unfit(span, &other)),
        }
    }

    pub(super) fn unfit(span: Span, value: &Value) -> Fault {
        let message = format!("this operation on {} is not taken", value.kind());
        let fault = Self::fault(span, message);
        match value {
            Value::Parts(_) => fault.help("compute with the parts one by one"),
            Value::Unsigned(_) | Value::Signed(_) | Value::Mixed => {
                fault.help("integers count and index; numbers are f32")
            }
            _ => fault,
        }
    }

    /// Computes an expression.
    pub(super) fn compute(
        &mut self,
        frame: &mut Frame<'a>,
        handle: Handle<Naga>,
    ) -> Result<Value, Fault> {
        let span = frame.function.expressions.get_span(handle);
        self.count(span)?;
        match frame.function.expressions[handle] {
            Naga::FunctionArgument(number) => Ok(frame.arguments[number as usize].clone()),
            Naga::LocalVariable(variable) => Ok(Value::Place(Place {
                variable,
                path: Vec::new(),
            })),
            Naga::Load { pointer } => self.load(frame, pointer, span),
            Naga::AccessIndex { base, index } => {
                let base = self.value(frame, base)?;
                Self::part(base, i64::from(index), span)
            }
            Naga::Access { base, index } => {
                let base = self.value(frame, base)?;
                let index = self.index(frame, index, span)?;
                Self::part(base, index, span)
            }
            Naga::Compose { ref components, .. } => {
                let parts = components.iter().map(|part| self.value(frame, *part));
                Ok(Value::Parts(parts.collect::<Result<_, Fault>>()?))
            }
            Naga::Unary { op, expr } => {
                let value = self.value(frame, expr)?;
                self.unary(op, value, span)
            }
            Naga::Binary { op, left, right } => {
                let left = self.value(frame, left)?;
                let right = self.value(frame, right)?;
                self.binary(op, left, right, span)
            }
            Naga::Select {
                condition,
                accept,
                reject,
            } => {
                let condition = self.truth(frame, condition)?;
                let accept = self.value(frame, accept)?;
                let reject = self.value(frame, reject)?;
                self.choose(condition, accept, reject, span)
            }
            Naga::Math {
                fun,
                arg,
                arg1,
                arg2,
                ..
            } => {
                let arguments = [Some(arg), arg1, arg2].into_iter().flatten();
                let arguments = arguments.map(|argument| self.value(frame, argument));
                let arguments = arguments.collect::<Result<Vec<Value>, Fault>>()?;
                self.math(fun, &arguments, span)
            }
            Naga::As {
                expr,
                kind,
                convert,
            } => {
                let value = self.value(frame, expr)?;
                self.convert(value, kind, convert, span)
            }
            ref constant => self.constant(constant, span),
        }
    }

    /// What a variable, or a part of one, holds.
    fn load(
        &mut self,
        frame: &mut Frame<'a>,
        pointer: Handle<Naga>,
        span: Span,
    ) -> Result<Value, Fault> {
        let place = self.place(frame, pointer)?;
        let local = &mut frame.locals[place.variable.index()];
        let part = part_of(local, &place.path).cloned();
        part.ok_or_else(|| Self::fault(span, "there is no such part"))
    }

    fn index(
        &mut self,
        frame: &mut Frame<'a>,
        handle: Handle<Naga>,
        span: Span,
    ) -> Result<i64, Fault> {
        match self.value(frame, handle)? {
            Value::Unsigned(index) => Ok(i64::from(index)),
            Value::Signed(index) => Ok(i64::from(index)),
            other => Err(Self::unfit(span, &other)),
        }
    }

    /// A constant, outside of functions or within.
    fn constant(&mut self, expression: &Naga, span: Span) -> Result<Value, Fault> {
        let module = &self.source.module;
        match *expression {
            Naga::Literal(literal) => match literal {
                Literal::F32(number) => Ok(Value::known(number)),
                Literal::U32(number) => Ok(Value::Unsigned(number)),
                Literal::I32(number) => Ok(Value::Signed(number)),
                Literal::Bool(truth) => Ok(Value::Truth(Truth::Known(truth))),
                _ => Err(Self::fault(span, "numbers are f32, u32 or i32")),
            },
            Naga::Constant(constant) => {
                let init = module.constants[constant].init;
                self.constant(&module.global_expressions[init], span)
            }
            Naga::ZeroValue(ty) => self.zero(ty, span),
            Naga::Compose { ref components, .. } => {
                let parts = components
                    .iter()
                    .map(|part| self.constant(&module.global_expressions[*part], span));
                Ok(Value::Parts(parts.collect::<Result<_, Fault>>()?))
            }
            _ => Err(Self::fault(span, "this has no place in a formula")),
        }
    }

    /// The zero of a type.
    pub(super) fn zero(&mut self, ty: Handle<Type>, span: Span) -> Result<Value, Fault> {
        self.count(span)?;
        let module = &self.source.module;
        match module.types[ty].inner {
            TypeInner::Scalar(scalar) => match (scalar.kind, scalar.width) {
                (ScalarKind::Float, 4) => Ok(Value::known(0.0)),
                (ScalarKind::Uint, 4) => Ok(Value::Unsigned(0)),
                (ScalarKind::Sint, 4) => Ok(Value::Signed(0)),
                (ScalarKind::Bool, _) => Ok(Value::Truth(Truth::Known(false))),
                _ => Err(Self::fault(span, "numbers are f32, u32 or i32")),
            },
            TypeInner::Array {
                base,
                size: naga::ArraySize::Constant(count),
                ..
            } => {
                let parts = (0..count.get()).map(|_| self.zero(base, span));
                Ok(Value::Parts(parts.collect::<Result<_, Fault>>()?))
            }
            TypeInner::Struct { ref members, .. } => {
                let parts = members.iter().map(|member| self.zero(member.ty, span));
                Ok(Value::Parts(parts.collect::<Result<_, Fault>>()?))
            }
            _ => Err(Self::fault(span, "this type has no place in a formula")),
        }
    }

    /// A part of a value, or of a variable.
    fn part(base: Value, index: i64, span: Span) -> Result<Value, Fault> {
        let beyond =
            |count: usize| Self::fault(span, format!("there is no part {index} among {count}"));
        let number = usize::try_from(index).map_err(|_| beyond(0))?;
        match base {
            Value::Place(place) => Ok(Value::Place(place.part(number))),
            Value::Parts(parts) => parts.get(number).cloned().ok_or(beyond(parts.len())),
            other => Err(Self::unfit(span, &other)),
        }
    }

    fn unary(&mut self, op: UnaryOperator, value: Value, span: Span) -> Result<Value, Fault> {
        match (op, value) {
            (UnaryOperator::Negate, Value::Number(Number::Known(x))) => Ok(Value::known(-x)),
            (UnaryOperator::Negate, Value::Number(x)) => Ok(self.apply(Formula::Opposite, &[x])),
            (UnaryOperator::Negate, Value::Signed(x)) => Ok(Value::Signed(x.wrapping_neg())),
            (UnaryOperator::LogicalNot, Value::Truth(truth)) => Ok(Value::Truth(self.not(truth))),
            (UnaryOperator::BitwiseNot, Value::Unsigned(x)) => Ok(Value::Unsigned(!x)),
            (UnaryOperator::BitwiseNot, Value::Signed(x)) => Ok(Value::Signed(!x)),
            (_, other) => Err(Self::unfit(span, &other)),
        }
    }

    /// A value as another type; `convert` is None where its bits are taken as such.
    fn convert(
        &mut self,
        value: Value,
        kind: ScalarKind,
        convert: Option<u8>,
        span: Span,
    ) -> Result<Value, Fault> {
        if convert.is_none() {
            return match (value, kind) {
                (Value::Number(Number::Known(x)), ScalarKind::Uint) => {
                    Ok(Value::Unsigned(x.to_bits()))
                }
                (Value::Unsigned(x), ScalarKind::Float) => Ok(Value::known(f32::from_bits(x))),
                (Value::Unsigned(x), ScalarKind::Uint) => Ok(Value::Unsigned(x)),
                (other, _) => Err(Self::unfit(span, &other)),
            };
        }
        match (value, kind) {
            (Value::Number(x), ScalarKind::Float) => Ok(Value::Number(x)),
            (Value::Truth(x), ScalarKind::Bool) => Ok(Value::Truth(x)),
            (Value::Truth(Truth::Each(x)), ScalarKind::Float) => Ok(Value::each(x)),
            (Value::Truth(Truth::Known(x)), kind) => Ok(converted(f64::from(x), kind)),
            (Value::Unsigned(x), kind) => Ok(converted(f64::from(x), kind)),
            (Value::Signed(x), kind) => Ok(converted(f64::from(x), kind)),
            (Value::Number(Number::Known(x)), kind) => Ok(converted(f64::from(x), kind)),
            (other, ScalarKind::Uint | ScalarKind::Sint) => {
                let message = format!(
                    "{} as an integer, which the merge alone knows",
                    other.kind()
                );
                Err(Self::fault(span, message).help(
                    "integers count and index: neither elements nor parameters are integers; \
                     `select`, `floor` and `trunc` give f32",
                ))
            }
            (Value::Number(x), ScalarKind::Bool) => {
                let zero = self.comparison(Formula::IsSame, x, Number::Known(0.0));
                Ok(Value::Truth(self.not(zero)))
            }
            (other, _) => Err(Self::unfit(span, &other)),
        }
    }
}

/// A known number as another type, as WGSL converts: towards zero, and to the nearest end where it
/// is beyond.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "`as` does what WGSL does"
)]
fn converted(x: f64, kind: ScalarKind) -> Value {
    match kind {
        ScalarKind::Uint => Value::Unsigned(x as u32),
        ScalarKind::Sint => Value::Signed(x as i32),
        ScalarKind::Bool => Value::Truth(Truth::Known(x != 0.0)),
        _ => Value::known(x as f32),
    }
}
