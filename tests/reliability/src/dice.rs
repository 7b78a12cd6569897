//! Randomness that can be had again: a seed, printed, and splitmix64.

use std::time::Duration;

/// Set to a number to repeat a run.
const SEED: &str = "LAZARET_SEED";

/// A die with a seed.
pub struct Dice(u64);

impl Dice {
    /// The seed from `LAZARET_SEED`, else a new one; printed, for the report of a failure.
    ///
    /// # Panics
    /// When `LAZARET_SEED` is not a number.
    #[must_use]
    #[allow(clippy::print_stdout, reason = "the seed belongs to the test's output")]
    pub fn new(what: &str) -> Self {
        let seed = match std::env::var(SEED) {
            Ok(seed) => seed.parse().expect("LAZARET_SEED is a number"),
            Err(_) => u64::from(std::process::id()) << 20 | u64::from(rand_bits()),
        };
        println!("{what}: {SEED}={seed}");
        Self(seed)
    }

    /// A number below `end`.
    pub fn below(&mut self, end: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (z ^ (z >> 31)) % end.max(1)
    }

    /// A time between two numbers of milliseconds.
    pub fn ms(&mut self, from: u64, to: u64) -> Duration {
        Duration::from_millis(from + self.below(to - from))
    }

    /// A die of its own for another thread.
    #[must_use]
    pub fn split(&mut self) -> Self {
        Self(self.below(u64::MAX))
    }
}

/// Some bits that differ from run to run.
fn rand_bits() -> u32 {
    use std::hash::{BuildHasher as _, Hasher as _};
    let hasher = std::collections::hash_map::RandomState::new().build_hasher();
    (hasher.finish() >> 44) as u32
}
