//! The order of stations. A document finishes the trip it started; trips are added, never edited.

use crate::Stage;
use serde::{Deserialize, Serialize};

/// A version of the order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Trip {
    /// The first.
    V1,
}

impl Trip {
    /// What new documents get.
    pub const CURRENT: Trip = Trip::V1;

    /// Stations in order.
    #[must_use]
    pub const fn stages(self) -> &'static [Stage] {
        const V1: &[Stage] = checked(&[
            Stage::Quarantine,
            Stage::Parse,
            Stage::Normalise,
            Stage::Ocr,
            Stage::Classify,
            Stage::Redact,
            Stage::Store,
            Stage::Route,
            Stage::Deliver,
            Stage::Retain,
        ]);
        match self {
            Self::V1 => V1,
        }
    }

    /// The station after `stage`; none after the last.
    #[must_use]
    pub fn after(self, stage: Stage) -> Option<Stage> {
        let stages = self.stages();
        let here = stages.iter().position(|other| *other == stage)?;
        stages.get(here + 1).copied()
    }
}

/// Refuses, at compile time, a station placed before something it needs.
const fn checked(stages: &'static [Stage]) -> &'static [Stage] {
    let mut i = 0;
    while i < stages.len() {
        let needs = stages[i].needs();
        let mut n = 0;
        while n < needs.len() {
            let mut found = false;
            let mut j = 0;
            while j < i {
                found |= stages[j] as u8 == needs[n] as u8;
                j += 1;
            }
            assert!(found, "a stage comes before something it needs");
            n += 1;
        }
        i += 1;
    }
    stages
}
