//! Models for the `parameter` lines of recipes of 0.0.x, which leave open what is merged.

use super::script::{Argument, ArgumentValue, Command, Instruction, Line, Script};
use crate::keys::nearest::hint;

/// A model that a recipe has no use for.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[expect(missing_docs, reason = "the messages say it")]
pub enum GivenError {
    #[error("the recipe has no parameter `{name}`{hint}; a `parameter` line says one")]
    Unknown { name: String, hint: String },
    #[error(
        "the parameter `{name}` is a {space}, which no file is: replace its line by the \
         instructions that make it"
    )]
    Space { name: String, space: String },
}

/// The name of a parameter, and the rest of its line.
fn parameter(instruction: &Instruction) -> Option<(&str, &[Argument])> {
    let (first, rest) = instruction.arguments.split_first()?;
    match (instruction.command, &first.value) {
        (Command::Parameter, ArgumentValue::Text(name)) => Some((name, rest)),
        _ => None,
    }
}

impl Script {
    /// Puts a model in the place of the parameter `name`, whose lines become `model` lines of its
    /// path.
    ///
    /// # Errors
    /// Where there is no such parameter, or it is no model.
    pub fn give(&mut self, name: &str, path: &str) -> Result<(), GivenError> {
        let mut found = false;
        let mut names = Vec::new();
        for line in &mut self.lines {
            let Line::Instruction(instruction) = line else {
                continue;
            };
            let Some((own, rest)) = parameter(instruction) else {
                continue;
            };
            if own != name {
                names.push(own.to_owned());
                continue;
            }
            let mut rest = rest.to_vec();
            let space = rest.drain(..rest.len().min(1)).next();
            if let Some(ArgumentValue::Text(space)) = space.map(|own| own.value)
                && !["MODEL", "BASE"].contains(&space.as_str())
            {
                let name = name.to_owned();
                return Err(GivenError::Space { name, space });
            }
            instruction.command = Command::Model;
            instruction.arguments.truncate(1);
            instruction.arguments[0].value = ArgumentValue::Text(path.to_owned());
            instruction.arguments.extend(rest);
            found = true;
        }
        match found {
            true => Ok(()),
            false => Err(GivenError::Unknown {
                name: name.to_owned(),
                hint: hint(name, names.iter().map(String::as_str)),
            }),
        }
    }
}
