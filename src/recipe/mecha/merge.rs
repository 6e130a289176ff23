//! The `merge` instruction: which method or route, and which arguments are what.

use super::reader::{Item, Reader, constant};
use super::script::{Argument, ArgumentValue, Instruction};
use crate::dtype::Float;
use crate::figures::counted;
use crate::keys::conversion;
use crate::keys::nearest::nearest;
use crate::method::{Method, Parameters, in_recipes, of_recipes};
use crate::recipe::Fault;
use crate::recipe::{
    Constant, NodeId, Omitted, Pattern, ROUTES, RecipeNode, Route, RouteRow, find_route,
};

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
    if let Some(row) = find_route(id) {
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
    "balance_attention",
    "clip",
    "copy_difference",
    "copy_region",
    "copy_top_k",
    "distribution_crossover",
    "extract_",
    "get_",
    "multiply_difference",
    "normalized_similarity_sum",
    "randperm",
    "rebasin",
    "similarity_",
    "train_difference",
    "truncate_",
];

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

/// The arguments of a merge by what they are.
struct Arguments<'a> {
    inputs: Vec<&'a Argument>,
    parameters: Vec<(&'static str, &'a Argument)>,
}

impl<'a> Arguments<'a> {
    /// Binds arguments as Python binds those of a call: inputs by position or name, then
    /// parameters by position or name. The last of `inputs` may stand for `many`.
    fn bind(
        instruction: &Instruction,
        arguments: &'a [Argument],
        inputs: &[&'static str],
        many: bool,
        parameters: &[&'static str],
    ) -> Result<Arguments<'a>, Fault> {
        let mut slots: Vec<Option<&Argument>> = vec![None; inputs.len()];
        let mut rest: Vec<&Argument> = Vec::new();
        let mut found = Arguments {
            inputs: Vec::new(),
            parameters: Vec::new(),
        };
        let fixed = if many { inputs.len() - 1 } else { inputs.len() };
        for (position, argument) in arguments.iter().enumerate() {
            let twice = |name: &str| {
                let message = format!("`{name}` is given twice");
                Fault::new(argument.span.clone(), message).label("second time")
            };
            match &argument.name {
                None if position < fixed => slots[position] = Some(argument),
                None if many => rest.push(argument),
                None => match parameters.get(position - fixed) {
                    Some(name) => found.parameters.push((name, argument)),
                    None => return Err(too_many(instruction, argument, inputs, parameters)),
                },
                Some(name) => {
                    if let Some(at) = inputs[..fixed].iter().position(|input| input == name) {
                        if slots[at].replace(argument).is_some() {
                            return Err(twice(name));
                        }
                    } else if let Some(known) = parameters.iter().find(|known| *known == name) {
                        if found.parameters.iter().any(|(given, _)| given == known) {
                            return Err(twice(name));
                        }
                        found.parameters.push((known, argument));
                    } else {
                        return Err(no_parameter(argument, name, inputs, parameters));
                    }
                }
            }
        }
        for (slot, name) in slots[..fixed].iter().zip(inputs) {
            match slot {
                Some(argument) => found.inputs.push(argument),
                None => {
                    let message = format!("the input `{name}` is missing");
                    let fault = Fault::new(instruction.span.clone(), message);
                    return Err(fault.help(format!("it takes {}", inputs.join(", "))));
                }
            }
        }
        found.inputs.extend(rest);
        Ok(found)
    }

    /// The nodes of the inputs, of which there must be at least `min`.
    fn inputs(
        &self,
        reader: &mut Reader,
        instruction: &Instruction,
        min: usize,
    ) -> Result<Vec<NodeId>, Fault> {
        if self.inputs.len() < min {
            let message = format!(
                "{} given, at least {min} needed",
                counted(self.inputs.len(), "input")
            );
            return Err(Fault::new(instruction.span.clone(), message));
        }
        let inputs = self.inputs.iter();
        inputs
            .map(|argument| node(reader, argument, instruction.line))
            .collect()
    }
}

/// The node that an argument is.
fn node(reader: &mut Reader, argument: &Argument, line: usize) -> Result<NodeId, Fault> {
    Ok(match &argument.value {
        ArgumentValue::Reference(number) => match reader.item(*number) {
            Item::Node(node) => node,
            Item::Dict(entries) => {
                let entries = reader.copy(&entries, &argument.span)?;
                reader.mapping(entries, line)
            }
        },
        value => reader.constant(constant(value), line),
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

fn route(
    reader: &mut Reader,
    instruction: &Instruction,
    row: &RouteRow,
    arguments: &[Argument],
) -> Result<NodeId, Fault> {
    let parameters: Vec<&'static str> = row.parameters.iter().map(|p| p.name).collect();
    let names = row.inputs;
    let found = Arguments::bind(instruction, arguments, names, row.is_variadic, &parameters)?;
    let inputs = found.inputs(reader, instruction, names.len())?;
    let constants = Constants {
        reader,
        parameters: &found.parameters,
    };
    let component = || {
        constants
            .text("component")?
            .map(|(name, _)| name)
            .ok_or_else(|| {
                let fault = Fault::new(instruction.span.clone(), "the component is missing");
                fault.help("name it: merge \"pick_component\" &0 \"vae\"")
            })
    };
    let route = match row.id {
        "fallback" => Route::Fallback,
        "cast" => Route::Cast(match constants.text("dtype")? {
            Some((name, argument)) => Some(float(&name, argument)?),
            None => None,
        }),
        "pick_component" => Route::PickComponent(component()?),
        "omit_component" => Route::OmitComponent(component()?),
        "omit_matching" => Route::OmitMatching(match constants.text("pattern")? {
            Some((pattern, argument)) => Pattern::new(&pattern).map_err(|fault| {
                let message = format!("this is no regular expression: {fault}");
                Fault::new(argument.span.clone(), message)
            })?,
            None => {
                let fault = Fault::new(instruction.span.clone(), "the pattern is missing");
                return Err(fault.help(row.example));
            }
        }),
        "stack" => Route::Stack,
        // Version 1.1.2 said of which tensors; later ones mean all.
        "omit_non_finite" => match (
            constants.flag("omit_mandatory")?,
            constants.flag("omit_optional")?,
        ) {
            (None, None) => Route::OmitNonFinite(Omitted::ALL),
            (mandatory, optional) => Route::OmitNonFinite(Omitted {
                mandatory: mandatory.unwrap_or(false),
                optional: optional.unwrap_or(true),
            }),
        },
        _ => Route::ConvertSingleton,
    };
    Ok(reader.node(RecipeNode::Route { route, inputs }, instruction.line))
}

/// The parameters of a route, which are the same for all tensors.
struct Constants<'r, 'a> {
    reader: &'r Reader,
    parameters: &'r [(&'static str, &'a Argument)],
}

impl<'a> Constants<'_, 'a> {
    /// A parameter as it is given; None instead of what is no constant.
    fn given(&self, name: &str) -> Option<(Option<Constant>, &'a Argument)> {
        let mut parameters = self.parameters.iter();
        let (_, argument) = parameters.find(|(known, _)| *known == name)?;
        let folded = match &argument.value {
            ArgumentValue::Reference(number) => match self.reader.item(*number) {
                Item::Node(node) => self.reader.folded(node),
                Item::Dict(_) => None,
            },
            value => Some(constant(value)),
        };
        Some((folded, argument))
    }

    fn text(&self, name: &str) -> Result<Option<(String, &'a Argument)>, Fault> {
        match self.given(name) {
            None | Some((Some(Constant::Null), _)) => Ok(None),
            Some((Some(Constant::Text(text)), argument)) => Ok(Some((text, argument))),
            Some((_, argument)) => Err(wrong(name, argument, "a text")),
        }
    }

    fn flag(&self, name: &str) -> Result<Option<bool>, Fault> {
        match self.given(name) {
            None | Some((Some(Constant::Null), _)) => Ok(None),
            Some((Some(Constant::Flag(flag)), _)) => Ok(Some(flag)),
            Some((Some(Constant::Number(number)), _)) if [0.0, 1.0].contains(&number) => {
                Ok(Some(number == 1.0))
            }
            Some((_, argument)) => Err(wrong(name, argument, "true or false")),
        }
    }
}

fn wrong(name: &str, argument: &Argument, what: &str) -> Fault {
    let message = format!("`{name}` is {what}, the same for all tensors");
    Fault::new(argument.span.clone(), message)
}

fn float(name: &str, argument: &Argument) -> Result<Float, Fault> {
    if let Some(float) = Float::from_torch_name(name) {
        return Ok(float);
    }
    let names: Vec<&str> = Float::ALL.iter().map(|float| float.torch_name()).collect();
    let message = format!("a merge cannot cast to \"{name}\"");
    let fault = Fault::new(argument.span.clone(), message).label("no type of weights");
    Err(fault.help(format!("it casts to {}", names.join(", "))))
}

fn too_many(
    instruction: &Instruction,
    argument: &Argument,
    inputs: &[&str],
    parameters: &[&str],
) -> Fault {
    let all: Vec<&str> = inputs.iter().chain(parameters).copied().collect();
    let fault = Fault::new(argument.span.clone(), "one argument too many");
    let what = match instruction.arguments.first() {
        Some(Argument { value, .. }) => value.to_string(),
        None => String::new(),
    };
    fault.help(format!("{what} takes {}", all.join(", ")))
}

fn no_parameter(argument: &Argument, name: &str, inputs: &[&str], parameters: &[&str]) -> Fault {
    let all: Vec<&str> = inputs.iter().chain(parameters).copied().collect();
    let fault = Fault::new(
        argument.span.clone(),
        format!("there is no parameter `{name}`"),
    );
    fault
        .label("not known")
        .help(match nearest(name, all.iter().copied()) {
            Some(near) => format!("did you mean `{near}`?"),
            None => format!("it takes {}", all.join(", ")),
        })
}
