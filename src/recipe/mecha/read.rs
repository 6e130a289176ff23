//! From a script to a recipe.

use std::sync::Arc;

use super::instruction::instruction;
use super::legacy;
use super::reader::{Item, Reader};
use super::script::{Dialect, Script};
use crate::keys::Configs;
use crate::recipe::Fault;
use crate::recipe::{Options, Recipe};

/// Makes a recipe of a script. Relative paths of models stay as they are.
pub fn read(script: &Script, options: Options, configs: Arc<Configs>) -> Result<Recipe, Fault> {
    let mut reader = Reader::new(configs);
    let mut last = None;
    for said in script.instructions() {
        let item = match script.dialect {
            Dialect::V0_1_0 => instruction(&mut reader, said)?,
            Dialect::Legacy => legacy::read(&mut reader, said)?,
        };
        reader.push(item);
        last = Some(said.span.clone());
    }
    let root = match (reader.last(), last) {
        (Some(Item::Node(root)), _) => *root,
        (_, Some(span)) => {
            let fault = Fault::new(
                span,
                "the last instruction is the result, and a dict is none",
            );
            return Err(fault.help("end with a model or a merge"));
        }
        (_, None) => return Err(Fault::new(0..0, "this recipe has no instruction")),
    };
    let root = match script.dialect {
        Dialect::V0_1_0 => root,
        Dialect::Legacy => legacy::pass_through(&mut reader, root),
    };
    Ok(reader.finish(root, options))
}
