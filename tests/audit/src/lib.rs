//! Real ledgers with real checkpoints, and the hands of somebody who may write every byte of them.

mod forge;
mod site;
mod verifiers;

pub use forge::{Folder, Forgery, KINDS};
pub use site::{Papers, Signer, Site};
pub use verifiers::{Case, alone, both};

/// Numbers that look random and come from a seed (SplitMix64).
pub struct Dice(pub u64);

impl Dice {
    /// The next number below `end`, which is not 0.
    pub fn below(&mut self, end: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        ((z ^ (z >> 31)) % end as u64) as usize
    }
}
