//! A text of functions, read and validated.

use naga::valid::{Capabilities, ValidationFlags, Validator};
use naga::{Function, Handle, Module, Scalar, Span, TypeInner};

use super::check::check;
use crate::fault::Fault;

/// Bytes of stack in which a text is read. The longest that is taken needs a quarter.
const STACK_BYTES: usize = 128 << 20;

/// The functions of a WGSL text.
#[derive(Debug)]
pub struct Source {
    pub(super) module: Module,
}

/// What a parameter or a result is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Type {
    /// An f32.
    Number,
    /// A bool.
    Truth,
    /// An array of so many f32.
    Numbers(u32),
    /// Something else.
    Other,
}

/// A parameter of a function.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Parameter {
    /// Its name.
    pub name: String,
    /// Its type.
    pub of: Type,
}

impl Source {
    /// Reads a text. It may hold functions, constants and types, and nothing that belongs to a
    /// device.
    pub fn parse(text: &str) -> Result<Source, Fault> {
        check(text)?;
        // naga reads long chains of operations by recursion.
        std::thread::scope(|scope| {
            let reader = std::thread::Builder::new().stack_size(STACK_BYTES);
            let reader = reader.spawn_scoped(scope, || Source::read(text));
            let read = reader.ok().and_then(|reader| reader.join().ok());
            read.unwrap_or_else(|| Err(Fault::new(0..0, "the text cannot be read")))
        })
    }

    /// Reads a text of whatever length.
    pub(super) fn read(text: &str) -> Result<Source, Fault> {
        let module = naga::front::wgsl::parse_str(text).map_err(|error| {
            let mut labels = error.labels();
            let (span, label) = labels.next().unwrap_or((Span::UNDEFINED, ""));
            let fault = Fault::new(span.to_range().unwrap_or(0..0), error.message());
            let fault = fault.label(label);
            match error.notes().next() {
                Some(note) => fault.help(note),
                None => fault,
            }
        })?;
        refuse_what_is_of_devices(&module)?;
        let mut validator = Validator::new(ValidationFlags::all(), Capabilities::empty());
        validator.validate(&module).map_err(|error| {
            let at = error.spans().next();
            let (span, label) = at.map_or((Span::UNDEFINED, ""), |(span, label)| (*span, label));
            let cause = std::error::Error::source(error.as_inner());
            let message = match cause {
                Some(cause) => format!("{}: {cause}", error.as_inner()),
                None => error.as_inner().to_string(),
            };
            Fault::new(span.to_range().unwrap_or(0..0), message).label(label)
        })?;
        Ok(Source { module })
    }

    /// The names of its functions, in the order of the text.
    pub fn functions(&self) -> Vec<&str> {
        let functions = self.module.functions.iter();
        functions
            .filter_map(|(_, function)| function.name.as_deref())
            .collect()
    }

    /// What a function takes, and what it gives, if it is there.
    pub fn signature(&self, name: &str) -> Option<(Vec<Parameter>, Type)> {
        let function = &self.module.functions[self.function(name)?];
        let parameters = function.arguments.iter().map(|argument| Parameter {
            name: argument.name.clone().unwrap_or_default(),
            of: self.type_of(&self.module.types[argument.ty].inner),
        });
        let result = function.result.as_ref();
        let result = result.map_or(Type::Other, |result| {
            self.type_of(&self.module.types[result.ty].inner)
        });
        Some((parameters.collect(), result))
    }

    /// The place of a function in the text.
    pub fn place(&self, name: &str) -> std::ops::Range<usize> {
        let handle = self.function(name);
        let span = handle.map_or(Span::UNDEFINED, |handle| {
            self.module.functions.get_span(handle)
        });
        span.to_range().unwrap_or(0..0)
    }

    pub(super) fn function(&self, name: &str) -> Option<Handle<Function>> {
        let mut functions = self.module.functions.iter();
        functions
            .find(|(_, function)| function.name.as_deref() == Some(name))
            .map(|(handle, _)| handle)
    }

    fn type_of(&self, inner: &TypeInner) -> Type {
        match *inner {
            TypeInner::Scalar(Scalar::F32) => Type::Number,
            TypeInner::Scalar(Scalar::BOOL) => Type::Truth,
            TypeInner::Array {
                base,
                size: naga::ArraySize::Constant(count),
                ..
            } => match self.module.types[base].inner {
                TypeInner::Scalar(Scalar::F32) => Type::Numbers(count.get()),
                _ => Type::Other,
            },
            _ => Type::Other,
        }
    }
}

fn refuse_what_is_of_devices(module: &Module) -> Result<(), Fault> {
    let refuse = |span: Span, what: &str| {
        let message =
            format!("{what} has no place in a formula: it is a function of its arguments");
        Err(Fault::new(span.to_range().unwrap_or(0..0), message))
    };
    if let Some((handle, _)) = module.global_variables.iter().next() {
        return refuse(
            module.global_variables.get_span(handle),
            "a variable of the module",
        );
    }
    if let Some((handle, _)) = module.overrides.iter().next() {
        return refuse(module.overrides.get_span(handle), "an `override`");
    }
    if !module.entry_points.is_empty() {
        return refuse(Span::UNDEFINED, "an entry point");
    }
    Ok(())
}
