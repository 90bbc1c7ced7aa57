//! How many of so many things happen by chance: what a count of losses is compared with.

/// The tail probability on each side of an interval, which so holds 99.9% of all cases.
const TAIL: f64 = 0.0005;

/// The normal distribution has all but [`TAIL`] of its mass below so many standard deviations above the mean.
const Z: f64 = 3.290_526_731_491_926;

/// The largest mean for which the probabilities are added up one by one, which takes as many steps.
const EXACT: f64 = 1e6;

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
    if p > 0.5 {
        // The rarer of the two outcomes is counted.
        return binomial(n, 1.0 - p).map(|(least, most)| (n - most, n - least));
    }
    if n as f64 * p > EXACT {
        return Some(approximate(n, p));
    }
    // In logarithms: the probability of no loss at all in many packets is too small for a number.
    let (of, not) = (p.ln(), (-p).ln_1p());
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

/// How likely it is that fewer than `count` of `n` things happen, and that so many do, where each happens with probability `p`,
/// which is above 0 and below 1.
pub fn binomial_terms(n: u64, p: f64, count: u64) -> (f64, f64) {
    let choices = log_factorial(n) - log_factorial(count) - log_factorial(n - count);
    let same = (choices + count as f64 * p.ln() + (n - count) as f64 * (-p).ln_1p()).exp();
    let odds = p / (1.0 - p);
    // The terms on the side that is away from the mean shrink.
    let (mut sum, mut term) = (0.0, same);
    if count as f64 <= n as f64 * p {
        for from in (1..=count).rev() {
            term *= from as f64 / (n - from + 1) as f64 / odds;
            sum += term;
            if term < sum * f64::EPSILON {
                break;
            }
        }
        return (sum, same);
    }
    for from in count..n {
        term *= (n - from) as f64 / (from + 1) as f64 * odds;
        sum += term;
        if term < sum * f64::EPSILON {
            break;
        }
    }
    ((1.0 - same - sum).max(0.0), same)
}

/// The logarithm of a factorial (Stirling's series, which is exact enough from 16 on).
fn log_factorial(n: u64) -> f64 {
    if n < 16 {
        return (1..=n).map(|factor| (factor as f64).ln()).sum();
    }
    let n = n as f64;
    n * n.ln() - n + (std::f64::consts::TAU * n).ln() / 2.0 + 1.0 / (12.0 * n) - 1.0 / (360.0 * n.powi(3))
}

/// The same by the normal distribution, corrected for the skew (Cornish and Fisher 1938): for a large mean it is as good.
fn approximate(n: u64, p: f64) -> (u64, u64) {
    let mean = n as f64 * p;
    let deviation = (mean * (1.0 - p)).sqrt();
    let skew = (1.0 - 2.0 * p) * (Z * Z - 1.0) / 6.0;
    ((mean - Z * deviation + skew).floor() as u64, ((mean + Z * deviation + skew).ceil() as u64).min(n))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn terms_are_those_of_the_distribution() {
        let close = |(one, other): (f64, f64), expected: (f64, f64)| {
            assert!((one - expected.0).abs() < 1e-9 && (other - expected.1).abs() < 1e-9, "{one} {other}");
        };
        close(binomial_terms(0, 0.5, 0), (0.0, 1.0));
        close(binomial_terms(4, 0.5, 1), (1.0 / 16.0, 4.0 / 16.0));
        close(binomial_terms(4, 0.5, 4), (15.0 / 16.0, 1.0 / 16.0));
        close(binomial_terms(3, 0.25, 2), (54.0 / 64.0, 9.0 / 64.0));
        // Half of an even number, and of very many: what is fewer and what is more have the same part.
        for n in [40, 10_000_000] {
            let (fewer, same) = binomial_terms(n, 0.5, n / 2);
            assert!((2.0 * fewer + same - 1.0).abs() < 1e-6, "{n}: {fewer} {same}");
        }
        let all: f64 = (0..=30).map(|count| binomial_terms(30, 0.1, count).1).sum();
        assert!((all - 1.0).abs() < 1e-9, "{all}");
    }

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
    fn the_rarer_outcome_mirrors_the_other() {
        for (n, p) in [(10, 0.9), (1000, 0.9), (777, 0.75)] {
            let (least, most) = binomial(n, 1.0 - p).expect("a probability");
            assert_eq!(binomial(n, p), Some((n - most, n - least)), "{n} times {p}");
        }
    }

    #[test]
    fn any_count_takes_no_longer_than_a_million_steps() {
        // Beside the exact sum, where both can be had.
        for (n, p) in [(1_999_999, 0.5), (9_000_000, 0.1)] {
            let ((least, most), (low, high)) = (binomial(n, p).expect("a probability"), approximate(n, p));
            assert!(least.abs_diff(low) <= 1 && most.abs_diff(high) <= 1, "{least} to {most}, {low} to {high}");
        }
        let n = i64::MAX as u64;
        for (p, mean) in [(0.5, n / 2), (1e-3, n / 1000), (1.0 - 1e-3, n - n / 1000)] {
            let (least, most) = binomial(n, p).expect("a probability");
            assert!(least < mean && mean < most && most - least < 20_000_000_000, "{p}: {least} to {most}");
        }
        assert_eq!(binomial(n, 1e-18).map(|(least, _)| least), Some(1));
    }

    #[test]
    fn large_counts_do_not_vanish() {
        let (least, most) = binomial(1_000_000, 0.5).expect("a probability");
        assert!((498_300..498_400).contains(&least) && (501_600..501_700).contains(&most), "{least} to {most}");
    }
}
