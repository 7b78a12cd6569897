//! What may happen to a document: stations, the trip, events, and the state they fold to.
//!
//! Pure: no I/O, no clock, no tunables inside [`State::apply`]. A document *is* its list of events;
//! everything else is a view. Nothing here can hold PHI.

mod event;
mod finish;
mod hold;
mod over;
mod retention;
mod sealed;
mod stage;
mod state;
mod statement;
mod status;
mod system;
mod trip;

pub use event::{Actor, Arrival, Body, Channel, Disclosure, Event, Finding, Outcome, Record, Rendition};
pub use hold::HoldOrder;
pub use over::Over;
pub use retention::{Schedules, Term};
pub use sealed::Sealed;
pub use stage::Stage;
pub use state::{Blobs, Due, IllegalEvent, Patience, Position, State};
pub use statement::Statement;
pub use status::Status;
pub use system::SystemEvent;
pub use trip::Trip;
