//! Holds with a scope: those in force, by name. Which documents they cover is not kept: it follows from their
//! scope and from each document, also from one that comes later.

use crate::{
    Store, StoreError,
    track::Step,
    trees::{Tree, Trees, Writes},
    values,
};
use ledger::{Place, Placed};
use lifecycle::{Actor, Body, HoldOrder, SystemEvent};
use types::UnixMillis;

/// A hold in force.
#[derive(Clone, Debug, PartialEq)]
pub struct Hold {
    /// Its name, scope and reason.
    pub order: HoldOrder,
    /// Since when.
    pub since: UnixMillis,
    /// Who placed it.
    pub by: Actor,
}

impl Store {
    /// Every hold with a scope that is in force, by name.
    ///
    /// # Errors
    /// What sled and the ledger say.
    pub fn holds(&self) -> Result<Vec<Hold>, StoreError> {
        let steps = steps(self.reading().trees)?;
        let hold = |step| {
            let record = self.record(step)?;
            match record.body {
                Body::System(SystemEvent::HoldOrdered(order)) => {
                    Ok(Hold { order: *order, since: record.at, by: record.by })
                }
                _ => Err(StoreError::Damaged { what: "a hold names a record that is none" }),
            }
        };
        steps.into_iter().map(hold).collect()
    }
}

/// The records that placed the holds in force.
pub(crate) fn steps(trees: &Trees) -> Result<Vec<Step>, StoreError> {
    let step = |pair: sled::Result<(sled::IVec, sled::IVec)>| {
        let (seq, segment, offset) = values::decode(&pair?.1)?;
        Ok((seq, Place { segment, offset }))
    };
    trees.tree(Tree::Holds).iter().map(step).collect()
}

/// Adds a hold that came into force, or removes one that ended.
pub(crate) fn follow(writes: &mut Writes, event: &SystemEvent, placed: &Placed) -> Result<(), StoreError> {
    let key = |name: &types::Label| name.as_str().as_bytes().to_vec();
    match event {
        SystemEvent::HoldOrdered(order) => {
            let Place { segment, offset } = placed.place;
            let value = values::encode(&(placed.record.seq, segment, offset))?;
            writes.put(Tree::Holds, key(&order.name), value);
        }
        SystemEvent::HoldEnded { hold } => writes.remove(Tree::Holds, key(hold)),
        _ => {}
    }
    Ok(())
}
