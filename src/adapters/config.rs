//! PEFT's `adapter_config.json`.

use regex::Regex;
use serde_json::{Map, Value};

/// What the configuration of an adapter says about its arithmetic.
#[derive(Clone, Debug, Default)]
pub struct PeftConfig {
    /// What it is: `LORA`, `LOHA`, `OFT` …
    pub peft_type: String,
    /// `lora_alpha`, or `alpha`.
    alpha: Option<f64>,
    /// `r`.
    rank: Option<f64>,
    alpha_pattern: Vec<(Regex, f64)>,
    rank_pattern: Vec<(Regex, f64)>,
    /// Whether alpha is divided by the root of the rank.
    pub use_rslora: bool,
    /// Whether weights are stored \[in, out\].
    pub fan_in_fan_out: bool,
    /// Parameters that are adapted rather than modules.
    pub target_parameters: Vec<String>,
    /// Modules of which some rows are replaced, and which.
    pub tokens: Vec<(String, Vec<u64>)>,
    /// Terms of the series for OFT's rotation; None where it is exact.
    pub neumann_terms: Option<u32>,
    /// IA3's modules whose inputs are multiplied.
    feedforward: Vec<Regex>,
    /// The largest norm of OFT's skew matrices, before it is divided by the root of their number.
    pub coft: Option<f64>,
}

/// Settings under which what a layer computes is more than its weight.
const UNMERGEABLE: [&str; 6] = [
    "layer_replication",
    "alora_invocation_tokens",
    "use_qalora",
    "use_bdlora",
    "velora_config",
    "arrow_config",
];

/// Ways to begin that take something from the weights of the base, which the adapter's file does
/// not hold.
const FROM_BASE: [&str; 5] = ["pissa", "olora", "corda", "loftq", "lora_ga"];

/// Whether a value says yes.
fn is_set(value: &Value) -> bool {
    match value {
        Value::Null => false,
        Value::Bool(yes) => *yes,
        Value::Array(list) => !list.is_empty(),
        Value::Object(map) => !map.is_empty(),
        _ => true,
    }
}

/// The numbers for modules whose names match.
fn patterns(config: &Map<String, Value>, field: &str) -> Result<Vec<(Regex, f64)>, String> {
    let Some(Value::Object(map)) = config.get(field) else {
        return Ok(Vec::new());
    };
    let pattern = |(key, value): (&String, &Value)| {
        let expression = Regex::new(&format!(r"^(?:.*\.)?(?:{key})$"))
            .map_err(|error| format!("`{field}`: {error}"))?;
        let number = value.as_f64();
        let number = number.ok_or_else(|| format!("`{field}`: {key:?} is no number: {value}"))?;
        Ok((expression, number))
    };
    map.iter().map(pattern).collect()
}

/// Modules that are listed by the ends of their names, or told by an expression.
fn modules(config: &Map<String, Value>, field: &str) -> Result<Vec<Regex>, String> {
    let expressions: Vec<String> = match config.get(field) {
        Some(Value::String(expression)) => vec![format!("^(?:{expression})$")],
        Some(Value::Array(list)) => {
            let names = list.iter().filter_map(Value::as_str);
            names
                .map(|name| format!(r"^(?:.*\.)?{}$", regex::escape(name)))
                .collect()
        }
        _ => Vec::new(),
    };
    let expressions = expressions.iter().map(|expression| Regex::new(expression));
    let expressions: Result<Vec<Regex>, regex::Error> = expressions.collect();
    expressions.map_err(|error| format!("`{field}`: {error}"))
}

fn numbers(value: &Value) -> Vec<u64> {
    let list = value.as_array();
    list.into_iter()
        .flatten()
        .filter_map(Value::as_u64)
        .collect()
}

