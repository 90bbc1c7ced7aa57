//! Bars of block elements, with a cross where something is lost.

use std::collections::VecDeque;

/// Eighths of a cell.
const BLOCKS: [char; 8] = ['▁', '▂', '▃', '▄', '▅', '▆', '▇', '█'];

/// A scale is logarithmic if its ends are farther apart than by this factor.
const FAR: f64 = 10.0;

/// What a column stands for.
#[derive(Clone, Debug, Default)]
pub(super) struct ChartColumn {
    median: Option<f64>,
    most: Option<f64>,
    lost: bool,
}

/// Which values the foot and the top of a chart stand for.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct ChartScale {
    pub(super) low: f64,
    pub(super) high: f64,
    logarithmic: bool,
}

/// The last of `values` in at most `count` columns of `per` each; `None` is a loss. `before` came before them: what stands in one
/// column stays together.
pub(super) fn columns(
    values: impl Iterator<Item = Option<f64>>,
    before: u64,
    per: u64,
    count: usize,
) -> Vec<ChartColumn> {
    let mut columns: VecDeque<ChartColumn> = VecDeque::new();
    let mut own: Vec<f64> = Vec::new();
    for (number, value) in (before..).zip(values) {
        if columns.is_empty() || number % per == 0 {
            columns.back_mut().into_iter().for_each(|column| column.end(&mut own));
            columns.push_back(ChartColumn::default());
            if columns.len() > count {
                columns.pop_front();
            }
        }
        columns.back_mut().into_iter().for_each(|column| column.lost |= value.is_none());
        own.extend(value);
    }
    columns.back_mut().into_iter().for_each(|column| column.end(&mut own));
    columns.into()
}

impl ChartColumn {
    /// Takes the values of it, all of them.
    fn end(&mut self, values: &mut Vec<f64>) {
        self.most = values.iter().copied().max_by(f64::total_cmp);
        let middle = values.len() / 2;
        // Not sorted: this is done for every column of each picture.
        self.median = self.most.map(|_| *values.select_nth_unstable_by(middle, f64::total_cmp).1);
        values.clear();
    }
}

impl ChartScale {
    /// From the least of what columns show to the most; `None`: they show nothing.
    pub(super) fn of(columns: &[ChartColumn]) -> Option<Self> {
        let low = columns.iter().filter_map(|column| column.median).min_by(f64::total_cmp)?;
        let high = columns.iter().filter_map(|column| column.most).max_by(f64::total_cmp)?;
        Some(Self { low, high, logarithmic: low > 0.0 && high / low > FAR })
    }

    pub(super) fn linear(low: f64, high: f64) -> Self {
        Self { low, high, logarithmic: false }
    }

    /// Where a value stands, from 0 to 1.
    fn place(&self, value: f64) -> f64 {
        let along = |value: f64| if self.logarithmic { value.max(f64::MIN_POSITIVE).ln() } else { value };
        let span = along(self.high) - along(self.low);
        if span > 0.0 { ((along(value) - along(self.low)) / span).clamp(0.0, 1.0) } else { 0.0 }
    }
}

/// The columns as `height` rows, the top one first.
pub(super) fn rows(columns: &[ChartColumn], scale: Option<&ChartScale>, height: usize) -> Vec<String> {
    let eighths =
        |value: f64| scale.map_or(0, |scale| 1 + (scale.place(value) * (8 * height - 1) as f64).round() as usize);
    let cell = |column: &ChartColumn, row: usize| {
        if column.lost && row == 0 {
            return '×';
        }
        let (bar, top) = (column.median.map_or(0, eighths), column.most.map_or(0, eighths));
        match bar.saturating_sub(8 * row) {
            0 if top > 8 * row && top <= 8 * (row + 1) => '·',
            0 => ' ',
            eighths => BLOCKS[eighths.min(8) - 1],
        }
    };
    (0..height).rev().map(|row| columns.iter().map(|column| cell(column, row)).collect()).collect()
}
