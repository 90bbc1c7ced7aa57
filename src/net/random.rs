//! The seeded generator: one documented stream of numbers for everything that is drawn.
//!
//! A *stream* is a 64-bit key. The n-th number of a stream (n = 1, 2, …) is `mix(key + n * G)`, where `G` is
//! 0x9E3779B97F4A7C15 and `mix` the finaliser of SplitMix64 (Steele, Lea and Flood, OOPSLA 2014), so that numbers
//! can be accepted any order. A stream beneath another is found by [`RandomStream::beneath`]. A number becomes a draw in
//! [0, 1) by its upper 53 bits. None of this changes between releases: the same seed gives the same draws.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use smallvec::SmallVec;

const G: u64 = 0x9E37_79B9_7F4A_7C15;

/// The draws that something rests on: mostly none, one or two.
pub type Draws = SmallVec<[f64; 2]>;

/// A stream of draws.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RandomStream(u64);

impl RandomStream {
    /// The stream of a seed.
    pub fn of_seed(seed: u64) -> Self {
        Self(mix(seed ^ G))
    }

    /// The `index`-th stream beneath this one; streams of different indices are unrelated.
    pub fn beneath(self, index: u64) -> Self {
        Self(mix(mix(self.0).wrapping_add(index.wrapping_mul(G)).wrapping_add(1)))
    }

    /// The `n`-th draw, in [0, 1); the first is 1.
    pub fn draw(self, n: u64) -> f64 {
        (mix(self.0.wrapping_add(n.wrapping_mul(G))) >> 11) as f64 / (1u64 << 53) as f64
    }
}

/// A stream that remembers how far it was read, for draws in the order of a program.
#[derive(Debug)]
pub struct Sequence {
    stream: RandomStream,
    drawn: AtomicU64,
    children: AtomicU64,
}

impl Sequence {
    /// A sequence from the start of `stream`.
    pub const fn new(stream: RandomStream) -> Self {
        Self { stream, drawn: AtomicU64::new(0), children: AtomicU64::new(0) }
    }

    /// The next draw, in [0, 1).
    pub fn draw(&self) -> f64 {
        self.stream.draw(self.drawn.fetch_add(1, Ordering::Relaxed) + 1)
    }

    /// The `n`-th of the next draws, which stay to be drawn; the first is 1.
    pub fn ahead(&self, n: u64) -> f64 {
        self.stream.draw(self.drawn.load(Ordering::Relaxed) + n)
    }

    /// Passes over the next `n` draws: they were looked at before.
    pub fn skip(&self, n: u64) {
        self.drawn.fetch_add(n, Ordering::Relaxed);
    }

    /// A new stream beneath this sequence; the first, second, … are the same in every run.
    pub fn split(&self) -> RandomStream {
        self.stream.beneath(self.children.fetch_add(1, Ordering::Relaxed) + 1)
    }
}

/// The seed of a run, and whether anything was drawn from it.
#[derive(Debug)]
pub struct Seed {
    /// The seed itself.
    pub value: u64,
    used: AtomicBool,
}

impl Seed {
    /// A seed that nothing was drawn from yet.
    pub const fn new(value: u64) -> Self {
        Self { value, used: AtomicBool::new(false) }
    }

    /// Notes that a draw was made.
    pub fn mark_used(&self) {
        if !self.used.load(Ordering::Relaxed) {
            self.used.store(true, Ordering::Relaxed);
        }
    }

    /// Whether a draw was made.
    pub fn was_used(&self) -> bool {
        self.used.load(Ordering::Relaxed)
    }
}

/// A number that follows from a name: the hash FNV-1a (Fowler, Noll and Vo) in 64 bits. It does not change between releases, either.
pub fn number_of(name: &str) -> u64 {
    name.bytes().fold(0xCBF2_9CE4_8422_2325, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01B3))
}

/// Mixes the bits of `z` so that each depends on all.
fn mix(z: u64) -> u64 {
    let z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    let z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    z ^ (z >> 31)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_stream_is_frozen() {
        // SplitMix64 from state 0: its published first outputs.
        assert_eq!(mix(G), 0xE220_A839_7B1D_CDAF);
        assert_eq!(mix(G.wrapping_mul(2)), 0x6E78_9E6A_A1B9_65F4);
        // Ours: a change of these breaks "same seed, same run" for everybody.
        let stream = RandomStream::of_seed(1).beneath(1);
        let draws: Vec<String> = (1..=4).map(|n| format!("{:.12}", stream.draw(n))).collect();
        assert_eq!(draws, FROZEN);
    }

    #[test]
    fn numbers_of_names_are_those_of_fnv_1a() {
        // From the authors' test vectors.
        assert_eq!([number_of(""), number_of("a"), number_of("foobar")], NAMED);
    }

    const NAMED: [u64; 3] = [0xCBF2_9CE4_8422_2325, 0xAF63_DC4C_8601_EC8C, 0x8594_4171_F739_67E8];

    const FROZEN: [&str; 4] = ["0.682480832775", "0.131498937773", "0.350658206378", "0.807130679920"];

    #[test]
    fn draws_are_spread_evenly() {
        let (n, mut bins) = (100_000u64, [0u64; 10]);
        let stream = RandomStream::of_seed(7);
        for i in 1..=n {
            bins[(stream.draw(i) * 10.0) as usize] += 1;
        }
        // 6 standard deviations of a binomial count with p = 0.1.
        let bound = 6.0 * (n as f64 * 0.09).sqrt();
        for bin in bins {
            assert!((bin as f64 - n as f64 / 10.0).abs() < bound, "{bins:?}");
        }
    }

    #[test]
    fn streams_beneath_differ() {
        let root = RandomStream::of_seed(0);
        let first: std::collections::BTreeSet<u64> = (0..1000).map(|i| root.beneath(i).draw(1).to_bits()).collect();
        assert_eq!(first.len(), 1000);
        let sequence = Sequence::new(root);
        assert_ne!(sequence.split(), sequence.split());
        assert_eq!((sequence.ahead(1), sequence.ahead(3)), (root.draw(1), root.draw(3)));
        assert_eq!(sequence.draw(), root.draw(1));
        assert_eq!(sequence.draw(), root.draw(2));
        sequence.skip(2);
        assert_eq!(sequence.draw(), root.draw(5));
    }
}
