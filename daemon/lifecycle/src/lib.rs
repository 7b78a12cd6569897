//! What may happen to a document: stations, the trip, events, and the state they fold to.
//!
//! Pure: no I/O, no clock, no tunables inside [`State::apply`]. A document *is* its list of events;
//! everything else is a view. Nothing here can hold PHI.

mod event;
mod stage;
mod state;
mod trip;

pub use event::{Actor, Arrival, Body, Channel, Event, Finding, Outcome, Record, Rendition, Sealed, SystemEvent};
pub use stage::Stage;
pub use state::{Blobs, Due, IllegalEvent, Patience, Position, State, Status};
pub use trip::Trip;
