//! What is recorded.

use serde_json::{Map, Value as Json, json};

use crate::checkpoint::recorded_name;
use crate::method::{ParameterValue, Space, find, text_of};
use crate::recipe::{
    Addition, Constant, Experts, Form, LayerRoute, LiteralEntry, Metadata, ModelId, NodeId,
    Omitted, Options, OutputFormat, OutputNames, Recipe, RecipeNode, Route, Rule, Scheduled,
    SideFiles, Text,
};

/// The recipe as JSON. It names models by file name, not by path, so that the output does not
/// depend on where the models lie; those of the Hugging Face cache by repository and commit. Of
/// several that have one name it tells which is meant by the place among those that are used.
pub fn record(recipe: &Recipe) -> Json {
    let places = Places::of(recipe);
    let nodes = recipe.nodes.iter();
    let nodes: Vec<Json> = nodes.map(|node| describe(recipe, &places, node)).collect();
    let options = &recipe.options;
    let (include, exclude) = options.filter.patterns();
    let mut value = json!({
        "wgmerge": env!("CARGO_PKG_VERSION"),
        "nodes": nodes,
        "compute": options.compute.name(),
        "dtype": options.dtype.word(),
        "seed": options.seed,
        "missing": options.missing.word(),
        "on_nan": options.on_nan.word(),
        "on_overflow": options.on_overflow.word(),
        "shape": options.shape.word(),
        "include": include,
        "exclude": exclude,
        "block_weights": options.block_weights.as_ref().map(|blocks| &blocks.text),
    });
    if let Some(text) = &recipe.text {
        add_text(&mut value, text);
    }
    if recipe.reference != ModelId::default() {
        value["reference"] = json!(places.of_model(recipe.reference));
    }
    let texts = method_texts(recipe);
    if !texts.is_empty() {
        value["methods"] = json!(texts);
    }
    add_options(&mut value, options);
    // Of what has no text, the nodes say it.
    if let (Some(swept), Some(_)) = (&recipe.swept, &recipe.text) {
        value["swept"] = json!({ "parameter": swept.name(), "value": swept.values()[0] });
    }
    if !options.additions.is_empty() {
        let additions = options.additions.iter();
        value["additions"] = additions.map(|own| addition(&places, own)).collect();
    }
    value
}

/// Which of the models that are used each is.
struct Places(Vec<usize>);

impl Places {
    fn of(recipe: &Recipe) -> Places {
        let mut used = 0;
        let models = ModelId::all().take(recipe.models.len());
        let places = models.map(|model| {
            let own = used;
            used += usize::from(recipe.takes(model));
            own
        });
        Places(places.collect())
    }

    fn of_model(&self, model: ModelId) -> usize {
        self.0[model.index()]
    }
}

/// The text of another program, and what was said beside it.
fn add_text(value: &mut Json, text: &Text) {
    value[text.dialect] = json!(text.text);
    if let Some(name) = &text.name {
        value["merge_name"] = json!(name);
    }
    if !text.references.is_empty() {
        value["references"] = json!(text.references);
    }
    if text.truncates {
        value["truncates"] = json!(true);
    }
}

/// The options that are not as they are without being given, of those that few recipes have.
fn add_options(value: &mut Json, options: &Options) {
    let flags = [
        ("integers", options.integers),
        ("exact_names", options.exact_names),
        ("direct_casts", options.direct_casts),
        ("graph_names", options.output_names == OutputNames::Graph),
        ("flat", options.side_files == SideFiles::Flat),
        ("full_metadata", options.metadata == Metadata::Full),
    ];
    for (name, _) in flags.into_iter().filter(|(_, given)| *given) {
        value[name] = json!(true);
    }
    if options.format != OutputFormat::default() {
        let OutputFormat {
            storing,
            layers,
            rounding,
            scales,
        } = &options.format;
        value["format"] = json!({
            "storing": storing.word(),
            "layers": layers.word(),
            "kept": layers.patterns().collect::<Vec<_>>(),
            "rounding": rounding.word(),
            "scales": scales.word(),
        });
    }
    if options.experts != Experts::default() {
        value["experts"] = json!(options.experts.word());
    }
    if !options.strip_prefix.is_empty() {
        value["strip_prefix"] = json!(options.strip_prefix);
    }
    if !options.add_prefix.is_empty() {
        value["add_prefix"] = json!(options.add_prefix);
    }
    if let Some(bytes) = options.shard_bytes {
        value["max_shard_size"] = json!(bytes);
    }
}

fn addition(places: &Places, addition: &Addition) -> Json {
    match addition {
        Addition::Clip => json!("clip"),
        Addition::Lora { model, strength } => {
            json!({ "lora": places.of_model(*model), "strength": strength })
        }
        Addition::Vae { model } => json!({ "vae": places.of_model(*model) }),
        Addition::Drop(pattern) => json!({ "drop": pattern.as_str() }),
    }
}

