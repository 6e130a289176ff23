//! The arguments of an instruction that makes a model or a literal.

use super::script::{Argument, ArgumentValue, Instruction};
use crate::keys::Configs;
use crate::keys::nearest::nearest;
use crate::method::Space;
use crate::recipe::Fault;
use crate::recipe::Form;

/// The name of the config with one value for all tensors.
const SINGLETON: &str = "singleton-mecha";
/// The names of configs that mean a file's own names.
const OWN: [&str; 1] = ["structural"];

/// The arguments of an instruction by name.
pub(super) struct Named<'a> {
    instruction: &'a Instruction,
    arguments: Vec<(&'static str, &'a Argument)>,
}

impl<'a> Named<'a> {
    pub(super) fn of(
        instruction: &'a Instruction,
        names: &[&'static str],
    ) -> Result<Named<'a>, Fault> {
        let mut arguments: Vec<(&'static str, &Argument)> = Vec::new();
        for (position, argument) in instruction.arguments.iter().enumerate() {
            let word = instruction.command.word();
            let known = match &argument.name {
                None => names.get(position),
                Some(name) => names.iter().find(|known| **known == name),
            };
            let Some(name) = known else {
                let fault = Fault::new(
                    argument.span.clone(),
                    format!("`{word}` has no such argument"),
                );
                return Err(fault.help(format!("it takes {}", names.join(", "))));
            };
            if arguments.iter().any(|(known, _)| known == name) {
                let message = format!("`{name}` is given twice");
                return Err(Fault::new(argument.span.clone(), message).label("second time"));
            }
            arguments.push((name, argument));
        }
        Ok(Named {
            instruction,
            arguments,
        })
    }

    fn get(&self, name: &str) -> Option<&'a Argument> {
        let found = self.arguments.iter().find(|(known, _)| *known == name)?;
        Some(found.1)
    }

    pub(super) fn required(&self, name: &str, help: &str) -> Result<&'a Argument, Fault> {
        self.get(name).ok_or_else(|| {
            let word = self.instruction.command.word();
            let message = format!("this {word} has no {name}");
            Fault::new(self.instruction.span.clone(), message).help(help)
        })
    }

    /// A text, or None for null.
    fn text(&self, name: &str) -> Result<Option<(&'a str, &'a Argument)>, Fault> {
        match self.get(name) {
            None => Ok(None),
            Some(argument) => match &argument.value {
                ArgumentValue::Null => Ok(None),
                ArgumentValue::Text(text) => Ok(Some((text, argument))),
                _ => {
                    let message = format!("`{name}` is a text or null");
                    Err(Fault::new(argument.span.clone(), message).help("write it in quotes"))
                }
            },
        }
    }

    pub(super) fn form(&self, configs: &Configs) -> Result<Form, Fault> {
        Ok(match self.text("model_config")? {
            None => Form::Inferred,
            Some(("infer", _)) => Form::Inferred,
            Some((SINGLETON, _)) => Form::Singleton,
            Some((name, _)) if OWN.contains(&name) => Form::Own,
            Some((name, argument)) => {
                configs.find(name).map_err(|fault| {
                    let fault = Fault::new(argument.span.clone(), fault.to_string());
                    fault.help("`--config FILE` adds a config of your own")
                })?;
                Form::Config(name.to_owned())
            }
        })
    }

    pub(super) fn space(&self) -> Result<Option<Space>, Fault> {
        let Some((word, argument)) = self.text("merge_space")? else {
            return Ok(None);
        };
        let words = [Space::Weight, Space::Delta, Space::Param].map(Space::word);
        match Space::from_word(word) {
            Some(space) => Ok(Some(space)),
            None => {
                let message = format!("there is no merge space \"{word}\"");
                let fault = Fault::new(argument.span.clone(), message).label("not known");
                Err(fault.help(match nearest(word, words.into_iter()) {
                    Some(near) => format!("did you mean \"{near}\"?"),
                    None => format!("it is one of {}", words.join(", ")),
                }))
            }
        }
    }
}
