//! What a worker may say next: kinds and how often, by role. The daemon kills it at the first frame
//! that is not in this table.

use crate::{Kind, Role};

/// The worker spoke out of turn.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("a {role:?} worker may not send {kind:?} now")]
pub struct Unexpected {
    /// Its role.
    pub role: Role,
    /// What it sent.
    pub kind: Kind,
}

/// The daemon's side of one conversation.
#[derive(Debug)]
pub struct Conversation {
    role: Role,
    greeted: bool,
    ended: bool,
    /// Page results still allowed.
    pages_left: u32,
    /// Data bytes still owed by the worker.
    data_left: u64,
}

impl Conversation {
    /// A worker of this role that has said nothing yet.
    #[must_use]
    pub fn new(role: Role) -> Self {
        Self { role, greeted: false, ended: false, pages_left: 0, data_left: 0 }
    }

    /// The job asks for at most so many page results.
    pub fn expect_pages(&mut self, pages: u32) {
        self.pages_left = pages;
    }

    /// The worker announced so many bytes of data.
    pub fn expect_data(&mut self, bytes: u64) {
        self.data_left = bytes;
    }

    /// Bytes of data still owed.
    #[must_use]
    pub fn data_left(&self) -> u64 {
        self.data_left
    }

    /// Is a frame of this kind and size legal now? Counts it if so.
    ///
    /// # Errors
    /// [`Unexpected`] when it is not.
    pub fn admit(&mut self, kind: Kind, bytes: usize) -> Result<(), Unexpected> {
        let legal = match kind {
            Kind::Hello => !self.greeted,
            Kind::Data => {
                let bytes = bytes as u64;
                let owed = self.greeted && bytes > 0 && bytes <= self.data_left;
                self.data_left = self.data_left.saturating_sub(bytes);
                owed
            }
            Kind::PageResult => {
                let paged = matches!(self.role, Role::Normalise | Role::Ocr | Role::Verify);
                let legal = self.idle() && paged && self.pages_left > 0;
                self.pages_left = self.pages_left.saturating_sub(1);
                legal
            }
            Kind::Done | Kind::Refusal => {
                let legal = self.idle();
                self.ended = true;
                legal
            }
            Kind::Job | Kind::PageJob => false,
        };
        self.greeted |= kind == Kind::Hello;
        if legal { Ok(()) } else { Err(Unexpected { role: self.role, kind }) }
    }

    fn idle(&self) -> bool {
        self.greeted && !self.ended && self.data_left == 0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_worker_greets_once_answers_as_asked_and_ends_once() {
        let mut talk = Conversation::new(Role::Ocr);
        assert!(Conversation::new(Role::Ocr).admit(Kind::Done, 0).is_err(), "Done before Hello");
        assert!(talk.admit(Kind::Hello, 10).is_ok());
        assert!(Conversation { ..talk_after_hello() }.admit(Kind::Hello, 10).is_err(), "Hello twice");
        assert!(
            Conversation { ..talk_after_hello() }.admit(Kind::PageResult, 1).is_err(),
            "no page was asked for"
        );
        talk.expect_pages(1);
        assert!(talk.admit(Kind::PageResult, 1).is_ok());
        assert!(talk.admit(Kind::Done, 1).is_ok());
        assert!(talk.admit(Kind::Done, 1).is_err(), "Done twice");
    }

    #[test]
    fn data_is_owed_to_the_byte() {
        let mut talk = talk_after_hello();
        talk.expect_data(10);
        assert!(talk.admit(Kind::Data, 6).is_ok());
        assert!(
            Conversation { data_left: 4, ..talk_after_hello() }.admit(Kind::Done, 0).is_err(),
            "data still owed"
        );
        assert!(
            Conversation { data_left: 4, ..talk_after_hello() }.admit(Kind::Data, 5).is_err(),
            "one byte too many"
        );
        assert!(talk.admit(Kind::Data, 4).is_ok());
        assert!(Conversation { ..talk_after_hello() }.admit(Kind::Data, 0).is_err(), "empty data never ends");
    }

    fn talk_after_hello() -> Conversation {
        Conversation { greeted: true, ..Conversation::new(Role::Ocr) }
    }
}
