//! The writer's part of destruction: the last look, the keys, the record, with nothing in between.
//!
//! A hold is a fact like any other and goes through the same thread, so it comes before a destruction or after
//! it, never into it. What costs time (reading the ciphertext for the certificate) was done before.

use crate::{
    book::{BookError, Writer, broken},
    certificate::{Facts, areas_of},
    copies, holds,
};
use lifecycle::{Actor, Body, Event, Over, Position, State};
use types::{DocId, Label};
use vault::{Portrait, Victim};

/// Something that was over when it was looked at, and what its sealed blobs looked like.
pub(crate) struct Doomed {
    pub(crate) doc: DocId,
    pub(crate) over: Over,
    pub(crate) portraits: Vec<Portrait>,
}

/// What became of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Fate {
    /// Destroyed, or forgotten, as it was doomed.
    Done,
    /// These holds keep it.
    Held(Vec<Label>),
    /// Something else is over now, or nothing: it is looked at again.
    Changed,
}

impl Writer {
    /// Destroys and writes what is over and not held. A crash between destruction and record is made good by
    /// the next run: what was over is over still, and destroying again is harmless.
    pub(crate) fn destroy(
        &mut self,
        doomed: Vec<Doomed>,
        by: &Actor,
    ) -> Result<Vec<(DocId, Fate)>, BookError> {
        if !doomed.is_empty() {
            self.latch.stands_aside()?;
        }
        let at = self.clock.now();
        // Looked at here, too, for the clock may jump in the middle of a run.
        if !doomed.is_empty() && self.clock.differs_by_ms().is_some() {
            return Err(BookError::ClockInDoubt);
        }
        let in_force = self.holds()?;
        let (mut fates, mut victims, mut events) = (Vec::new(), Vec::new(), Vec::new());
        for Doomed { doc, over, portraits } in doomed {
            let state = self.known(doc)?.filter(|state| over != Over::Nothing && state.over(at) == over);
            let Some(state) = state else {
                fates.push((doc, Fate::Changed));
                continue;
            };
            let names = holds::keeping(&*self.store, &in_force, doc, &state).map_err(broken)?;
            if !names.is_empty() {
                fates.push((doc, Fate::Held(names)));
                continue;
            }
            let owed = copies::owed_to_all(&*self.store, doc, &state).map_err(broken)?;
            if !owed.is_empty() {
                fates.push((doc, Fate::Changed));
                events.extend(owed.into_iter().map(|event| (doc, event)));
                continue;
            }
            fates.push((doc, Fate::Done));
            if over == Over::Log {
                // Before the event: a tombstone that is forgotten is never looked at again.
                self.vault.remove_samples(doc).map_err(refused)?;
                events.push((doc, Event::Forgotten));
            } else {
                victims.push((doc, state, over, portraits));
            }
        }
        events.extend(self.erase(&victims, by, at)?);
        let fact = |(doc, event)| ::store::Fact {
            at,
            by: by.clone(),
            body: Body::Document { doc, event },
            expect: None,
            under: None,
        };
        for verdict in self.write(events.into_iter().map(fact).collect())? {
            verdict?;
        }
        Ok(fates)
    }

    /// Destroys keys that no document needs. Each is looked at again, here where nothing can be admitted
    /// meanwhile; gives those that were destroyed. They are no documents, so no event names them.
    pub(crate) fn sweep(&self, keys: &[DocId]) -> Result<Vec<DocId>, BookError> {
        self.latch.stands_aside()?;
        let mut garbage = Vec::new();
        for doc in keys {
            // In this order: an arrival is written before it is over.
            let arriving = self.arriving.has(*doc);
            let is_needed = match self.known(*doc)? {
                Some(state) => state.position != Position::Gone,
                None => arriving,
            };
            if !is_needed {
                garbage.push(*doc);
            }
        }
        if !garbage.is_empty() {
            let whole = |doc: &DocId| Victim { doc: *doc, areas: None };
            self.vault.destroy(&garbage.iter().map(whole).collect::<Vec<_>>()).map_err(refused)?;
        }
        Ok(garbage)
    }

    /// Destroys the keys; gives what is to be written.
    fn erase(
        &self,
        victims: &[(DocId, State, Over, Vec<Portrait>)],
        by: &Actor,
        at: types::UnixMillis,
    ) -> Result<Vec<(DocId, Event)>, BookError> {
        if victims.is_empty() {
            return Ok(Vec::new());
        }
        let interrupted: Vec<bool> = victims
            .iter()
            .map(|(doc, _, over, portraits)| match over {
                Over::Whole => !self.vault.knows(*doc),
                Over::Parts(_) | Over::Nothing | Over::Log => portraits.is_empty(),
            })
            .collect();
        let keys: Vec<Victim> = victims
            .iter()
            .map(|(doc, _, over, _)| {
                let areas = match over {
                    Over::Parts(parts) => Some(areas_of(parts)),
                    Over::Whole | Over::Nothing | Over::Log => None,
                };
                Victim { doc: *doc, areas }
            })
            .collect();
        let destruction = self.vault.destroy(&keys).map_err(refused)?;
        if destruction.directories_left > 0 {
            tracing::warn!(
                count = destruction.directories_left,
                "dead ciphertext is left; the next start removes it"
            );
        }
        let event =
            |((doc, state, over, portraits), interrupted): (&(DocId, State, Over, Vec<Portrait>), bool)| {
                let facts = Facts {
                    doc: *doc,
                    state,
                    over,
                    portraits,
                    destruction: &destruction,
                    interrupted,
                    by,
                    at,
                };
                let (certificate, signature) = self.certifier.certify(&self.vault, &facts);
                let areas = if let Over::Parts(parts) = over { parts.clone() } else { Vec::new() };
                (*doc, Event::Destroyed { areas, certificate, signature })
            };
        Ok(victims.iter().zip(interrupted).map(event).collect())
    }
}

fn refused(error: vault::VaultError) -> BookError {
    tracing::error!(%error, "keys could not be destroyed");
    BookError::Broken("vault")
}
