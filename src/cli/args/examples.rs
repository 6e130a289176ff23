//! What a user would type: the examples of help and manual.

/// A command line with what it is for.
pub(in crate::cli) struct Example {
    /// What it does.
    pub(in crate::cli) what: &'static str,
    /// The line, or several of them that end in a backslash.
    pub(in crate::cli) line: &'static str,
}

const fn example(what: &'static str, line: &'static str) -> Example {
    Example { what, line }
}

/// The examples of each command, by its words after the program's name.
pub(in crate::cli) const EXAMPLES: &[(&str, &[Example])] = &[
    (
        "",
        &[
            example(
                "Average two models, and see what that would do before",
                "wgmerge plan -M linear a.safetensors b.safetensors\n\
                 wgmerge merge -M linear a.safetensors b.safetensors -o ab.safetensors",
            ),
            example(
                "What a method does and which parameters it has",
                "wgmerge methods ties",
            ),
        ],
    ),
    (
        "merge",
        &[
            example(
                "Average two models, seven parts to three",
                "wgmerge merge -M linear -p weight=7,3 a.safetensors b.safetensors \\\n\
                 \x20 -o ab.safetensors",
            ),
            example(
                "What two fine-tunes learned, added to their base, in 5 GB shards",
                "wgmerge merge -M ties -b base/ one/ two/ -p density=0.2 \\\n\
                 \x20 -o merged/ --max-shard-size 5GB",
            ),
            example(
                "A ratio for each block of a Stable Diffusion model",
                "wgmerge merge -M weighted_sum a.safetensors b.safetensors \\\n\
                 \x20 --block-weights 'BASE=0.2,IN04=0.7,*=0.5' -o ab.safetensors",
            ),
            example(
                "Eleven outputs from one reading, and their checksums",
                "wgmerge merge -M weighted_sum a.safetensors b.safetensors \\\n\
                 \x20 --sweep alpha=0:1:0.1 -o ab.safetensors --hash > sums",
            ),
        ],
    ),
    (
        "average",
        &[
            example(
                "The last 8, 16 and 32 checkpoints of a run, each read once",
                "wgmerge average run/step-*.safetensors --schedule minus-sqrt \\\n\
                 \x20 --windows 8,16,32 -o run/average-{window}.safetensors",
            ),
            example(
                "Clients of federated learning, weighted by their samples",
                "wgmerge average clients/*.safetensors --weights counts.json \\\n\
                 \x20 -o server.safetensors",
            ),
        ],
    ),
    (
        "run",
        &[
            example(
                "Merge as a recipe says; models are found beside it too",
                "wgmerge run recipe.mecha -o out.safetensors",
            ),
            example(
                "A YAML of mergekit: the command line of mergekit-yaml, but for its name",
                "wgmerge run merge.yaml merged --copy-tokenizer --out-shard-size 5B",
            ),
            example(
                "A recipe from standard input, for programs",
                "wgmerge run - -o out.safetensors --json < recipe.mecha",
            ),
        ],
    ),
    (
        "mergeflux",
        &[
            example(
                "From one model to the other along the blocks",
                "wgmerge mergeflux --models a.safetensors b.safetensors --output ab \\\n\
                 \x20 --start_ratios 1 0 --end_ratios 0 1 --save-metadata",
            ),
            example(
                "The same with double blocks before single ones, and the names as they are",
                "wgmerge mergeflux --models a.safetensors b.safetensors --output ab \\\n\
                 \x20 --start_ratios 1 0 --end_ratios 0 1 --block_order depth --keep-prefix",
            ),
        ],
    ),
    (
        "mergeflux-delta",
        &[
            example(
                "TIES",
                "wgmerge mergeflux-delta --base_model base.safetensors \\\n\
                 \x20 --models a.safetensors b.safetensors --output ties --density 0.5",
            ),
            example(
                "DARE, with a mask that a seed gives",
                "wgmerge mergeflux-delta --base_model base.safetensors \\\n\
                 \x20 --models a.safetensors b.safetensors --output dare \\\n\
                 \x20 --prune_method random --merge_method sum --seed 7",
            ),
        ],
    ),
    (
        "supermario",
        &[
            example(
                "The numbers of its README: an eighth of the difference, much enlarged",
                "wgmerge supermario -p 0.13 -lambda 3.0 sdxl_base.safetensors \\\n\
                 \x20 sd_xl_turbo_1.0_fp16.safetensors sdxl_merged.safetensors",
            ),
            example(
                "Two folders, with a mask that a seed gives",
                "wgmerge supermario base/ tuned/ merged/ --seed 7",
            ),
        ],
    ),
    (
        "supermario-hf",
        &[example(
            "What a list would do, and then doing it",
            "wgmerge supermario-hf list.txt merged -p 0.3 --dry\n\
             wgmerge supermario-hf list.txt merged -p 0.3",
        )],
    ),
    (
        "recipe",
        &[example(
            "Whether a recipe is right, without its models",
            "wgmerge recipe check recipe.mecha",
        )],
    ),
    (
        "recipe check",
        &[example(
            "Whether a recipe is right, with a model config of your own",
            "wgmerge recipe check recipe.mecha --config mine.yaml",
        )],
    ),
    (
        "recipe fmt",
        &[example(
            "Bring a recipe into sd-mecha's form",
            "wgmerge recipe fmt -w recipe.mecha",
        )],
    ),
    (
        "recipe show",
        &[example(
            "A picture of a recipe",
            "wgmerge recipe show recipe.mecha --as dot | dot -Tsvg > recipe.svg",
        )],
    ),
    (
        "plan",
        &[
            example(
                "Whether two models fit, what is read and how much memory it takes",
                "wgmerge plan -M slerp a.safetensors b.safetensors -p t=0.4",
            ),
            example(
                "The same for a recipe, for programs",
                "wgmerge plan recipe.mecha --json",
            ),
        ],
    ),
    (
        "inspect",
        &[
            example("What a file holds", "wgmerge inspect model.safetensors"),
            example(
                "Whether its attention weights have NaN or infinities",
                "wgmerge inspect model.safetensors --stats --filter attn",
            ),
        ],
    ),
    (
        "verify",
        &[
            example(
                "Whether a merge is what its inputs make, which lie in another place by now",
                "wgmerge verify ab.safetensors --models /archive/models",
            ),
            example(
                "Whether a folder opens as loaders open it, and has the hashes of before",
                "wgmerge verify merged/ --quick --hashes sums",
            ),
        ],
    ),
    (
        "diff",
        &[
            example(
                "What a fine-tune changed, and where",
                "wgmerge diff base.safetensors tuned.safetensors",
            ),
            example(
                "Whether two fine-tunes of a base get in each other's way",
                "wgmerge diff one/ two/ --against base/ --report conflicts.json",
            ),
            example(
                "In a pipeline: whether a conversion changed any tensor",
                "wgmerge diff before/ after/ --fail-above 0 --quiet",
            ),
        ],
    ),
    (
        "convert",
        &[
            example(
                "Half precision",
                "wgmerge convert model.safetensors --dtype f16 -o half.safetensors",
            ),
            example(
                "The names that kohya's scripts use",
                "wgmerge convert sdxl.safetensors --to sdxl-kohya -o kohya.safetensors",
            ),
            example(
                "Shards with an index",
                "wgmerge convert model.safetensors --max-shard-size 2GB -o shards/",
            ),
        ],
    ),
    (
        "configs",
        &[example(
            "The tensors of Stable Diffusion 1.5 by block",
            "wgmerge configs sd1-ldm",
        )],
    ),
    (
        "methods",
        &[
            example(
                "What a method does and which parameters it has",
                "wgmerge methods dare_ties",
            ),
            example(
                "What supermerger's trainDifference is here",
                "wgmerge methods trainDifference",
            ),
        ],
    ),
    (
        "devices",
        &[example("What could compute here", "wgmerge devices")],
    ),
    (
        "bench",
        &[example(
            "The methods against the disk that models lie on",
            "wgmerge bench --dir /models --bytes 4GiB",
        )],
    ),
    (
        "completions",
        &[example(
            "Completions for bash, from the next shell on",
            "wgmerge completions bash \\\n\
             \x20 > ~/.local/share/bash-completion/completions/wgmerge",
        )],
    ),
    (
        "man",
        &[
            example("Read the manual", "wgmerge man | man -l -"),
            example(
                "Install a page for each command",
                "wgmerge man --dir ~/.local/share/man/man1",
            ),
        ],
    ),
];

/// The examples of a command.
pub(in crate::cli) fn of(command: &str) -> &'static [Example] {
    let found = EXAMPLES.iter().find(|(name, _)| *name == command);
    found.map_or(&[], |(_, examples)| examples)
}
