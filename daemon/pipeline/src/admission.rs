//! The writer's part of arrivals: whether these bytes, or this idempotency key, were seen before. Nothing can come
//! between the look and the record.

use crate::{
    book::{Admission, Ahead, BookError, Writer, broken},
    copies,
};
use lifecycle::{Arrival, Body, Event, Position, State};
use types::{DocId, UnixMillis};

impl Writer {
    /// What is written of an arrival, and what the sender will hear.
    pub(crate) fn judge_arrival(
        &self,
        ahead: &mut Ahead,
        doc: DocId,
        mut arrival: Arrival,
        at: UnixMillis,
    ) -> Result<(Vec<Body>, Admission), BookError> {
        if let Some(state) = self.state(ahead, doc)? {
            // The same claim again after a crash: the first record stands. What goes with it may be lacking.
            let duplicate_of = state.duplicate_of;
            let bodies = self.lengthen(ahead, doc, state, at)?;
            return Ok((bodies.into_iter().collect(), Admission::New { duplicate_of }));
        }
        if !self.vault.knows(doc) {
            // It was swept as garbage since its bytes were sealed. Whoever has them brings them again.
            return Err(BookError::Broken("the key of an arrival is gone"));
        }
        if let Some(key) = arrival.idempotency {
            let known = ahead.keys.get(&key).copied();
            if let Some(first) =
                known.map_or_else(|| self.store.by_idempotency(key), |doc| Ok(Some(doc))).map_err(broken)?
            {
                let state = self.state(ahead, first)?;
                let bodies = state.map(|state| self.lengthen(ahead, first, state, at)).transpose()?;
                return Ok((bodies.flatten().into_iter().collect(), Admission::Repeated(first)));
            }
            ahead.keys.insert(key, doc);
        }
        let known = ahead.contents.get(&arrival.content).copied();
        let first = known
            .map_or_else(|| self.store.by_content(arrival.content), |doc| Ok(Some(doc)))
            .map_err(broken)?;
        let mut bodies = Vec::new();
        if let Some(first) = first {
            arrival.duplicate_of = Some(first);
            arrival.original = None;
            bodies.extend(self.lengthen(ahead, doc, State::arrived(&arrival, at), at)?);
        } else {
            ahead.contents.insert(arrival.content, doc);
            self.remember(ahead, &mut arrival)?;
        }
        let duplicate_of = arrival.duplicate_of;
        ahead.states.insert(doc, State::arrived(&arrival, at));
        bodies.insert(0, Body::Document { doc, event: Event::Arrived(Box::new(arrival)) });
        Ok((bodies, Admission::New { duplicate_of }))
    }

    /// A copy whose terms are longer lengthens those of the first document, which keeps its bytes (A45).
    pub(crate) fn lengthen(
        &self,
        ahead: &mut Ahead,
        doc: DocId,
        copy: State,
        at: UnixMillis,
    ) -> Result<Option<Body>, BookError> {
        let Some(first) = copy.duplicate_of else { return Ok(None) };
        let Some(state) = self.state(ahead, first)? else { return Ok(None) };
        let Some(event) = copies::owed(&state, doc, &copy) else { return Ok(None) };
        ahead.states.insert(first, state.apply(&event, at)?);
        Ok(Some(Body::Document { doc: first, event }))
    }

    /// Notes what became of the same bytes before, when no document holds them now.
    fn remember(&self, ahead: &Ahead, arrival: &mut Arrival) -> Result<(), BookError> {
        let Some(past) = self.store.by_past_content(arrival.content).map_err(broken)? else { return Ok(()) };
        let Some(state) = self.state(ahead, past)? else { return Ok(()) };
        match state.position {
            Position::Rejected => arrival.resent_of = Some(past),
            _ => arrival.destroyed_before = Some(past),
        }
        Ok(())
    }
}
