//! Names that admins gave (sources, routes, owners, rules): every document repeats them, so each is kept once
//! and documents hold its number.

use crate::{
    StoreError,
    trees::{Tree, Trees, Writes},
    values,
};
use lifecycle::{Schedules, State};
use std::collections::BTreeMap;
use types::Label;

/// Names that get a number; documents with others hold the names themselves. A site has some hundreds.
const NAMES_MAX: usize = 1 << 16;

/// All names with a number, in the order of their numbers.
#[derive(Default)]
pub(crate) struct Names {
    by_number: Vec<Label>,
    numbers: BTreeMap<Label, usize>,
    /// So many of them are in the index; the rest goes with the next transaction.
    saved: usize,
}

impl Names {
    /// Those of an index.
    pub(crate) fn load(trees: &Trees) -> Result<Self, StoreError> {
        let mut names = Self::default();
        for pair in trees.tree(Tree::Names) {
            let (key, value) = pair?;
            if *key != key_of(names.by_number.len()) {
                return Err(StoreError::Damaged { what: "a name lacks its number" });
            }
            names.number(&values::decode(&value)?);
        }
        names.saved = names.by_number.len();
        if names.saved == names.numbers.len() {
            Ok(names)
        } else {
            Err(StoreError::Damaged { what: "a name has two numbers" })
        }
    }

    /// Gives numbers to the names of a state that have none yet.
    pub(crate) fn learn(&mut self, state: &mut State) {
        for label in labels(state) {
            self.number(label);
        }
    }

    /// Puts numbers in place of the names of a state; false, and nothing done, when one has no number.
    pub(crate) fn shorten(&self, state: &mut State) -> bool {
        let mut short = state.clone();
        for label in labels(&mut short) {
            let number = self.numbers.get(&*label).and_then(|number| digits(*number).parse().ok());
            let Some(number) = number else { return false };
            *label = number;
        }
        *state = short;
        true
    }

    /// Puts the names back.
    pub(crate) fn lengthen(&self, state: &mut State) -> Result<(), StoreError> {
        for label in labels(state) {
            let number = usize::from_str_radix(label.as_str(), 36).ok();
            let name = number.and_then(|number| self.by_number.get(number));
            *label = name.cloned().ok_or(StoreError::Damaged { what: "a number stands for no name" })?;
        }
        Ok(())
    }

    /// Adds those that are not in the index yet to a transaction.
    pub(crate) fn save(&self, writes: &mut Writes) -> Result<(), StoreError> {
        for (number, label) in self.by_number.iter().enumerate().skip(self.saved) {
            writes.put(Tree::Names, key_of(number), values::encode(label)?);
        }
        Ok(())
    }

    /// The transaction was committed.
    pub(crate) fn saved(&mut self) {
        self.saved = self.by_number.len();
    }

    fn number(&mut self, label: &Label) -> Option<usize> {
        if let Some(number) = self.numbers.get(label) {
            return Some(*number);
        }
        let number = self.by_number.len();
        (number < NAMES_MAX).then(|| {
            self.by_number.push(label.clone());
            self.numbers.insert(label.clone(), number);
            number
        })
    }
}

/// The fields of a state that repeat from document to document. One that is missing here is kept as it is.
fn labels(state: &mut State) -> impl Iterator<Item = &mut Label> {
    let State { source, schedules, format, route, owner, rules, sensitivity, .. } = state;
    let Schedules { original, redacted, text, review, log } = schedules;
    let terms = [original, redacted, text, review, log].map(|term| &mut term.rule);
    let given = [format, route, owner].into_iter().flatten();
    std::iter::once(source).chain(terms).chain(given).chain(rules).chain(sensitivity)
}

fn key_of(number: usize) -> Vec<u8> {
    (number as u32).to_be_bytes().to_vec()
}

/// Base 36, which every label may be made of.
fn digits(mut number: usize) -> String {
    let mut digits = Vec::new();
    loop {
        digits.extend(char::from_digit((number % 36) as u32, 36));
        number /= 36;
        if number == 0 {
            return digits.iter().rev().collect();
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn a_number_becomes_a_label_and_comes_back() {
        for number in [0, 9, 10, 35, 36, 1295, 1296, NAMES_MAX - 1] {
            assert!(digits(number).parse::<Label>().is_ok());
            assert_eq!(usize::from_str_radix(&digits(number), 36).unwrap(), number);
        }
    }

    #[test]
    fn names_beyond_the_last_number_stay_as_they_are() {
        let mut names = Names::default();
        for number in 0..NAMES_MAX {
            names.number(&format!("n{number}").parse().unwrap());
        }
        assert_eq!(names.number(&"one-more".parse().unwrap()), None);
        assert_eq!(names.number(&"n7".parse().unwrap()), Some(7));
    }
}
