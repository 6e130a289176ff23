//! The nodes of a record.

use indexmap::IndexMap;
use serde_json::Value as Json;

use super::RecordError;
use super::field::Field;
use super::options::flag;
use crate::dtype::{DType, Float};
use crate::figures::counted;
use crate::keys::conversion;
use crate::method::{
    Base, Method, ParameterValue, Parameters, Shape, Space, find, in_recipes, parameter_named,
};
use crate::recipe::{
    Constant, Form, LayerRoute, LiteralEntry, ModelId, NodeId, Omitted, Pattern, RecipeNode, Route,
    Scheduled,
};

/// What schedules are made of that a record has.
pub(super) type Scheduling<'a> = &'a dyn Fn(&Field<'_>) -> Option<Scheduled>;

/// A node behind so many others, of a recipe of so many models.
pub(super) fn node(
    own: &Field<'_>,
    (models, before): (usize, usize),
    schedules: Scheduling<'_>,
) -> Result<RecipeNode, RecordError> {
    if own.get("model").is_some() {
        return Ok(RecipeNode::Model {
            model: ModelId::new(own.need("input")?.index(models)?),
            form: form(own)?,
            space: space(own)?.unwrap_or(Space::Weight),
        });
    }
    if let Some(literal) = own.get("literal") {
        let entries = literal.entries()?.into_iter();
        let entries = entries.map(|(name, value)| Ok((name.to_owned(), entry(&value, before)?)));
        return Ok(RecipeNode::Literal {
            entries: entries.collect::<Result<IndexMap<_, _>, RecordError>>()?,
            form: form(own)?,
            space: space(own)?,
        });
    }
    match own.get("merge") {
        Some(_) => merge(own, before, schedules),
        None => {
            let inputs = ids(&own.need("inputs")?, before)?;
            let route = route(own, &inputs)?;
            Ok(RecipeNode::Route { route, inputs })
        }
    }
}

/// Nodes that come before another.
fn ids(own: &Field<'_>, before: usize) -> Result<Vec<NodeId>, RecordError> {
    let ids = own.list()?.into_iter();
    ids.map(|id| Ok(NodeId::new(id.index(before)?))).collect()
}

fn form(own: &Field<'_>) -> Result<Form, RecordError> {
    Ok(match own.get("form") {
        None => Form::Own,
        Some(form) => match form.text()? {
            "inferred" => Form::Inferred,
            "singleton" => Form::Singleton,
            config => Form::Config(config.to_owned()),
        },
    })
}

fn space(own: &Field<'_>) -> Result<Option<Space>, RecordError> {
    let Some(space) = own.get("space") else {
        return Ok(None);
    };
    let known = Space::from_word(space.text()?);
    let wrong = || space.wrong("a merge space");
    known.map(Some).ok_or_else(wrong)
}

/// A value of a literal.
fn entry(own: &Field<'_>, before: usize) -> Result<LiteralEntry, RecordError> {
    let constant = match own.value {
        Json::Null => Constant::Null,
        Json::Bool(flag) => Constant::Flag(*flag),
        Json::Number(_) => Constant::Number(own.number()?),
        Json::String(text) => Constant::Text(text.clone()),
        _ => match (own.get("node"), own.get("number")) {
            (Some(node), _) => return Ok(LiteralEntry::Node(NodeId::new(node.index(before)?))),
            (None, Some(number)) => {
                let known = number.text()?.parse();
                Constant::Number(known.map_err(|_| number.wrong("a number"))?)
            }
            (None, None) => return Err(own.wrong("a constant or a node")),
        },
    };
    Ok(LiteralEntry::Constant(constant))
}

fn route(own: &Field<'_>, inputs: &[NodeId]) -> Result<Route, RecordError> {
    let id = own.need("route")?;
    let text = |name: &str| own.need(name)?.text();
    let route = match id.text()? {
        "fallback" => Route::Fallback,
        "cast" => cast(own, inputs)?,
        "get_dtype" => Route::TypeName,
        "get_device" => Route::DeviceName,
        "pick_component" => Route::PickComponent(text("component")?.to_owned()),
        "omit_component" => Route::OmitComponent(text("component")?.to_owned()),
        "omit_matching" => {
            let pattern = own.need("pattern")?;
            let read = Pattern::new(pattern.text()?);
            Route::OmitMatching(read.map_err(|fault| pattern.unsound(fault))?)
        }
        "stack" => Route::Stack,
        "omit_non_finite" => Route::OmitNonFinite(match own.get("mandatory") {
            None => Omitted::ALL,
            Some(_) => Omitted {
                mandatory: flag(own, "mandatory")?,
                optional: flag(own, "optional")?,
            },
        }),
        "convert_singleton" => Route::ConvertSingleton,
        "rebasin" | "randperm" | "balance_attention" | "regmean" => {
            Route::Layers(layers(own, inputs)?)
        }
        "rename" | "typed" | "select" | "gather" => {
            let place = id.place.clone();
            return Err(RecordError::Rule { place });
        }
        other => {
            let known = conversion::find_by_id(other).map(Route::Convert);
            known.ok_or_else(|| id.wrong("a route that this version knows"))?
        }
    };
    let wanted = match route {
        Route::Fallback | Route::CastTo => 2..=2,
        Route::Layers(LayerRoute::Rebasin { .. }) => 2..=2,
        Route::Layers(LayerRoute::RegMean { models, .. }) => 2 * models..=2 * models,
        Route::Stack => 1..=usize::MAX,
        _ => 1..=1,
    };
    match wanted.contains(&inputs.len()) {
        true => Ok(route),
        false => {
            let given = counted(inputs.len(), "input");
            Err(id.unsound(format!("it does not take {given}")))
        }
    }
}

/// A route that works on layers.
fn layers(own: &Field<'_>, inputs: &[NodeId]) -> Result<LayerRoute, RecordError> {
    let route = own.need("route")?;
    let whole = |name: &str| own.get(name).map(|own| own.count()).transpose();
    Ok(match route.text()? {
        "rebasin" => LayerRoute::Rebasin {
            iters: own.need("iters")?.count()?,
        },
        "randperm" => LayerRoute::Randperm {
            seed: whole("seed")?,
        },
        "balance_attention" => LayerRoute::BalanceAttention,
        _ => {
            let scale = own.need("scale")?;
            let known = scale.number()?;
            if inputs.len() < 4 || !(0.0..=1.0).contains(&known) {
                return Err(route.unsound("it takes two models at least, and a scale from 0 to 1"));
            }
            LayerRoute::RegMean {
                models: inputs.len() / 2,
                scale: known.to_bits(),
            }
        }
    })
}

fn cast(own: &Field<'_>, inputs: &[NodeId]) -> Result<Route, RecordError> {
    let Some(dtype) = own.get("dtype") else {
        return Ok(match inputs.len() {
            2 => Route::CastTo,
            _ => Route::Cast(None),
        });
    };
    let name = dtype.text()?;
    let float = Float::from_name(name).map(|float| Route::Cast(Some(float)));
    let whole = || {
        let dtype = DType::from_torch_name(name);
        dtype.filter(|own| own.is_integer()).map(Route::Whole)
    };
    let route = float.or_else(whole);
    route.ok_or_else(|| dtype.wrong("a type that this version knows"))
}

fn merge(
    own: &Field<'_>,
    before: usize,
    schedules: Scheduling<'_>,
) -> Result<RecipeNode, RecordError> {
    let id = own.need("merge")?;
    let method = method(&id, flag(own, "in_recipes")?)?;
    let models = ids(&own.need("models")?, before)?;
    let base = own.get("base").map(|base| base.index(before)).transpose()?;
    check_inputs(&id, method, base.is_some(), models.len())?;
    let values = own.need("parameters")?;
    let given = values.entries()?.into_iter();
    let given = given.map(|(name, value)| Ok((name.to_owned(), parameter(&value, method, name)?)));
    let given = given.collect::<Result<Vec<_>, RecordError>>()?;
    let parameters = Parameters::resolve(method, &given, models.len());
    let nodes = own.get("given").map_or(Ok(Vec::new()), |own| own.entries());
    let nodes = nodes?.into_iter().map(|(name, node)| {
        let (parameter, _) = parameter_named(method, name).map_err(|fault| node.unsound(fault))?;
        Ok((parameter.name, NodeId::new(node.index(before)?)))
    });
    let scheduled = own.get("scheduled");
    let schedule = scheduled.map(|own| {
        let place = own.place.clone();
        schedules(&own).ok_or(RecordError::Rule { place })
    });
    Ok(RecipeNode::Merge {
        method,
        base: base.map(NodeId::new),
        models,
        parameters: parameters.map_err(|fault| values.unsound(fault))?,
        given: nodes.collect::<Result<Vec<_>, RecordError>>()?,
        schedule: schedule.transpose()?,
    })
}

fn method(id: &Field<'_>, is_of_recipes: bool) -> Result<&'static Method, RecordError> {
    let name = id.text()?;
    let known = match is_of_recipes {
        true => in_recipes(name),
        false => find(name),
    };
    known.ok_or_else(|| RecordError::Method {
        place: id.place.clone(),
        id: name.to_owned(),
    })
}

/// Refuses models and bases in another number than the method takes.
fn check_inputs(
    id: &Field<'_>,
    method: &Method,
    has_base: bool,
    models: usize,
) -> Result<(), RecordError> {
    let base = match method.base {
        Base::None | Base::First => !has_base,
        Base::Required => has_base,
        Base::Optional => true,
    };
    let taken = method.models_min..=method.models_max;
    match base && taken.contains(&models) {
        true => Ok(()),
        false => {
            let base = if has_base { "a base and " } else { "" };
            let wanted = method.takes("model");
            Err(id.unsound(format!("it takes {wanted}, and here are {base}{models}")))
        }
    }
}

/// The value of a parameter, of the kind that the method declares.
fn parameter(
    own: &Field<'_>,
    method: &'static Method,
    name: &str,
) -> Result<ParameterValue, RecordError> {
    let (parameter, _) = parameter_named(method, name).map_err(|fault| own.unsound(fault))?;
    Ok(match parameter.shape {
        Shape::Number(..) => ParameterValue::Numbers(match own.value {
            Json::Array(_) => {
                let numbers = own.list()?.into_iter();
                numbers.map(|own| own.number()).collect::<Result<_, _>>()?
            }
            _ => vec![own.number()?],
        }),
        Shape::Flag(_) => ParameterValue::Flag(own.flag()?),
        Shape::Choice(_) => ParameterValue::Word(own.text()?.to_owned()),
    })
}
