//! Holds with a scope: those in force, by name. Which documents they cover is not kept: it follows from their
//! scope and from each document, also from one that comes later.

use crate::{
    Store, StoreError,
    trees::{Tree, Trees, Writes},
    values,
};
use lifecycle::{Actor, HoldOrder, Record, SystemEvent};
use serde::{Deserialize, Serialize};
use types::UnixMillis;

/// A hold in force.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
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
    /// What sled says.
    pub fn holds(&self) -> Result<Vec<Hold>, StoreError> {
        all(self.reading().trees)
    }
}

pub(crate) fn all(trees: &Trees) -> Result<Vec<Hold>, StoreError> {
    let mut holds = Vec::new();
    for key in trees.tree(Tree::Holds).iter().keys() {
        if let Some(name) = values::whole_key(&key?) {
            let value = trees.value(Tree::Holds, name)?;
            let value = value.ok_or(StoreError::Damaged { what: "a hold disappeared" })?;
            holds.push(values::decode(&value)?);
        }
    }
    Ok(holds)
}

/// Adds a hold that came into force, or removes one that ended.
pub(crate) fn follow(writes: &mut Writes, event: &SystemEvent, record: &Record) -> Result<(), StoreError> {
    match event {
        SystemEvent::HoldOrdered(order) => {
            let hold = Hold { order: (**order).clone(), since: record.at, by: record.by.clone() };
            for (key, piece) in values::cut(&key(&order.name), &values::encode(&hold)?)? {
                writes.put(Tree::Holds, key, piece);
            }
        }
        SystemEvent::HoldEnded { hold } => {
            for number in 0..=u8::MAX {
                let mut piece = key(hold);
                piece.push(number);
                writes.remove(Tree::Holds, piece);
            }
        }
        _ => {}
    }
    Ok(())
}

/// No label holds a zero byte, so no name's key is the beginning of another's.
fn key(name: &types::Label) -> Vec<u8> {
    let mut key = name.as_str().as_bytes().to_vec();
    key.push(0);
    key
}
