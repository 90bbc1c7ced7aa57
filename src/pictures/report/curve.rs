//! Values over time, in bounded memory: of too many, neighbours become one point with its least and its most.

/// So many points are kept.
const MOST: usize = 800;

/// Values that stand at one place of a chart.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct CurvePoint {
    at: i64,
    low: f64,
    high: f64,
    count: u64,
}

/// Values over time.
#[derive(Clone, Debug, Default)]
pub(super) struct Curve {
    points: Vec<CurvePoint>,
    /// A point holds up to two to the power of this.
    power: u32,
}

impl Curve {
    /// Adds a value at so many nanoseconds after the start.
    pub(super) fn add(&mut self, at: i64, value: f64) {
        let full = 1 << self.power.min(62);
        match self.points.last_mut().filter(|last| last.count < full) {
            Some(last) => last.join(&CurvePoint { at, low: value, high: value, count: 1 }),
            None => self.points.push(CurvePoint { at, low: value, high: value, count: 1 }),
        }
        if self.points.len() > MOST {
            let pair = |pair: &[CurvePoint]| {
                let mut both = pair[0];
                pair[1..].iter().for_each(|other| both.join(other));
                both
            };
            self.points = self.points.chunks(2).map(pair).collect();
            self.power += 1;
        }
    }

    /// What to draw a line through.
    pub(super) fn points(&self) -> Vec<(f64, f64)> {
        let both = |point: &CurvePoint| {
            let second = (point.high > point.low).then_some((point.at as f64, point.high));
            [Some((point.at as f64, point.low)), second].into_iter().flatten()
        };
        self.points.iter().flat_map(both).collect()
    }

    pub(super) fn last(&self) -> i64 {
        self.points.last().map_or(0, |point| point.at)
    }

    /// The least and the most of all values.
    pub(super) fn ends(&self) -> Option<(f64, f64)> {
        let join = |(low, high): (f64, f64), point: &CurvePoint| (low.min(point.low), high.max(point.high));
        (!self.points.is_empty()).then(|| self.points.iter().fold((f64::INFINITY, f64::NEG_INFINITY), join))
    }
}

impl CurvePoint {
    fn join(&mut self, other: &Self) {
        self.low = self.low.min(other.low);
        self.high = self.high.max(other.high);
        self.count += other.count;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_curve_keeps_its_extremes_however_long_it_is() {
        let mut curve = Curve::default();
        for n in 0..100_000 {
            curve.add(n, if n == 77_777 { 1e9 } else { (n % 10) as f64 });
        }
        assert_eq!(curve.ends(), Some((0.0, 1e9)));
        assert!(curve.points().len() <= 2 * MOST);
        assert!(curve.points().windows(2).all(|pair| pair[0].0 <= pair[1].0), "in the order of time");
        assert!(curve.last() > 99_000);
    }
}
