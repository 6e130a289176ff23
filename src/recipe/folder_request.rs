//! What a recipe says of the output's folder besides its tensors.

/// What a recipe says of the output's folder besides its tensors.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct FolderRequest {
    /// The layers of the result, stack by stack.
    pub stacks: Vec<Stack>,
    /// The tokenizer.
    pub tokenizer: Option<TokenizerRequest>,
    /// The chat template: `auto`, a name, or the template itself.
    pub chat_template: Option<String>,
}

/// A stack of layers of the result.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stack {
    /// Its name among the tensors' names, such as `model.layers`.
    pub name: String,
    /// Where its layers come from, in order.
    pub layers: Vec<SourceLayer>,
}

/// A layer of a model.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SourceLayer {
    /// The model, as a number in [`Recipe::models`](super::Recipe::models); where a layer is merged
    /// of several, the base, else the first.
    pub model: usize,
    /// The number of the layer in it.
    pub layer: usize,
}

/// The tokenizer of the result.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TokenizerRequest {
    /// Where it comes from.
    pub source: TokenizerSource,
    /// Tokens whose rows are chosen one by one.
    pub tokens: Vec<TokenRequest>,
    /// What the number of rows is rounded up to a multiple of.
    pub multiple: Option<u64>,
}

/// Where a tokenizer comes from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TokenizerSource {
    /// The tokens of all models.
    Union,
    /// That of the base model.
    Base,
    /// That of the model with this reference.
    Model(String),
}

/// A token whose row is chosen.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TokenRequest {
    /// Its text.
    pub text: String,
    /// Its row; None leaves that to the rules.
    pub row: Option<TokenRow>,
    /// Whether it takes the place of what models have for it.
    pub force: bool,
}

/// The row of a token.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TokenRow {
    /// Zeros.
    Zero,
    /// That of the same token in the model with this reference.
    Model(String),
    /// That of another token.
    Token {
        /// The reference of its model.
        model: String,
        /// Its text.
        text: String,
    },
    /// That of a token by its number.
    Number {
        /// The reference of its model.
        model: String,
        /// Its number.
        number: u64,
    },
}