/// The files' texts of methods that are not built in.
fn method_texts(recipe: &Recipe) -> Map<String, Json> {
    let methods = recipe.nodes.iter().filter_map(|node| match node {
        RecipeNode::Merge { method, .. } => Some(*method),
        _ => None,
    });
    methods
        .filter_map(|method| Some((method.id.to_owned(), json!(text_of(method)?))))
        .collect()
}

fn describe(recipe: &Recipe, places: &Places, node: &RecipeNode) -> Json {
    match node {
        RecipeNode::Model { model, form, space } => {
            let name = recorded_name(&recipe.models[model.index()]);
            let mut value = json!({ "model": name, "input": places.of_model(*model) });
            set_form(&mut value, form);
            if *space != Space::Weight {
                value["space"] = json!(space.word());
            }
            value
        }
        RecipeNode::Literal {
            entries,
            form,
            space,
        } => {
            let entries: Map<String, Json> = entries
                .iter()
                .map(|(name, entry)| (name.clone(), entry_json(entry)))
                .collect();
            let mut value = json!({ "literal": entries });
            set_form(&mut value, form);
            if let Some(space) = space {
                value["space"] = json!(space.word());
            }
            value
        }
        RecipeNode::Route { route, inputs } => describe_route(route, inputs),
        RecipeNode::Merge { .. } => describe_merge(node),
    }
}

fn describe_route(route: &Route, inputs: &[NodeId]) -> Json {
    let ids: Vec<usize> = inputs.iter().map(|id| id.index()).collect();
    let mut value = json!({ "route": route.id(), "inputs": ids });
    match route {
        Route::Cast(Some(float)) => value["dtype"] = json!(float.name()),
        Route::Whole(dtype) => value["dtype"] = json!(dtype.torch_name()),
        Route::PickComponent(name) | Route::OmitComponent(name) => {
            value["component"] = json!(name);
        }
        Route::OmitNonFinite(omitted) if *omitted != Omitted::ALL => {
            value["mandatory"] = json!(omitted.mandatory);
            value["optional"] = json!(omitted.optional);
        }
        Route::OmitMatching(pattern) => value["pattern"] = json!(pattern.as_str()),
        Route::Layers(LayerRoute::Rebasin { iters }) => value["iters"] = json!(iters),
        Route::Layers(LayerRoute::Randperm { seed: Some(seed) }) => value["seed"] = json!(seed),
        Route::Layers(LayerRoute::RegMean { scale, .. }) => {
            value["scale"] = json!(f64::from_bits(*scale));
        }
        _ => {}
    }
    value
}

/// A merge; null for another node.
fn describe_merge(node: &RecipeNode) -> Json {
    let RecipeNode::Merge {
        method,
        base,
        models,
        parameters,
        given,
        schedule,
    } = node
    else {
        return Json::Null;
    };
    let values: Map<String, Json> = parameters
        .values()
        .into_iter()
        .map(|(name, value)| (name.to_owned(), plain(&value)))
        .collect();
    let ids: Vec<usize> = models.iter().map(|id| id.index()).collect();
    let mut merge = json!({ "merge": method.id, "models": ids, "parameters": values });
    if find(method.id) != Some(method) {
        // Flags mean another one by this identifier.
        merge["in_recipes"] = json!(true);
    }
    if let Some(base) = base {
        merge["base"] = json!(base.index());
    }
    if !given.is_empty() {
        let given = given
            .iter()
            .map(|(name, id)| ((*name).to_owned(), json!(id.index())));
        merge["given"] = given.collect::<Map<String, Json>>().into();
    }
    match schedule {
        None => {}
        Some(Scheduled::Bound(Rule(schedule))) => merge["scheduled"] = schedule.record(),
        Some(Scheduled::Open(_)) => merge["scheduled"] = json!(true),
    }
    merge
}

fn plain(value: &ParameterValue) -> Json {
    match value {
        ParameterValue::Numbers(numbers) if numbers.len() == 1 => json!(numbers[0]),
        ParameterValue::Numbers(numbers) => json!(numbers),
        ParameterValue::Flag(flag) => json!(flag),
        ParameterValue::Word(word) => json!(word),
    }
}

/// The form, where it is not the own names of the file.
fn set_form(value: &mut Json, form: &Form) {
    match form {
        Form::Own => {}
        Form::Inferred => value["form"] = json!("inferred"),
        Form::Singleton => value["form"] = json!("singleton"),
        Form::Config(config) => value["form"] = json!(config),
    }
}

fn entry_json(entry: &LiteralEntry) -> Json {
    match entry {
        LiteralEntry::Node(id) => json!({ "node": id.index() }),
        LiteralEntry::Constant(Constant::Null) => Json::Null,
        LiteralEntry::Constant(Constant::Flag(flag)) => json!(flag),
        LiteralEntry::Constant(Constant::Number(number)) => match number.is_finite() {
            true => json!(number),
            false => json!({ "number": number.to_string() }),
        },
        LiteralEntry::Constant(Constant::Text(text)) => json!(text),
    }
}
