//! How many of so many things happen by chance: what a count of losses is judged by.

/// The share of all cases that an interval leaves out at each end: it holds 99.9% of them.
const TAIL: f64 = 0.0005;

/// The least and the largest count that chance gives, in 99.9% of all cases, where each of `n` things happens with
/// probability `p` and none depends on another (the binomial distribution); `None` if `p` is no probability.
pub fn binomial(n: u64, p: f64) -> Option<(u64, u64)> {
    if !(0.0..=1.0).contains(&p) {
        return None;
    }
    if p == 0.0 || p == 1.0 {
        let all = if p == 0.0 { 0 } else { n };
        return Some((all, all));
    }
    // In logarithms: the probability of no loss at all in many packets is too small for a number.
    let (of, not) = (p.ln(), (1.0 - p).ln());
    let mut log = n as f64 * not;
    let mut below = 0.0;
    let mut least = None;
    for count in 0..=n {
        below += log.exp();
        if least.is_none() && below > TAIL {
            least = Some(count);
        }
        if below >= 1.0 - TAIL {
            return Some((least.unwrap_or(count), count));
        }
        log += ((n - count) as f64).ln() - ((count + 1) as f64).ln() + of - not;
    }
    // The sum fell short of one by rounding.
    Some((least.unwrap_or(n), n))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn intervals_hold_999_of_1000_cases() {
        // Quantiles of the distribution at 0.05% and 99.95%.
        for (n, p, interval) in [(10, 0.5, (0, 10)), (100, 0.2, (8, 34)), (1000, 0.1, (70, 132)), (5, 0.0, (0, 0))] {
            assert_eq!(binomial(n, p), Some(interval), "{n} times {p}");
        }
        assert_eq!(binomial(7, 1.0), Some((7, 7)));
        assert_eq!(binomial(0, 0.3), Some((0, 0)));
        assert_eq!(binomial(7, 1.5), None);
        assert_eq!(binomial(7, f64::NAN), None);
    }

    #[test]
    fn large_counts_do_not_vanish() {
        let (least, most) = binomial(1_000_000, 0.5).expect("a probability");
        assert!((498_300..498_400).contains(&least) && (501_600..501_700).contains(&most), "{least} to {most}");
    }
}
