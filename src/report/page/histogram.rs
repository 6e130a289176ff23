//! How the numbers of tensors are distributed.

use super::super::measure::{MEASURES, Written};
use super::super::{Report, Summary};

/// Bars of a histogram at most.
const BARS: usize = 24;
/// The size of a picture and of what lies below its bars.
const WIDTH: usize = 480;
const HEIGHT: usize = 120;

/// The measures whose distributions are shown; of some the orders of magnitude.
const SHOWN: &[(&str, bool)] = &[
    ("|b-a|/|a|", true),
    ("cosine", false),
    ("sign conflict", false),
    ("survival", false),
    ("norm", true),
];

/// A bar.
pub(super) struct Bar {
    pub(super) x: usize,
    pub(super) y: usize,
    pub(super) width: usize,
    pub(super) height: usize,
    pub(super) title: String,
}

/// A histogram of a measure.
pub(super) struct Histogram {
    pub(super) name: &'static str,
    pub(super) low: String,
    pub(super) high: String,
    pub(super) bars: Vec<Bar>,
}

/// The distributions of what was measured.
pub(super) fn histograms(report: &Report) -> Vec<Histogram> {
    let summaries = report.tensors.iter().map(|tensor| Summary::of([tensor]));
    let summaries: Vec<Summary> = summaries.collect();
    let shown = SHOWN.iter().filter_map(|&(name, orders)| {
        let measure = MEASURES.iter().find(|measure| measure.name == name)?;
        let values = summaries.iter().filter_map(measure.of);
        let values = values.filter(|value| !orders || *value > 0.0);
        let values: Vec<f64> = values
            .map(|own| if orders { own.log10() } else { own })
            .collect();
        let back = |own: f64| if orders { 10_f64.powf(own) } else { own };
        histogram(name, &values, measure.written, back)
    });
    shown.collect()
}

fn histogram(
    name: &'static str,
    values: &[f64],
    written: Written,
    back: impl Fn(f64) -> f64,
) -> Option<Histogram> {
    let low = values.iter().copied().min_by(f64::total_cmp)?;
    let high = values.iter().copied().max_by(f64::total_cmp)?;
    let text = |own: f64| written.text(Some(back(own)));
    let step = (high - low) / BARS as f64;
    let mut counts = vec![0_usize; if step > 0.0 { BARS } else { 1 }];
    for value in values {
        let at = ((value - low) / step) as usize;
        let last = counts.len() - 1;
        counts[at.min(last)] += 1;
    }
    let most = counts.iter().copied().max()?;
    let width = WIDTH / counts.len();
    let bars = counts.iter().enumerate().filter(|(_, count)| **count > 0);
    let bars = bars.map(|(at, &count)| {
        let height = (count * HEIGHT).div_ceil(most);
        let from = low + at as f64 * step;
        Bar {
            x: at * width,
            y: HEIGHT - height,
            width: width - 1,
            height,
            title: format!("{count} from {} to {}", text(from), text(from + step)),
        }
    });
    Some(Histogram {
        name,
        low: text(low),
        high: text(high),
        bars: bars.collect(),
    })
}
