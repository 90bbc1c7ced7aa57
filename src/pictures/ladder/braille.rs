//! A grid of text on which lines are drawn: four by two dots a cell (Unicode, Braille Patterns).

/// What a cell shows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Cell {
    pub(super) symbol: char,
    pub(super) style: Style,
}

/// In which colour.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Style {
    #[default]
    Plain,
    Dim,
    Lost,
    Again,
    Bold,
}

/// A grid of cells.
#[derive(Debug)]
pub(super) struct Grid {
    width: usize,
    cells: Vec<Vec<Cell>>,
}

/// The dots of a cell from top to bottom, left and right.
const DOTS: [[u8; 2]; 4] = [[0x01, 0x08], [0x02, 0x10], [0x04, 0x20], [0x40, 0x80]];
const FIRST: u32 = 0x2800;

impl Grid {
    pub(super) fn new(width: usize, height: usize) -> Self {
        let blank = Cell { symbol: ' ', style: Style::Plain };
        Self { width, cells: vec![vec![blank; width]; height] }
    }

    /// Puts a character; nothing beyond the edges.
    pub(super) fn put(&mut self, x: usize, y: usize, symbol: char, style: Style) {
        if let Some(cell) = self.cells.get_mut(y).and_then(|row| row.get_mut(x)) {
            *cell = Cell { symbol, style };
        }
    }

    /// Draws a line between two cells, both included: it leaves a row in its lower half and ends in the upper half of one, so that what
    /// ends and what leaves in a row keep apart. Characters that stand there already stay.
    pub(super) fn line(&mut self, from: (usize, usize), to: (usize, usize), style: Style) {
        let (start, end) = (from.1 as f64 * 4.0 + 2.0, to.1 as f64 * 4.0 + if from.1 == to.1 { 2.0 } else { 1.0 });
        let (left, right, y0, y1) =
            if from.0 <= to.0 { (from.0, to.0, start, end) } else { (to.0, from.0, end, start) };
        let (x0, x1) = (left * 2, right * 2 + 1);
        let steep = (y1 - y0).abs() > (x1 - x0) as f64;
        let steps = if steep { (y1 - y0).abs().ceil() as usize } else { x1 - x0 };
        for step in 0..=steps {
            let part = if steps == 0 { 0.0 } else { step as f64 / steps as f64 };
            let x = x0 as f64 + part * (x1 - x0) as f64;
            let y = y0 + part * (y1 - y0);
            self.dot(x.round() as usize, (y + 0.5).floor() as usize, style);
        }
    }

    fn dot(&mut self, x: usize, y: usize, style: Style) {
        let Some(cell) = self.cells.get_mut(y / 4).and_then(|row| row.get_mut(x / 2)) else { return };
        let dot = u32::from(DOTS[y % 4][x % 2]);
        let before = match u32::from(cell.symbol) {
            0x20 => 0,
            code @ 0x2800..=0x28ff => code - FIRST,
            // What is no dot, such as the line of a host, stays.
            _ => return,
        };
        *cell = Cell { symbol: char::from_u32(FIRST + (before | dot)).unwrap_or(' '), style };
    }

    /// A row, from left to right.
    pub(super) fn row(&self, y: usize) -> &[Cell] {
        self.cells.get(y).map_or(&[], |row| row.get(..self.width).unwrap_or(row))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(grid: &Grid, y: usize) -> String {
        grid.row(y).iter().map(|cell| cell.symbol).collect()
    }

    #[test]
    fn lines_go_from_middle_to_middle_and_keep_what_stands_there() {
        let mut grid = Grid::new(6, 2);
        grid.put(3, 0, '│', Style::Dim);
        grid.line((0, 0), (5, 0), Style::Plain);
        assert_eq!(text(&grid, 0), "⠤⠤⠤│⠤⠤");
        let mut grid = Grid::new(4, 2);
        grid.line((3, 1), (0, 0), Style::Lost);
        assert_eq!(
            (text(&grid, 0).as_str(), text(&grid, 1).as_str()),
            ("⠢⢄  ", "  ⠑⠢"),
            "from a lower half to an upper one"
        );
        grid.line((9, 9), (0, 0), Style::Plain);
    }
}
