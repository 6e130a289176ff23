//! Bars and lines of bars in a terminal, out of characters: without colours.

/// Characters of a bar.
const BAR: usize = 16;
/// Parts of the last character of a bar.
const EIGHTHS: [&str; 8] = ["", "▏", "▎", "▍", "▌", "▋", "▊", "▉"];
/// Heights of the bars in a line.
const HEIGHTS: [char; 8] = ['▁', '▂', '▃', '▄', '▅', '▆', '▇', '█'];

/// A bar as long as a share of the most.
pub(super) fn bar(own: Option<f64>, most: f64) -> String {
    let share = own.map_or(0.0, |own| own / most);
    let all = (share.clamp(0.0, 1.0) * 8.0 * BAR as f64).round() as usize;
    "█".repeat(all / 8) + EIGHTHS[all % 8]
}

/// A line with a bar for each number, from none to the most; a space where there is no number.
pub(super) fn line(numbers: &[Option<f64>]) -> String {
    let most = numbers.iter().flatten().copied().fold(0.0, f64::max);
    let height = |own: f64| {
        let share = (own / most).clamp(0.0, 1.0);
        // Where all are zero there is no share.
        let at = if share.is_nan() { 0.0 } else { share };
        HEIGHTS[(at * (HEIGHTS.len() - 1) as f64).round() as usize]
    };
    numbers.iter().map(|own| own.map_or(' ', height)).collect()
}
