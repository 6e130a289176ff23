//! Scripts as sd-mecha writes them.

use std::fmt;

use super::script::{ArgumentValue, Dialect, Instruction, Line, Script, VERSION};
use crate::recipe::python;

impl fmt::Display for Script {
    /// The text as sd-mecha writes it: without a line end after the last line, which sd-mecha does
    /// not read.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.dialect == Dialect::V0_1_0 {
            write!(f, "version {VERSION}")?;
        }
        for (number, line) in self.lines.iter().enumerate() {
            if number > 0 || self.dialect == Dialect::V0_1_0 {
                writeln!(f)?;
            }
            match line {
                Line::Comment(comment) => f.write_str(comment)?,
                Line::Instruction(instruction) => {
                    instruction.write(f, self.dialect.has_escapes())?;
                }
            }
        }
        Ok(())
    }
}

impl fmt::Display for Instruction {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.write(f, true)
    }
}

impl Instruction {
    fn write(&self, f: &mut fmt::Formatter<'_>, escapes: bool) -> fmt::Result {
        f.write_str(self.command.word())?;
        for argument in &self.arguments {
            f.write_str(" ")?;
            match &argument.name {
                Some(name) if escapes => write!(f, "{}=", escaped(name, " =\"\t\n\r"))?,
                Some(name) => write!(f, "{name}=")?,
                None => {}
            }
            match &argument.value {
                ArgumentValue::Text(text) if !escapes => write!(f, "\"{text}\"")?,
                value => write!(f, "{value}")?,
            }
        }
        Ok(())
    }
}

impl fmt::Display for ArgumentValue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            ArgumentValue::Null => f.write_str("null"),
            ArgumentValue::Flag(flag) => write!(f, "{flag}"),
            ArgumentValue::Integer(integer) => write!(f, "{integer}"),
            ArgumentValue::Float(float) => f.write_str(&python::float(*float)),
            ArgumentValue::Text(text) => write!(f, "\"{}\"", escaped(text, "\"\n")),
            ArgumentValue::Reference(number) => write!(f, "&{number}"),
        }
    }
}

fn escaped(text: &str, special: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for character in text.chars() {
        if character == '\\' || special.contains(character) {
            escaped.push('\\');
        }
        escaped.push(character);
    }
    escaped
}
