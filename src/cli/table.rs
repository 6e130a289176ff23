//! Aligned columns for people.

/// Where a column's cells lie.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Align {
    /// Words.
    Left,
    /// Numbers.
    Right,
}

/// Rows of cells, the first of them the heading.
#[derive(Debug)]
pub(super) struct Table {
    aligns: Vec<Align>,
    rows: Vec<Vec<String>>,
}

impl Table {
    /// An empty table with a heading.
    pub(super) fn new(heading: &[(&str, Align)]) -> Table {
        Table {
            aligns: heading.iter().map(|(_, align)| *align).collect(),
            rows: vec![heading.iter().map(|(name, _)| (*name).to_owned()).collect()],
        }
    }

    /// Adds a row with one cell per column.
    pub(super) fn row(&mut self, cells: Vec<String>) {
        self.rows.push(cells);
    }

    /// The table in lines, columns two spaces apart, without spaces at the ends of lines.
    pub(super) fn text(&self) -> String {
        let width = |column: usize| {
            let cells = self.rows.iter().filter_map(|row| row.get(column));
            cells.map(|cell| cell.chars().count()).max().unwrap_or(0)
        };
        let widths: Vec<usize> = (0..self.aligns.len()).map(width).collect();
        let mut text = String::new();
        for row in &self.rows {
            let mut line = String::new();
            for ((cell, align), width) in row.iter().zip(&self.aligns).zip(&widths) {
                let space = " ".repeat(width - cell.chars().count());
                match align {
                    Align::Left => line.extend([cell, space.as_str(), "  "]),
                    Align::Right => line.extend([space.as_str(), cell, "  "]),
                }
            }
            text.push_str(line.trim_end());
            text.push('\n');
        }
        text
    }
}