impl PeftConfig {
    /// Reads the text of a configuration.
    ///
    /// # Errors
    /// Where it is no JSON object, a pattern is no expression, or the adapter cannot become a part
    /// of the weights.
    pub fn parse(text: &str) -> Result<PeftConfig, String> {
        let value: Value = serde_json::from_str(text).map_err(|error| error.to_string())?;
        let Value::Object(config) = &value else {
            return Err("it is no object".to_owned());
        };
        let set = |field: &&str| config.get(*field).is_some_and(is_set);
        if let Some(field) = UNMERGEABLE.iter().find(|field| set(field)) {
            return Err(format!(
                "with `{field}` an adapter cannot be merged into weights"
            ));
        }
        let start = config.get("init_lora_weights").and_then(Value::as_str);
        let is_residual = |start: &&str| FROM_BASE.iter().any(|word| start.starts_with(word));
        if let Some(start) = start.filter(is_residual) {
            return Err(format!(
                "it was begun by {start:?}, which changes the base's weights as well; PEFT saves \
                 it as a LoRA of the base where `path_initial_model_for_weight_conversion` is given"
            ));
        }
        let number = |field: &str| config.get(field).and_then(Value::as_f64);
        let yes = |field: &str| set(&field);
        let terms = number("num_cayley_neumann_terms").unwrap_or(5.0) as u32;
        let tokens = match config.get("trainable_token_indices") {
            Some(Value::Object(map)) => {
                let row = |(name, rows): (&String, &Value)| (name.clone(), numbers(rows));
                map.iter().map(row).collect()
            }
            Some(list @ Value::Array(_)) => vec![("embed_tokens".to_owned(), numbers(list))],
            _ => Vec::new(),
        };
        let parameters = config.get("target_parameters").and_then(Value::as_array);
        let parameters = parameters.into_iter().flatten().filter_map(Value::as_str);
        Ok(PeftConfig {
            peft_type: config
                .get("peft_type")
                .and_then(Value::as_str)
                .unwrap_or("")
                .to_owned(),
            alpha: number("lora_alpha").or_else(|| number("alpha")),
            rank: number("r"),
            alpha_pattern: patterns(config, "alpha_pattern")?,
            rank_pattern: patterns(config, "rank_pattern")?,
            use_rslora: yes("use_rslora"),
            fan_in_fan_out: yes("fan_in_fan_out"),
            target_parameters: parameters.map(str::to_owned).collect(),
            tokens,
            neumann_terms: yes("use_cayley_neumann").then_some(terms),
            feedforward: modules(config, "feedforward_modules")?,
            coft: number("eps").filter(|_| yes("coft")),
        })
    }

    /// Reads the configurations that diffusers writes into a file's metadata, under
    /// `lora_adapter_metadata`: the fields of each model behind its name, `transformer.lora_alpha`.
    /// Returns each with the name and its dot, which is empty for fields without a name, and last.
    ///
    /// # Errors
    /// As [`PeftConfig::parse`].
    pub fn packed(text: &str) -> Result<Vec<(String, PeftConfig)>, String> {
        let value: Value = serde_json::from_str(text).map_err(|error| error.to_string())?;
        let Value::Object(fields) = value else {
            return Err("it is no object".to_owned());
        };
        let mut models: Vec<(String, Map<String, Value>)> = Vec::new();
        for (name, value) in fields {
            let (prefix, field) = match name.split_once('.') {
                Some((model, field)) => (format!("{model}."), field),
                None => (String::new(), name.as_str()),
            };
            let at = match models.iter().position(|(known, _)| *known == prefix) {
                Some(at) => at,
                None => {
                    models.push((prefix, Map::new()));
                    models.len() - 1
                }
            };
            models[at].1.insert(field.to_owned(), value);
        }
        let config = |(prefix, fields): (String, Map<String, Value>)| {
            let config = PeftConfig::parse(&Value::Object(fields).to_string())?;
            Ok((prefix, config))
        };
        models.sort_by_key(|(prefix, _)| prefix.is_empty());
        models.into_iter().map(config).collect()
    }

    /// Whether IA3 multiplies the inputs of a module.
    pub(super) fn is_feedforward(&self, module: &str) -> bool {
        self.feedforward
            .iter()
            .any(|pattern| pattern.is_match(module))
    }

    /// Alpha of a module.
    pub(super) fn alpha(&self, module: &str) -> Option<f64> {
        matched(&self.alpha_pattern, module).or(self.alpha)
    }

    /// The rank that is said for a module.
    pub(super) fn rank(&self, module: &str) -> Option<f64> {
        matched(&self.rank_pattern, module).or(self.rank)
    }
}

fn matched(patterns: &[(Regex, f64)], module: &str) -> Option<f64> {
    let found = patterns
        .iter()
        .find(|(pattern, _)| pattern.is_match(module));
    found.map(|(_, number)| *number)
}
