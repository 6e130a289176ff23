//! The table of routes: what recipes can do with tensors besides computing.

use super::Route;
use crate::dtype::{DType, Float};

/// A route, as recipes name it.
#[derive(Debug)]
pub struct RouteRow {
    /// Its identifier.
    pub id: &'static str,
    /// What it does, in one line.
    pub summary: &'static str,
    /// The names of its inputs.
    pub inputs: &'static [&'static str],
    /// Whether the last input stands for any number.
    pub is_variadic: bool,
    /// Its parameters.
    pub parameters: &'static [RouteParameter],
    /// What a recipe writes.
    pub example: &'static str,
    /// The flag that does the same, if there is one.
    pub flag: Option<&'static str>,
}

/// A parameter of a route.
#[derive(Debug)]
pub struct RouteParameter {
    /// Its name.
    pub name: &'static str,
    /// What it is.
    pub help: &'static str,
}

const COMPONENT: RouteParameter = RouteParameter {
    name: "component",
    help: "a component of the model config; `wgmerge configs NAME` lists them",
};

/// The routes.
pub static ROUTES: [RouteRow; 14] = [
    RouteRow {
        id: "fallback",
        summary: "the first input where it has the tensor, else the second",
        inputs: &["a", "default"],
        is_variadic: false,
        parameters: &[],
        example: "merge \"fallback\" &0 &1",
        flag: Some("merge --vae FILE, merge --lora FILE"),
    },
    RouteRow {
        id: "cast",
        summary: "the tensors rounded to another type",
        inputs: &["a"],
        is_variadic: false,
        parameters: &[
            RouteParameter {
                name: "device",
                help: "read for sd-mecha's sake, and without effect",
            },
            RouteParameter {
                name: "dtype",
                help: "the type by its name in torch: float16, bfloat16, float32, …; of a type of \
                    integers (int8, bool, …) the values, rounded toward zero, in the output's type",
            },
        ],
        example: "merge \"cast\" &0 dtype=\"bfloat16\"",
        flag: Some("--dtype TYPE"),
    },
    RouteRow {
        id: "get_dtype",
        summary: "the name of the type that values are computed in, for the dtype of a cast",
        inputs: &["a"],
        is_variadic: false,
        parameters: &[],
        example: "merge \"get_dtype\" &0",
        flag: None,
    },
    RouteRow {
        id: "get_device",
        summary: "the name of the device of a cast: cpu, whatever computes",
        inputs: &["a"],
        is_variadic: false,
        parameters: &[],
        example: "merge \"get_device\" &0",
        flag: None,
    },
    RouteRow {
        id: "pick_component",
        summary: "the tensors of one component of the model config",
        inputs: &["a"],
        is_variadic: false,
        parameters: &[COMPONENT],
        example: "merge \"pick_component\" &0 \"vae\"",
        flag: None,
    },
    RouteRow {
        id: "omit_component",
        summary: "the tensors of all components but one",
        inputs: &["a"],
        is_variadic: false,
        parameters: &[COMPONENT],
        example: "merge \"omit_component\" &0 \"ema\"",
        flag: Some("--drop COMPONENT"),
    },
    RouteRow {
        id: "omit_matching",
        summary: "the tensors whose names do not match a regular expression",
        inputs: &["a"],
        is_variadic: false,
        parameters: &[RouteParameter {
            name: "pattern",
            help: "the regular expression; sd-mecha has no such route",
        }],
        example: "merge \"omit_matching\" &0 \"^optimizer\"",
        flag: Some("--drop REGEX"),
    },
    RouteRow {
        id: "omit_non_finite",
        summary: "the tensors without infinities and NaN",
        inputs: &["a"],
        is_variadic: false,
        parameters: &[
            RouteParameter {
                name: "omit_mandatory",
                help: "whether tensors that the model config requires are left out too",
            },
            RouteParameter {
                name: "omit_optional",
                help: "whether tensors that it does not require are",
            },
        ],
        example: "merge \"omit_non_finite\" &0",
        flag: None,
    },
    RouteRow {
        id: "stack",
        summary: "the inputs' tensors along a new first dimension",
        inputs: &["values"],
        is_variadic: true,
        parameters: &[],
        example: "merge \"stack\" &0 &1",
        flag: None,
    },
    RouteRow {
        id: "rebasin",
        summary: "an SDXL model's tensors, hidden units in the order of another's: Git Re-Basin",
        inputs: &["a", "ref"],
        is_variadic: false,
        parameters: &[RouteParameter {
            name: "iters",
            help: "read for sd-mecha's sake, and without effect: the first assignment of a layer \
                is the best",
        }],
        example: "merge \"rebasin\" &0 &1",
        flag: None,
    },
    RouteRow {
        id: "randperm",
        summary: "an SDXL model's tensors, hidden units in a random order",
        inputs: &["a"],
        is_variadic: false,
        parameters: &[RouteParameter {
            name: "seed",
            help: "seed of the generators, 0 without one: the numbers are those of torch",
        }],
        example: "merge \"randperm\" &0 seed=1",
        flag: None,
    },
    RouteRow {
        id: "balance_attention",
        summary: "an SDXL model's tensors, each head's queries of the size of its keys and the \
            other way round, and so its values and outputs; their products stay",
        inputs: &["a"],
        is_variadic: false,
        parameters: &[],
        example: "merge \"balance_attention\" &0",
        flag: None,
    },
    RouteRow {
        id: "regmean",
        summary: "the regression mean of models: linear layers nearest to what each model's makes \
            of its own inputs",
        inputs: &["models_and_statistics"],
        is_variadic: true,
        parameters: &[RouteParameter {
            name: "scale",
            help: "what statistics outside the diagonals are multiplied by, 0.9 unless given. \
                Statistics are the sums of x xᵀ over inputs x of a layer, n by n for n inputs, \
                under the names of its weights (Jin et al., arXiv:2212.09849); sd-mecha has no \
                such route",
        }],
        example: "merge \"regmean\" &0 &1 &2 &3",
        flag: None,
    },
    RouteRow {
        id: "convert_singleton",
        summary: "the number named `key` for every tensor",
        inputs: &["a"],
        is_variadic: false,
        parameters: &[],
        example: "merge \"convert_singleton\" &0",
        flag: None,
    },
];

/// The route of an identifier.
pub fn find_route(id: &str) -> Option<&'static RouteRow> {
    ROUTES.iter().find(|row| row.id == id)
}

/// The cast to a type by its name in torch; None where there is none.
pub(super) fn cast(name: &str) -> Option<Route> {
    let dtype = DType::from_torch_name(name)?;
    let whole = || dtype.is_integer().then_some(Route::Whole(dtype));
    dtype
        .float()
        .map(|float| Route::Cast(Some(float)))
        .or_else(whole)
}

/// The names of the types that are cast to, floats first.
pub(super) fn cast_names() -> Vec<&'static str> {
    let floats = Float::ALL.iter().map(|float| float.torch_name());
    let whole = DType::ALL.iter().filter(|dtype| dtype.is_integer());
    floats
        .chain(whole.filter_map(|dtype| dtype.torch_name()))
        .collect()
}
