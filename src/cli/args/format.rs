//! Options about the format that weights are stored in.

use super::heading::OUTPUT;
use crate::cli::word::{self, FormatWord};
use crate::recipe::target::Layers;
use crate::recipe::{
    CodeRounding, CodeScales, Options, OutputDType, OutputFormat, Pattern, Storing,
};

/// How weights are stored.
#[derive(Clone, Debug, clap::Args)]
pub(in crate::cli) struct FormatArgs {
    /// Format of weights (keep: each in that of the base or first model; a dtype: as numbers, also
    /// of codes)
    #[arg(
        long,
        default_value = FormatWord::default().word(),
        value_name = "FORMAT",
        value_parser = word::format(),
        help_heading = OUTPUT
    )]
    pub(in crate::cli) format: FormatWord,

    /// Which weights --format leaves in high precision: the usual ones (embeddings, norms, heads),
    /// those of a family of models too, or none (all)
    #[arg(
        long,
        default_value = Layers::WORDS[0],
        value_name = "LAYERS",
        value_parser = word::layers(),
        help_heading = OUTPUT
    )]
    pub(in crate::cli) format_layers: Layers,

    /// Leave weights whose name matches in high precision too; may be given several times
    #[arg(
        long,
        value_name = "REGEX",
        value_parser = Pattern::new,
        help_heading = OUTPUT
    )]
    pub(in crate::cli) format_except: Vec<Pattern>,

    /// How numbers become codes: the nearest, or by chance so that the mean is right, by --seed
    #[arg(
        long,
        default_value = CodeRounding::default().word(),
        value_name = "ROUNDING",
        value_parser = word::rounding(),
        help_heading = OUTPUT
    )]
    pub(in crate::cli) format_rounding: CodeRounding,

    /// Where the scales of codes come from: from the result, or static, those of the base
    #[arg(
        long,
        default_value = CodeScales::default().word(),
        value_name = "SCALES",
        value_parser = word::scales(),
        help_heading = OUTPUT
    )]
    pub(in crate::cli) format_scales: CodeScales,
}

impl FormatArgs {
    /// An option that is about a format, where none is named.
    fn without_format(&self) -> Option<&'static str> {
        if let FormatWord::Storing(Storing::Target(_)) = self.format {
            return None;
        }
        match (&self.format_except[..], &self.format_layers) {
            ([_, ..], _) => Some("--format-except"),
            (_, layers) if *layers != Layers::default() => Some("--format-layers"),
            _ => None,
        }
    }

    /// The options with what is asked for.
    ///
    /// # Errors
    /// Says that two dtypes are asked for.
    pub(in crate::cli) fn apply(&self, options: Options) -> Result<Options, String> {
        if let Some(option) = self.without_format() {
            return Err(format!(
                "{option} says how --format stores weights as codes: name a format, such as \
                 --format comfy-fp8"
            ));
        }
        let (storing, dtype) = match (self.format, options.dtype) {
            (FormatWord::Storing(storing), dtype) => (storing, dtype),
            (FormatWord::Float(float), OutputDType::Keep) => {
                (Storing::Keep, OutputDType::Float(float))
            }
            (FormatWord::Float(float), dtype) if dtype == OutputDType::Float(float) => {
                (Storing::Keep, dtype)
            }
            (FormatWord::Float(float), dtype) => {
                return Err(format!(
                    "--format {float} and --dtype {} say different things of the output: leave \
                     one of them out",
                    dtype.word()
                ));
            }
        };
        Ok(Options {
            dtype,
            format: OutputFormat {
                storing,
                layers: self.format_layers.clone().with(self.format_except.clone()),
                rounding: self.format_rounding,
                scales: self.format_scales,
            },
            ..options
        })
    }
}
