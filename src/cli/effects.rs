//! How much of a change is in an output, in words.

use super::out::{self, Kind};
use crate::figures::counted;
use crate::merge::Report;
use crate::report::Survival;

/// How much of the change is in the output, and which models have no part in it.
pub(super) fn effects(report: &Report) {
    if let Some(survival) = &report.survival {
        survived(survival, report);
    }
    for model in &report.idle {
        let text = format!(
            "{} has no effect on the output: without it the bytes would be the same",
            model.display()
        );
        out::say(Kind::Warning, &text);
    }
}

/// Less of a change than this is worth a warning.
const POOR: f64 = 0.5;

/// How much of the change is in the output.
fn survived(survival: &Survival, report: &Report) {
    let sample = if report.sampled { ", by a sample" } else { "" };
    out::say(Kind::Report, &(present(survival) + sample));
    if report.unmeasured > 0 {
        let text = format!(
            "no change is measured of {}: the merge reads none of their form of the base",
            counted(report.unmeasured, "tensor")
        );
        out::say(Kind::Report, &text);
    }
    if survival.survival().is_some_and(|share| share < POOR) && report.coded > 0 {
        let text = "most of the change is lost in the codes: --format bf16 keeps it";
        out::say(Kind::Warning, text);
    }
    if report.unchanged > 0 {
        let tensors = counted(report.unchanged, "tensor");
        let text = format!(
            "{tensors} stored as in the base{sample}, though a change was computed: it is below \
             half a step of the output's type; --dtype f32 keeps it"
        );
        out::say(Kind::Warning, &text);
    }
}

/// How much of the change is in an output, or in all of them.
pub(super) fn present(survival: &Survival) -> String {
    let Some(share) = survival.survival() else {
        return "no change from the base was computed".to_owned();
    };
    let changed = survival.changed_share().unwrap_or(0.0);
    format!(
        "{:.2} % of the change from the base is in the output; {:.1} % of the values differ",
        100.0 * share,
        100.0 * changed
    )
}
