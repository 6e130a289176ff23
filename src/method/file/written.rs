//! A file's function, which writes the arithmetic of a tensor.

use std::collections::BTreeMap;
use std::ops::Range as Bytes;
use std::sync::{Arc, Mutex};

use super::RANDOM;
use super::signature::Signature;
use crate::dtype::Float;
use crate::fault::Fault;
use crate::kernel::written::{
    Number, Parameter as Argument, Rounding, Run, Source, Truth, Type, Value,
};
use crate::kernel::{Compute, Entry, Expression, Formula, Node, SlotId, Stream};
use crate::method::{Amount, Lowering, Parameter, ParameterError, Shape};

/// Steps of a formula at most: a device compiles them one by one.
const STEPS_MAX: usize = 1024;

/// Models for which a formula of any number of them is tried.
const TRIED: [usize; 3] = [1, 2, 3];

/// A function and what its arguments are.
pub(super) struct Written {
    text: String,
    name: &'static str,
    arguments: Vec<Role>,
    /// What was read, by the number of models that `MODELS` stands for.
    sources: Mutex<BTreeMap<usize, Arc<Source>>>,
}

/// What an argument is.
#[derive(Clone, Copy, Debug)]
enum Role {
    /// The value of one input.
    Input(&'static str),
    /// The values of all models of the last input.
    Models(&'static str),
    /// A number.
    Number(&'static Parameter),
    /// A number for each of those models.
    Numbers(&'static Parameter),
    /// A yes or no.
    Flag(&'static Parameter),
    /// A random number.
    Random,
}

impl Written {
    /// Reads a text for a method that has the header's name, inputs and parameters, and tries it.
    pub(super) fn new(
        text: &str,
        place: Bytes<usize>,
        method: Signature,
    ) -> Result<Written, Fault> {
        let tried: &[usize] = match method.many {
            true => &TRIED,
            false => &[1],
        };
        let source = source(text, tried[0])?;
        let Some((arguments, result)) = source.signature(method.id) else {
            let message = format!("there is no function `{}`", method.id);
            let fault = Fault::new(place, message);
            return Err(fault.help("the function of the formula has the name of the method"));
        };
        let place = source.place(method.id);
        if result != Type::Number {
            return Err(Fault::new(
                place,
                format!("`{}` must give an f32", method.id),
            ));
        }
        let roles = arguments
            .iter()
            .map(|argument| role(argument, method, &place));
        let roles = roles.collect::<Result<Vec<Role>, Fault>>()?;
        let written = Written {
            text: text.to_owned(),
            name: method.id,
            arguments: roles,
            sources: Mutex::default(),
        };
        for input in method.inputs {
            if !arguments.iter().any(|argument| argument.name == input.name) {
                let message = format!("the function does not take the input `{}`", input.name);
                return Err(Fault::new(place, message));
            }
        }
        for &models in tried {
            written.attempt(models, &place)?;
        }
        Ok(written)
    }

    /// What the text says for so many models.
    fn source(&self, models: usize) -> Result<Arc<Source>, Fault> {
        let mut sources = self.sources.lock().unwrap_or_else(|lock| lock.into_inner());
        if let Some(known) = sources.get(&models) {
            return Ok(Arc::clone(known));
        }
        let read = Arc::new(source(&self.text, models)?);
        sources.insert(models, Arc::clone(&read));
        Ok(read)
    }

    /// Runs the function on arguments of which nothing is known, so that all of it is run.
    fn attempt(&self, models: usize, place: &Bytes<usize>) -> Result<(), Fault> {
        let source = self.source(models)?;
        let mut expression = Expression::new(Compute::F32);
        let mut next = 0;
        let mut load = |expression: &mut Expression| {
            next += 1;
            expression.load(SlotId::new(next - 1), Float::F32, Entry::Checked)
        };
        let mut arguments = Vec::new();
        for role in &self.arguments {
            arguments.push(match role {
                Role::Input(_) | Role::Number(_) => Value::each(load(&mut expression)),
                Role::Models(_) | Role::Numbers(_) => {
                    let parts = (0..models).map(|_| Value::each(load(&mut expression)));
                    Value::Parts(parts.collect())
                }
                Role::Flag(_) => Value::Truth(Truth::Each(load(&mut expression))),
                Role::Random => Value::each(load(&mut expression)),
            });
        }
        Run::new(&source, &mut expression, Rounding::Working).call(self.name, arguments)?;
        let steps = expression.step_count();
        if steps > STEPS_MAX || expression.excess().is_some() {
            let message = format!("the formula takes {steps} steps, at most {STEPS_MAX} are taken");
            return Err(Fault::new(place.clone(), message)
                .help("loops are unrolled: let them have fewer turns"));
        }
        Ok(())
    }

    /// Writes the arithmetic of one tensor.
    pub(super) fn lower(&self, l: &mut Lowering<'_>) -> Node {
        match self.written(l) {
            Ok(node) => node,
            Err(fault) => {
                l.fault = Some(ParameterError::Written {
                    method: l.method.id,
                    message: fault.message,
                });
                l.values()[0]
            }
        }
    }

    fn written(&self, l: &mut Lowering<'_>) -> Result<Node, Fault> {
        let singles = l.method.single_inputs();
        let models: Vec<usize> = (l.models.iter())
            .map(|model| model.position)
            .filter(|position| *position >= singles)
            .collect();
        let compute = l.expression.compute();
        let known = |number: f64| f32::from_bits(compute.scalar(number));
        let mut arguments = Vec::new();
        for role in &self.arguments {
            arguments.push(match role {
                Role::Input(name) => Value::each(l.input(name)),
                Role::Models(name) => {
                    Value::Parts(l.inputs(name).into_iter().map(Value::each).collect())
                }
                Role::Number(own) => match l.amount(own.name) {
                    Amount::Number(number) => Value::known(known(number)),
                    Amount::Each(node) => Value::each(node),
                },
                Role::Numbers(own) => {
                    let numbers = models
                        .iter()
                        .map(|model| l.parameters.number(own.name, *model));
                    Value::Parts(numbers.map(|number| Value::known(known(number))).collect())
                }
                Role::Flag(own) => Value::Truth(Truth::Known(l.parameters.flag(own.name))),
                Role::Random => {
                    let merge = l.merges_before << 16;
                    let word = l.expression.word(Stream::dropout(l.seed, merge, l.key));
                    Value::each(l.expression.call(Formula::Uniform, &[word.into()]))
                }
            });
        }
        let source = self.source(models.len().max(1))?;
        let mut run = Run::new(&source, l.expression, Rounding::Working);
        match run.call(self.name, arguments)? {
            Value::Number(Number::Each(node)) => Ok(node),
            Value::Number(number) => Ok(run.node(number)),
            _ => Err(Fault::new(0..0, "it gives no f32")),
        }
    }
}

/// Reads a text in which `MODELS` is a number.
fn source(text: &str, models: usize) -> Result<Source, Fault> {
    // It stands behind the text, so that places in the text are those of the file.
    Source::parse(&format!("{text}\nconst MODELS: u32 = {models}u;\n"))
}

/// What an argument is, by its name and type.
fn role(argument: &Argument, method: Signature, place: &Bytes<usize>) -> Result<Role, Fault> {
    let inputs = method.inputs.iter();
    let mut inputs = inputs.zip(1..);
    let name = argument.name.as_str();
    let is_last = |number: usize| method.many && number == method.inputs.len();
    let (role, wanted) = if let Some((input, number)) = inputs.find(|(own, _)| own.name == name) {
        match is_last(number) {
            true => (Role::Models(input.name), "array<f32, MODELS>"),
            false => (Role::Input(input.name), "f32"),
        }
    } else if let Some(own) = method.parameters.iter().find(|own| own.name == name) {
        match own.shape {
            Shape::Number(..) if own.per_model => (Role::Numbers(own), "array<f32, MODELS>"),
            Shape::Number(..) => (Role::Number(own), "f32"),
            _ => (Role::Flag(own), "bool"),
        }
    } else if name == RANDOM {
        (Role::Random, "f32")
    } else {
        let message = format!("the header has no input and no parameter `{name}`");
        return Err(Fault::new(place.clone(), message)
            .help("add it to the header; `random` is a random number from 0 on, below 1"));
    };
    let fits = match wanted {
        "f32" => argument.of == Type::Number,
        "bool" => argument.of == Type::Truth,
        _ => matches!(argument.of, Type::Numbers(_)),
    };
    match fits {
        true => Ok(role),
        false => Err(Fault::new(
            place.clone(),
            format!("`{name}` must be of type {wanted}"),
        )),
    }
}
