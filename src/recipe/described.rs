//! What models are called in messages.

use super::ModelId;
use super::recognise::Recogniser;

impl<'a> Recogniser<'a> {
    /// Where a model is, as it was named.
    pub(super) fn path(&self, model: ModelId) -> String {
        self.models[model.index()].path.display().to_string()
    }

    /// The names of a model's tensors, as they are stored.
    pub(super) fn tensor_names(&self, model: ModelId) -> impl Iterator<Item = &'a str> {
        self.models[model.index()]
            .tensors
            .keys()
            .map(String::as_str)
    }

    /// A model and what it is, for messages.
    pub(super) fn described(&mut self, model: ModelId) -> String {
        let path = self.path(model);
        let shown = self.shown(model);
        match shown.configs.as_slice() {
            [] => path,
            [config] if config.is_adapter() => format!("{path} ({}, an adapter)", config.id()),
            configs => {
                let ids: Vec<&str> = configs.iter().map(|config| config.id()).collect();
                format!("{path} ({})", ids.join(" or "))
            }
        }
    }
}
