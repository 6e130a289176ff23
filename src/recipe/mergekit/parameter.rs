//! Parameters of mergekit's methods.

/// A parameter of a method.
#[derive(Debug)]
pub(super) struct Parameter {
    /// Its name.
    pub name: &'static str,
    /// Whether each input has its own value.
    pub per_model: bool,
    /// What its values are.
    pub kind: Kind,
    /// What it is where nothing says it.
    pub default: Default,
}

/// What the values of a parameter are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// Numbers.
    Number,
    /// Yes or no, kept as 1 or 0.
    Flag,
}

/// What a parameter is where nothing says it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Default {
    /// This.
    Is(f64),
    /// It must be said.
    Required,
    /// It has no value.
    Absent,
}

/// One number.
pub(super) const fn number(name: &'static str, default: Default) -> Parameter {
    Parameter {
        name,
        per_model: false,
        kind: Kind::Number,
        default,
    }
}

/// A number for each input.
pub(super) const fn each(name: &'static str, default: Default) -> Parameter {
    Parameter {
        per_model: true,
        ..number(name, default)
    }
}

/// One yes or no.
pub(super) const fn flag(name: &'static str, default: bool) -> Parameter {
    Parameter {
        kind: Kind::Flag,
        ..number(name, Default::Is(default as u8 as f64))
    }
}
