//! The `merge` instruction: which method or route, and which arguments are what.

use super::arguments::{Arguments, node};
use super::reader::{Reader, constant};
use super::route::route;
use super::script::{Argument, ArgumentValue, Instruction};
use crate::keys::conversion;
use crate::keys::nearest::nearest;
use crate::method::{Method, Parameters, in_recipes, of_recipes};
use crate::recipe::{Fault, NodeId, ROUTES, RecipeNode, Route, find_route};

/// Reads a merge.
pub(super) fn merge(reader: &mut Reader, instruction: &Instruction) -> Result<NodeId, Fault> {
    let Some((first, arguments)) = instruction.arguments.split_first() else {
        let fault = Fault::new(instruction.span.clone(), "this merge has no method");
        return Err(fault.help("name it: merge \"weighted_sum\" &0 &1"));
    };
    let (None, ArgumentValue::Text(id)) = (&first.name, &first.value) else {
        let fault = Fault::new(first.span.clone(), "the method is a text in double quotes");
        return Err(fault.help("name it first: merge \"weighted_sum\" &0 &1"));
    };
    // A route's name stays its own, whatever methods are registered.
    if let Some(row) = find_route(layer_route(id).unwrap_or(id)) {
        return route(reader, instruction, row, arguments);
    }
    if let Some(conversion) = conversion::find_by_id(id) {
        let found = Arguments::bind(instruction, arguments, &["a"], false, &[])?;
        let inputs = found.inputs(reader, instruction, 1)?;
        let route = Route::Convert(conversion);
        return Ok(reader.node(RecipeNode::Route { route, inputs }, instruction.line));
    }
    if let Some(method) = in_recipes(id) {
        return method_merge(reader, instruction, method, arguments);
    }
    Err(unknown(id, first))
}

/// Methods that versions of sd-mecha wrote and that are not there, or the beginnings of their
/// names.
const ABSENT: &[&str] = &[
    "copy_difference",
    "copy_top_k",
    "distribution_crossover",
    "extract_",
    "multiply_difference",
    "similarity_",
];

/// What sd-mecha puts behind the name of what it does to layers: whose they are.
pub(super) const LAYERED_SUFFIX: &str = "_sdxl_sgm";

/// A route that works on layers, by the name that sd-mecha writes.
fn layer_route(id: &str) -> Option<&str> {
    let id = id.strip_suffix(LAYERED_SUFFIX)?;
    ["balance_attention", "randperm", "rebasin"]
        .contains(&id)
        .then_some(id)
}

fn unknown(id: &str, first: &Argument) -> Fault {
    let absent = |absent: &str| match absent.ends_with('_') {
        true => id.starts_with(absent),
        false => id == absent,
    };
    if ABSENT.iter().any(|name| absent(name)) {
        let message = format!("the method \"{id}\" of sd-mecha is not there");
        let fault = Fault::new(first.span.clone(), message).label("not read");
        return fault.help("`wgmerge methods` lists the methods of recipes");
    }
    let ids: Vec<String> = conversion::conversions().iter().map(|c| c.id()).collect();
    let methods = of_recipes().map(|method| method.id);
    let routes = ROUTES.iter().map(|row| row.id);
    let known = methods.chain(routes).chain(ids.iter().map(String::as_str));
    let fault = Fault::new(first.span.clone(), format!("there is no method \"{id}\""));
    fault.label("not known").help(match nearest(id, known) {
        Some(near) => format!("did you mean \"{near}\"?"),
        None => "`wgmerge methods` lists the methods of recipes".to_owned(),
    })
}

fn method_merge(
    reader: &mut Reader,
    instruction: &Instruction,
    method: &'static Method,
    arguments: &[Argument],
) -> Result<NodeId, Fault> {
    let inputs: Vec<&'static str> = method.inputs.iter().map(|input| input.name).collect();
    let names: Vec<&'static str> = method.parameters.iter().map(|p| p.name).collect();
    let found = Arguments::bind(
        instruction,
        arguments,
        &inputs,
        method.is_variadic(),
        &names,
    )?;
    let models = found.inputs(reader, instruction, method.models_min)?;
    let mut constants = Vec::new();
    let mut given = Vec::new();
    for (name, argument) in found.parameters {
        let folded = match &argument.value {
            ArgumentValue::Reference(_) => {
                let node = node(reader, argument, instruction.line)?;
                match reader.folded(node) {
                    Some(constant) => constant,
                    None => {
                        given.push((name, node));
                        continue;
                    }
                }
            }
            value => constant(value),
        };
        let Some(value) = folded.given() else {
            continue;
        };
        let checked = [(name.to_owned(), value)];
        Parameters::resolve(method, &checked, models.len()).map_err(|fault| {
            Fault::new(argument.span.clone(), fault.to_string()).label("not accepted")
        })?;
        constants.extend(checked);
    }
    let parameters = Parameters::resolve(method, &constants, models.len())
        .map_err(|fault| Fault::new(instruction.span.clone(), fault.to_string()))?;
    let merge = RecipeNode::Merge {
        method,
        base: None,
        models,
        parameters,
        given,
        schedule: None,
    };
    Ok(reader.node(merge, instruction.line))
}
