//! `wgmerge convert`: another key format, dtype or division into files.

use super::args::ConvertArgs;
use super::failure::Failure;
use super::report::Done;
use super::{merge, recipe};
use crate::checkpoint::Checkpoint;
use crate::keys::adapter::Adapter;
use crate::keys::{Configs, Verdict, conversion};
use crate::method::Space;
use crate::recipe::{Form, NodeId, OnNan, Options, Recipe, RecipeNode, Route};

/// Converts a checkpoint.
pub(super) fn run(args: &ConvertArgs) -> Result<(), Failure> {
    let registry = recipe::registry(&args.configs.files)?;
    let mut nodes = vec![RecipeNode::Model {
        model: 0,
        form: Form::Own,
        space: Space::Weight,
    }];
    if let Some(to) = &args.to {
        let from = source(args, &registry)?;
        let to = registry
            .find(to)
            .map_err(|fault| Failure::input(fault.to_string()))?;
        nodes[0] = RecipeNode::Model {
            model: 0,
            form: Form::Config(from.clone()),
            space: Space::Weight,
        };
        let Some(way) = conversion::path(&from, to.id()) else {
            return Err(Failure::input(no_way(args, &from, to.id())));
        };
        for step in way {
            nodes.push(RecipeNode::Route {
                route: Route::Convert(step),
                inputs: vec![NodeId(nodes.len() - 1)],
            });
        }
    }
    let recipe = Recipe {
        models: vec![args.path.clone()],
        nodes,
        lines: Vec::new(),
        reference: 0,
        options: Options {
            dtype: args.dtype,
            shard_bytes: args.max_shard_size,
            // What a checkpoint holds is not judged here.
            on_nan: OnNan::Keep,
            metadata: crate::recipe::Metadata::Full,
            ..Options::default()
        },
        configs: registry,
    };
    let reads = args.configs.files.clone();
    let done = Done::Converted;
    merge::write(recipe, None, reads, &args.work, &args.output, done)
}

/// The model config of the input.
fn source(args: &ConvertArgs, registry: &Configs) -> Result<String, Failure> {
    if let Some(from) = &args.from {
        let config = registry.find(from);
        return match config {
            Ok(config) => Ok(config.id().to_owned()),
            Err(fault) => Err(Failure::input(fault.to_string())),
        };
    }
    let checkpoint = Checkpoint::open(&args.path)?;
    // Of codes, neither names nor shapes are those of a config.
    let plain = checkpoint.check_plain();
    plain.map_err(|fault| Failure::input(fault.to_string()))?;
    let tensors = checkpoint.tensors().iter();
    let recognition =
        registry.recognise(tensors.map(|(name, info)| (name.as_str(), info.shape.as_slice())));
    let names = checkpoint.tensors().keys().map(String::as_str);
    match (recognition.verdict.clone(), Adapter::of(names)) {
        (Verdict::Known(config), _) => Ok(config.id().to_owned()),
        (Verdict::Unknown, Some(adapter)) => Err(Failure::input(format!(
            "{}: is {adapter}, which wgmerge does not read: it reads LoRA and LoKr of SD1 and SDXL \
             in the names of kohya and LyCORIS; bake this one into its base with the tool that \
             made it",
            args.path.display()
        ))),
        (Verdict::Unknown | Verdict::Ambiguous(_), _) => Err(Failure::input(format!(
            "{}: which model config its names are of is not clear: say it with --from\n{}",
            args.path.display(),
            recognition.explain()
        ))),
    }
}

fn no_way(args: &ConvertArgs, from: &str, to: &str) -> String {
    let mut reached: Vec<&str> = conversion::conversions()
        .iter()
        .map(|conversion| conversion.to)
        .filter(|to| *to != from && conversion::path(from, to).is_some())
        .collect();
    reached.sort_unstable();
    reached.dedup();
    let reached = match reached.as_slice() {
        [] => "nothing".to_owned(),
        some => some.join(", "),
    };
    format!(
        "{} is {from}, from which no conversion leads to {to}; it can become {reached}",
        args.path.display()
    )
}
