//! From a recipe of mergekit-moe and the headers of its models to a recipe.

use serde_json::{Map, Value};

use super::builder::Builder;
use super::config;
use super::dense::Dense;
use super::form::{Counts, PARTS};
use super::gates::PromptTokens;
use super::names::{EMBEDDING, dense, is_inside, matrix};
use super::read::{Expert, Mixture};
use crate::recipe::{Fault, Options, OutputDType, Recipe};

impl Mixture {
    /// The recipe of the mixture. `models` are in the order of [`Mixture::models`]; `tokens` are
    /// those of the experts, the shared one last, and are looked at where prompts make the gates.
    ///
    /// # Errors
    /// What does not fit the models, at its place.
    pub fn compose(
        &self,
        models: &[Dense<'_>],
        tokens: &[PromptTokens],
        mut options: Options,
    ) -> Result<Recipe, Fault> {
        let configs = self.models().into_iter().zip(models).map(|(named, own)| {
            let config = own.config.as_ref();
            config.map_err(|fault| Fault::new(named.span.clone(), fault.clone()))
        });
        let configs = configs.collect::<Result<Vec<&Map<String, Value>>, Fault>>()?;
        let model_type = |own: &&Map<String, Value>| {
            let named = own.get("model_type").and_then(Value::as_str);
            named.unwrap_or("an unknown type").to_owned()
        };
        let types: Vec<String> = configs.iter().map(model_type).collect();
        let form = self.form(&types)?;
        let layers = self.layers(&models[0])?;
        for expert in self.experts.iter().chain(&self.shared) {
            let own = &models[self.number(&expert.model)];
            self.check_expert(expert, &layers, [&models[0], own])?;
        }
        let dtype = self.dtype.or_else(|| config::dtype(configs[0]));
        if let (OutputDType::Keep, Some(float)) = (options.dtype, dtype) {
            options.dtype = OutputDType::Float(float);
        }
        let stored = match options.dtype {
            OutputDType::Float(float) => Some(float),
            _ => None,
        };
        let counts = Counts {
            experts: self.experts.len(),
            shared: usize::from(self.shared.is_some()),
            per_token: self.per_token,
        };
        let text = config::text(configs[0], form, &counts, stored);
        let mut builder = Builder::new(self, form, models, layers);
        builder.body();
        builder.made(tokens)?;
        builder.experts();
        Ok(builder.finish(options, text))
    }

    /// The layers of the base, in order: `model.layers.0` and so on.
    fn layers(&self, base: &Dense<'_>) -> Result<Vec<String>, Fault> {
        let matrices = base.tensors.keys().filter_map(|name| matrix(name));
        let layers = matrices.filter(|own| own.part == 0);
        let mut layers: Vec<String> = layers.map(|own| own.layer.to_owned()).collect();
        layers.sort_by_key(|layer| {
            let number = layer.rsplit('.').next().and_then(|end| end.parse().ok());
            number.unwrap_or(usize::MAX)
        });
        let lacks = match (layers.is_empty(), base.tensors.contains_key(EMBEDDING)) {
            (true, _) => dense("model.layers.N", 0),
            (_, false) => EMBEDDING.to_owned(),
            _ => return Ok(layers),
        };
        let text = format!("{} has no `{lacks}`", self.base.reference);
        let help = "the base of a mixture is a dense language model under Hugging Face's names";
        Err(Fault::new(self.base.span.clone(), text).help(help))
    }

    /// Refuses an expert whose matrices are not those of the base, in name and shape.
    fn check_expert(
        &self,
        expert: &Expert,
        layers: &[String],
        [base, own]: [&Dense<'_>; 2],
    ) -> Result<(), Fault> {
        let (model, of) = (&expert.model.reference, &self.base.reference);
        let fault = |text: String| Err(Fault::new(expert.model.span.clone(), text));
        let mut inside = own.tensors.keys().filter(|name| is_inside(name));
        if let Some(stray) = inside.find(|name| matrix(name).is_none()) {
            return fault(format!(
                "`{stray}` of {model} has no place in a mixture, whose experts are made of {}",
                PARTS.join(", ")
            ));
        }
        for name in layers
            .iter()
            .flat_map(|layer| (0..PARTS.len()).map(|part| dense(layer, part)))
        {
            let shapes = [base, own].map(|own| own.tensors.get(&name).map(|info| &info.shape));
            match shapes {
                [Some(base), Some(own)] if base == own => {}
                [Some(base), Some(own)] => {
                    return fault(format!(
                        "`{name}` is {:?} in {model}, but {:?} in the base {of}",
                        &own[..],
                        &base[..]
                    ));
                }
                [None, _] => return fault(format!("the base {of} has no `{name}`")),
                [_, None] => return fault(format!("{model} has no `{name}`, which the base has")),
            }
        }
        Ok(())
    }
}
