//! The numbers that are shown of tensors, of blocks and of all: one table.

use super::{Comparison, Statistics, Summary, Survival};

/// How a number is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Written {
    /// With four digits.
    Number,
    /// As a share of 100.
    Share,
    /// Near one, with six digits.
    Cosine,
    /// Whole.
    Count,
}

impl Written {
    /// A number in this form; a dash where there is none.
    pub fn text(self, number: Option<f64>) -> String {
        let Some(number) = number else {
            return "-".to_owned();
        };
        match self {
            Written::Share => format!("{:.2}%", 100.0 * number),
            Written::Cosine => format!("{number:.6}"),
            Written::Count => format!("{number:.0}"),
            Written::Number if number == 0.0 => "0".to_owned(),
            Written::Number if (1e-3..1e6).contains(&number.abs()) => format!("{number:.4}"),
            Written::Number => format!("{number:.3e}"),
        }
    }
}

/// A number that is shown.
#[derive(Clone, Copy, Debug)]
pub struct Measure {
    /// What it is called.
    pub name: &'static str,
    /// What it is.
    pub help: &'static str,
    /// How it is written.
    pub written: Written,
    /// It of some tensors; None where it was not measured or is no number.
    pub of: fn(&Summary) -> Option<f64>,
}

/// Declares measures from rows of name, form, what is looked at, and how.
macro_rules! measures {
    ($($part:ident($own:ident: $type:ty) {
        $($name:literal $written:ident $help:literal $value:expr;)*
    })*) => {
        /// Every number that may be shown, in the order in which they are.
        pub static MEASURES: &[Measure] = &[$($(Measure {
            name: $name,
            help: $help,
            written: Written::$written,
            of: |summary| {
                let value: fn(&$type) -> Option<f64> = |$own| $value;
                summary.$part.as_ref().and_then(value)
            },
        },)*)*];
    };
}

measures! {
    comparison(own: Comparison) {
        "|a|" Number "root of the sum of squares" Some(own.norm_a());
        "|b|" Number "root of the sum of squares" Some(own.norm_b());
        "|b-a|/|a|" Number "relative change" own.relative_change();
        "cosine" Cosine "of the angle between a and b" own.cosine();
        "sign conflict" Share "opposite signs among elements that are zero in neither"
            own.sign_conflict();
        "changed" Share "elements that differ" own.changed_share();
        "max |b-a|" Number "greatest change of an element"
            Some(own.greatest.as_ref().map_or(0.0, |greatest| greatest.magnitude));
        "overlap" Share "largest entries that are the same in both task vectors"
            own.top.as_ref().and_then(|top| top.overlap());
        "conflict of the largest" Share "opposite signs among those"
            own.top.as_ref().and_then(|top| top.sign_conflict());
    }
    survival(own: Survival) {
        "intended" Number "norm of the change that was computed" Some(own.intended_norm());
        "kept" Number "norm of the change in the bytes that were written" Some(own.kept_norm());
        "survival" Share "share of the intended change that is present" own.survival();
        "written change" Share "elements that were changed" own.changed_share();
        "saturated" Count "results beyond the type" Some(own.saturated as f64);
        "not finite" Count "results that are infinite or NaN" Some(own.non_finite as f64);
        "flushed" Count "results that the type has as zero" Some(own.flushed as f64);
    }
    statistics(own: Statistics) {
        "norm" Number "root of the sum of squares" Some(own.norm());
        "mean" Number "of the finite values" own.mean();
        "min" Number "of the finite values" own.least();
        "max" Number "of the finite values" own.greatest();
        "nan" Count "values that are NaN" Some(own.nan as f64);
        "inf" Count "values that are infinite" Some(own.inf as f64);
    }
}

/// The measures that some tensors together have.
pub fn measured(total: &Summary) -> Vec<&'static Measure> {
    let has = |measure: &&Measure| (measure.of)(total).is_some();
    MEASURES.iter().filter(has).collect()
}
