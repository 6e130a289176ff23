//! Additions written as nodes of the graph.

use super::prefix::Prefix;
use super::recognise::Recogniser;
use super::{
    Addition, Form, ModelId, NodeId, Pattern, Recipe, RecipeNode, Route, Solution, SolveError,
};
use crate::keys::adapter::Adapter;
use crate::keys::config::Config;
use crate::keys::conversion;
use crate::method::{Domain, Method, ParameterValue, Parameters, Space, in_recipes};

/// The component that autoencoders are.
const VAE: &str = "vae";

/// The configs of autoencoders alone.
const VAES: [&str; 4] = ["vae-ldm", "vae-diffusers", "vae16-ldm", "vae16-diffusers"];

impl Recogniser<'_> {
    /// The recipe with its additions written as nodes; None where it has none.
    pub fn extend(&mut self, recipe: &Recipe) -> Result<Option<Recipe>, SolveError> {
        if recipe.options.additions.is_empty() {
            return Ok(None);
        }
        let mut extended = recipe.clone();
        let additions = std::mem::take(&mut extended.options.additions);
        for addition in &additions {
            match addition {
                Addition::Clip => clip(&mut extended)?,
                Addition::Lora { model, strength } => {
                    self.lora(&mut extended, *model, *strength)?;
                }
                Addition::Vae { model } => self.vae(&mut extended, *model)?,
                Addition::Drop(pattern) => self.drop_matching(&mut extended, pattern)?,
            }
        }
        Ok(Some(extended))
    }

    /// The config of the result.
    fn result(&mut self, recipe: &Recipe, what: &'static str) -> Result<Config, SolveError> {
        let solution = Solution::of(recipe, self)?;
        match solution.config(recipe.root()) {
            Some(config) => Ok(config.clone()),
            None => Err(SolveError::NoFamily {
                what,
                models: solution.described.join(", "),
            }),
        }
    }

    fn lora(
        &mut self,
        recipe: &mut Recipe,
        model: ModelId,
        strength: f64,
    ) -> Result<(), SolveError> {
        let formats = self.adapter_formats(model)?;
        let target = self.result(recipe, "--lora")?;
        let mut fits = formats.iter();
        let fits = fits.find(|format| conversion::path(format, target.id()).is_some());
        let Some(format) = fits else {
            return Err(SolveError::OtherFamily {
                model: self.path(model),
                family: formats.join(" or "),
                base: target.id().to_owned(),
            });
        };
        let result = recipe.root();
        let delta = converted(recipe, model, format, target.id());
        let method = in_recipes("add_difference").expect("the table has add_difference");
        let alpha = [("alpha".to_owned(), ParameterValue::Numbers(vec![strength]))];
        let added = merged(recipe, method, vec![result, delta], &alpha);
        // What the adapter has nothing for stays.
        let inputs = vec![added, result];
        let route = Route::Fallback;
        push(recipe, RecipeNode::Route { route, inputs });
        Ok(())
    }

    /// The configs of adapters that a file may be of.
    fn adapter_formats(&mut self, model: ModelId) -> Result<Vec<String>, SolveError> {
        let shown = self.shown(model);
        let formats = shown.configs.iter().filter(|config| config.is_adapter());
        let formats: Vec<String> = formats.map(|config| config.id().to_owned()).collect();
        if !formats.is_empty() {
            return Ok(formats);
        }
        let model_path = self.path(model);
        Err(match Adapter::of(self.tensor_names(model)) {
            Some(adapter) => SolveError::ForeignAdapter {
                model: model_path,
                adapter: adapter.to_string(),
            },
            None => SolveError::NoAdapter { model: model_path },
        })
    }

    fn vae(&mut self, recipe: &mut Recipe, model: ModelId) -> Result<(), SolveError> {
        let target = self.result(recipe, "--vae")?;
        let known = target.components().iter().any(|name| name == VAE);
        let form = match known {
            true => self.vae_form(model, &target),
            false => None,
        };
        let Some(form) = form else {
            return Err(SolveError::NoVae {
                model: self.described(model),
                base: target.id().to_owned(),
            });
        };
        let result = recipe.root();
        let vae = converted(recipe, model, &form, target.id());
        let route = Route::PickComponent(VAE.to_owned());
        let inputs = vec![vae];
        let picked = push(recipe, RecipeNode::Route { route, inputs });
        let (route, inputs) = (Route::Fallback, vec![picked, result]);
        push(recipe, RecipeNode::Route { route, inputs });
        Ok(())
    }

    /// The config by which a file is a VAE that the target can have.
    fn vae_form(&mut self, model: ModelId, target: &Config) -> Option<String> {
        let leads = |id: &&str| conversion::path(id, target.id()).is_some();
        let shown = self.shown(model);
        let models = shown.configs.iter().filter(|config| !config.is_adapter());
        let shown = models.map(|config| config.id());
        if let Some(found) = shown.clone().find(leads) {
            return Some(found.to_owned());
        }
        let others = VAES.into_iter().filter(leads);
        let with_prefix = |id: &&str| {
            let config = self.registry().find(id).ok()?;
            let prefix: Option<Prefix> = self.prefix(model, config);
            prefix.map(|_| ())
        };
        let mut fits = others.filter(|id| with_prefix(id).is_some());
        fits.next().map(str::to_owned)
    }

    fn drop_matching(&mut self, recipe: &mut Recipe, pattern: &Pattern) -> Result<(), SolveError> {
        let solution = Solution::of(recipe, self)?;
        let result = recipe.root();
        let config = solution.config(result);
        let is_component = config.is_some_and(|config| {
            let mut components = config.components().iter();
            components.any(|name| name == pattern.as_str())
        });
        let route = match is_component {
            true => Route::OmitComponent(pattern.as_str().to_owned()),
            false => Route::OmitMatching(pattern.clone()),
        };
        let inputs = vec![result];
        let names = solution.names(recipe, result, &recipe.configs);
        if names
            .iter()
            .all(|name| solution.passes(result, &route, name))
        {
            return Err(SolveError::DropsNothing {
                pattern: pattern.as_str().to_owned(),
                tensors: names.len(),
                components: match config {
                    Some(config) => format!(
                        "; the components of {} are {}",
                        config.id(),
                        config.components().join(", ")
                    ),
                    None => String::new(),
                },
            });
        }
        push(recipe, RecipeNode::Route { route, inputs });
        Ok(())
    }
}

