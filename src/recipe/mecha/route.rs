//! The `merge` instructions that pass values on: routes.

use super::arguments::{Arguments, node};
use super::reader::{Item, Reader, constant};
use super::script::{Argument, ArgumentValue, Instruction};
use crate::figures::counted;
use crate::recipe::{
    Constant, Fault, LayerRoute, NodeId, Omitted, Pattern, RecipeNode, Route, RouteRow, cast,
    cast_names,
};

/// Reads a route.
pub(super) fn route(
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
        "cast" => match constants.given("dtype") {
            Some((None, argument)) => return cast_to(reader, instruction, inputs[0], argument),
            _ => match constants.text("dtype")? {
                Some((name, argument)) => cast(&name).ok_or_else(|| no_type(&name, argument))?,
                None => Route::Cast(None),
            },
        },
        "get_dtype" => Route::TypeName,
        "get_device" => Route::DeviceName,
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
        "convert_singleton" => Route::ConvertSingleton,
        _ => Route::Layers(layers(instruction, (row, inputs.len()), &constants)?),
    };
    Ok(reader.node(RecipeNode::Route { route, inputs }, instruction.line))
}

/// A route that works on layers, of so many inputs.
fn layers(
    instruction: &Instruction,
    (row, inputs): (&RouteRow, usize),
    constants: &Constants<'_, '_>,
) -> Result<LayerRoute, Fault> {
    Ok(match row.id {
        "rebasin" => LayerRoute::Rebasin {
            iters: constants.whole("iters")?.unwrap_or(10),
        },
        "randperm" => LayerRoute::Randperm {
            seed: constants.whole("seed")?,
        },
        "balance_attention" => LayerRoute::BalanceAttention,
        _ if inputs < 4 || !inputs.is_multiple_of(2) => {
            let found = counted(inputs, "input");
            let message = format!("regmean takes pairs of a model and its statistics, not {found}");
            let fault = Fault::new(instruction.span.clone(), message);
            return Err(fault.help(row.example));
        }
        _ => LayerRoute::RegMean {
            models: inputs / 2,
            scale: constants.share("scale")?.unwrap_or(0.9).to_bits(),
        },
    })
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

    fn whole(&self, name: &str) -> Result<Option<u64>, Fault> {
        match self.given(name) {
            None | Some((Some(Constant::Null), _)) => Ok(None),
            // All of these are exact.
            Some((Some(Constant::Number(number)), _))
                if number.fract() == 0.0 && (0.0..=2_f64.powi(53)).contains(&number) =>
            {
                Ok(Some(number as u64))
            }
            Some((_, argument)) => Err(wrong(name, argument, "a whole number from 0 on")),
        }
    }

    fn share(&self, name: &str) -> Result<Option<f64>, Fault> {
        match self.given(name) {
            None | Some((Some(Constant::Null), _)) => Ok(None),
            Some((Some(Constant::Number(number)), _)) if (0.0..=1.0).contains(&number) => {
                Ok(Some(number))
            }
            Some((_, argument)) => Err(wrong(name, argument, "a number from 0 to 1")),
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

/// The cast to a type that is not the same for all tensors.
fn cast_to(
    reader: &mut Reader,
    instruction: &Instruction,
    values: NodeId,
    dtype: &Argument,
) -> Result<NodeId, Fault> {
    let inputs = vec![values, node(reader, dtype, instruction.line)?];
    let route = Route::CastTo;
    Ok(reader.node(RecipeNode::Route { route, inputs }, instruction.line))
}

fn no_type(name: &str, argument: &Argument) -> Fault {
    let message = format!("a merge cannot cast to \"{name}\"");
    let fault = Fault::new(argument.span.clone(), message).label("no type of weights");
    fault.help(format!("it casts to {}", cast_names().join(", ")))
}