/// Keeps the result between the first two inputs of the merge that it is of.
fn clip(recipe: &mut Recipe) -> Result<(), SolveError> {
    let result = recipe.root();
    let bounds: Vec<NodeId> = match &recipe.nodes[result.index()] {
        RecipeNode::Merge {
            method,
            base,
            models,
            ..
        } => {
            let models = models.iter().enumerate().filter(|(position, _)| {
                let input = method.input(*position).map(|input| input.domain);
                input.is_some_and(|domain| domain == method.result || domain == Domain::Same)
            });
            let models = models.map(|(_, model)| *model);
            base.iter().copied().chain(models).take(2).collect()
        }
        _ => Vec::new(),
    };
    let [first, second] = bounds[..] else {
        return Err(SolveError::NoBounds);
    };
    let method = in_recipes("clamp").expect("the table has clamp");
    let inputs = vec![result, first, second];
    let clipped = merged(recipe, method, inputs, &[]);
    // What one of them has alone stays.
    let inputs = vec![clipped, result];
    let route = Route::Fallback;
    push(recipe, RecipeNode::Route { route, inputs });
    Ok(())
}

/// Adds a merge by numbers that its method takes.
fn merged(
    recipe: &mut Recipe,
    method: &'static Method,
    models: Vec<NodeId>,
    given: &[(String, ParameterValue)],
) -> NodeId {
    let parameters = Parameters::resolve(method, given, models.len());
    push(
        recipe,
        RecipeNode::Merge {
            method,
            base: None,
            models,
            parameters: parameters.expect("any number is a strength"),
            given: Vec::new(),
            schedule: None,
        },
    )
}

/// Adds a model of a config and what converts it to another.
fn converted(recipe: &mut Recipe, model: ModelId, from: &str, to: &str) -> NodeId {
    let mut id = push(
        recipe,
        RecipeNode::Model {
            model,
            form: Form::Config(from.to_owned()),
            space: Space::Weight,
        },
    );
    for step in conversion::path(from, to).unwrap_or_default() {
        let route = Route::Convert(step);
        let inputs = vec![id];
        id = push(recipe, RecipeNode::Route { route, inputs });
    }
    id
}

/// Adds a node; in a recipe that has a text it belongs to its last line.
fn push(recipe: &mut Recipe, node: RecipeNode) -> NodeId {
    recipe.nodes.push(node);
    if let Some(&line) = recipe.lines.last() {
        recipe.lines.push(line);
    }
    recipe.root()
}
