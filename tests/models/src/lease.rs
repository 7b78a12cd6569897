//! Two who may work on one document: claim, look, work, record, give back. Leases run out; the daemon may crash; a
//! person, who needs no lease, may decide in between.
//!
//! In one daemon a document travels once at a time anyway; the lease is what a second node will rely on.

use stateright::{Checker as _, Model, Property};

const WORKERS: usize = 2;
/// Stations before the document.
const STATIONS: u8 = 2;
/// Each claim ends in a record, or in one of the few things that may happen in a history.
const CLAIMS_MAX: u8 = 8;
/// How often time passes, the daemon crashes and a person decides in one history. Less is tried first: short stories
/// are read.
const LIMITS: [(u8, u8, u8); 5] = [(0, 0, 0), (0, 0, 1), (1, 0, 0), (0, 1, 0), (2, 1, 1)];

/// What one worker does, in this order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Step {
    /// `store/lease.rs: claim`.
    Claim,
    /// `pipeline/runner.rs: travel`: reads the state, with its version.
    Look,
    /// `pipeline/runner.rs: run_station`.
    Work,
    /// `store/embedded.rs: judge`: accepted if the lease is still the worker's and the version still the one that was
    /// looked at.
    Record,
    /// `store/lease.rs: finish`: gives back what its token is for.
    Finish,
}

/// The order of the code.
pub const PLAN: [Step; 5] = [Step::Claim, Step::Look, Step::Work, Step::Record, Step::Finish];

/// A rule that is left out.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Without {
    /// Everything is as it is.
    Nothing,
    /// A fact is taken whatever it was decided on.
    VersionCheck,
    /// A fact is taken of one whose lease went to another.
    Fence,
    /// A lease is given back whoever holds it.
    TokenCheck,
    /// A lease is given out although another is in force.
    ExpiryCheck,
    /// Every lease has the same token.
    GrowingToken,
    /// Leases of the last run stay.
    ClearingAtStart,
}

/// The protocol, with an order and perhaps a hole.
#[derive(Clone, Debug)]
pub struct Leases {
    /// Order of the steps.
    pub plan: [Step; 5],
    /// The hole.
    pub without: Without,
    limits: (u8, u8, u8),
}

/// Store, ledger, and both workers.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct State {
    now: u8,
    crashes: u8,
    persons: u8,
    last_token: u8,
    /// Token, and when it runs out.
    lease: Option<(u8, u8)>,
    version: u8,
    /// Facts taken for each version.
    taken: [u8; STATIONS as usize],
    /// Work done for each version under a lease in force, counted anew when the daemon crashed or a person decided.
    worked: [u8; STATIONS as usize],
    /// Somebody's lease ran out: who is late may be overtaken, and overtake.
    late: bool,
    workers: [Worker; WORKERS],
    wrong: Option<&'static str>,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
struct Worker {
    at: usize,
    lease: Option<(u8, u8)>,
    seen: Option<u8>,
    /// A person decided since.
    overtaken: bool,
    did: Option<u8>,
}

/// What may happen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Action {
    /// A worker makes its next step.
    Step(usize, Step),
    /// Time passes: every lease runs out. The clock may also have jumped.
    Time,
    /// The daemon dies and starts again.
    Crash,
    /// A person decides something of the document: a hold, another route.
    Person,
}

impl Model for Leases {
    type State = State;
    type Action = Action;

    fn init_states(&self) -> Vec<State> {
        vec![State {
            now: 0,
            crashes: 0,
            persons: 0,
            last_token: 0,
            lease: None,
            version: 0,
            taken: [0; STATIONS as usize],
            worked: [0; STATIONS as usize],
            late: false,
            workers: [Worker::default(); WORKERS],
            wrong: None,
        }]
    }

    fn actions(&self, s: &State, actions: &mut Vec<Action>) {
        actions.extend((0..WORKERS).map(|worker| Action::Step(worker, self.plan[s.workers[worker].at])));
        if s.now < self.limits.0 {
            actions.push(Action::Time);
        }
        if s.crashes < self.limits.1 {
            actions.push(Action::Crash);
        }
        if s.persons < self.limits.2 {
            actions.push(Action::Person);
        }
    }

    fn next_state(&self, s: &State, action: Action) -> Option<State> {
        let mut next = s.clone();
        match action {
            Action::Step(worker, step) => {
                if !self.step(&mut next, worker, step) {
                    return None;
                }
                next.workers[worker].at = (s.workers[worker].at + 1) % PLAN.len();
            }
            Action::Time => {
                next.late |= s.workers.iter().any(|worker| worker.lease.is_some());
                next.now += 1;
            }
            Action::Person => {
                next.persons += 1;
                // What was done before is to be done again, on what is true now.
                next.worked = Default::default();
                next.workers.iter_mut().for_each(|worker| worker.overtaken = worker.seen.is_some());
            }
            Action::Crash => {
                next.crashes += 1;
                next.workers = Default::default();
                next.worked = Default::default();
                if self.without != Without::ClearingAtStart {
                    next.lease = None;
                }
                if next.lease.is_some() {
                    next.wrong = Some("nobody works and nobody may claim: the document is stuck");
                }
            }
        }
        next.judge();
        Some(next)
    }

    fn properties(&self) -> Vec<Property<Self>> {
        vec![
            Property::always("safe", |_, s: &State| s.wrong.is_none()),
            Property::sometimes("both stations", |_, s: &State| s.version == STATIONS),
        ]
    }
}

impl Leases {
    fn step(&self, s: &mut State, worker: usize, step: Step) -> bool {
        let mut me = s.workers[worker];
        match step {
            Step::Claim => {
                let in_force = s.lease.is_some_and(|(_, until)| s.now < until);
                if s.version == STATIONS || (in_force && self.without != Without::ExpiryCheck) {
                    return false;
                }
                if s.last_token == CLAIMS_MAX {
                    s.wrong = Some("the document is claimed again and again, and nothing is ever recorded");
                    return true;
                }
                if self.without != Without::GrowingToken {
                    s.last_token += 1;
                }
                s.lease = Some((s.last_token, s.now + 1));
                me.lease = s.lease;
            }
            Step::Look => (me.seen, me.overtaken) = (Some(s.version), false),
            Step::Work => {
                let Some(seen) = me.seen else {
                    s.wrong = Some("work on a state that nobody looked at");
                    return true;
                };
                if seen == STATIONS {
                    // Somebody late was quicker: nothing is left to do.
                    return true;
                }
                let mine = me.lease.is_some_and(|(_, until)| s.now < until);
                if seen != s.version && !s.late {
                    s.wrong = Some("work on a state that is no longer true");
                }
                me.did = Some(seen);
                s.worked[seen as usize] += u8::from(mine && !s.late && !me.overtaken);
            }
            Step::Record => {
                let seen = me.seen.filter(|seen| *seen < STATIONS);
                let token = |lease: Option<(u8, u8)>| lease.map(|(token, _)| token);
                let is_mine = me.lease.is_some() && token(s.lease) == token(me.lease);
                if let Some(seen) = seen
                    && (is_mine || self.without == Without::Fence)
                    && ((seen == s.version && !me.overtaken) || self.without == Without::VersionCheck)
                {
                    if me.overtaken {
                        s.wrong = Some("a fact is recorded on what a person has changed meanwhile");
                    }
                    if s.lease.is_some() && !is_mine {
                        s.wrong = Some(
                            "a fact is recorded by one who lost the document, while another works on it",
                        );
                    }
                    s.taken[seen as usize] += 1;
                    s.version = s.version.max(seen + 1);
                    if me.did != Some(seen) {
                        s.wrong = Some("a fact is recorded before it is one");
                    }
                }
            }
            Step::Finish => {
                let mine = s.lease.map(|(token, _)| token) == me.lease.map(|(token, _)| token);
                if mine || self.without == Without::TokenCheck {
                    s.lease = None;
                }
                me = Worker { lease: None, ..me };
            }
        }
        // A new round begins with nothing known.
        if s.workers[worker].at == PLAN.len() - 1 {
            me = Worker { at: me.at, ..Worker::default() };
        }
        s.workers[worker] = me;
        true
    }
}

impl State {
    fn judge(&mut self) {
        let in_force = |worker: &&Worker| worker.lease.is_some_and(|(_, until)| self.now < until);
        if self.workers.iter().filter(in_force).count() > 1 {
            self.wrong = Some("two hold the document at once");
        }
        if self.worked.iter().any(|times| *times > 1) {
            self.wrong = Some("the same work is done twice although no lease ran out");
        }
        if self.taken.iter().any(|times| *times > 1) {
            self.wrong = Some("one station is recorded twice");
        }
    }
}

impl Leases {
    /// The protocol with an order and a hole.
    #[must_use]
    pub fn new(plan: [Step; 5], without: Without) -> Self {
        Self { plan, without, limits: LIMITS[0] }
    }
}

/// Searches every history; gives a short one that must not be, what is wrong in it, and the number of states.
#[must_use]
pub fn check(leases: &Leases) -> (Option<(String, &'static str)>, usize) {
    let mut states = 0;
    for limits in LIMITS {
        let checker = Leases { limits, ..leases.clone() }.checker().threads(1).spawn_bfs().join();
        states = checker.unique_state_count();
        if let Some(path) = checker.discovery("safe") {
            let path = path.into_vec();
            let story: Vec<String> =
                path.iter().filter_map(|(_, action)| action.as_ref().map(words)).collect();
            let wrong = path.last().and_then(|(state, _)| state.wrong).unwrap_or_default();
            return (Some((story.join(", "), wrong)), states);
        }
    }
    (None, states)
}

fn words(action: &Action) -> String {
    match action {
        Action::Step(worker, step) => format!("{} {}", ["A", "B"][*worker], step.words()),
        Action::Time => "time passes".to_owned(),
        Action::Crash => "crash".to_owned(),
        Action::Person => "a person decides".to_owned(),
    }
}

impl Step {
    /// In words.
    #[must_use]
    pub fn words(self) -> &'static str {
        match self {
            Self::Claim => "claims",
            Self::Look => "looks",
            Self::Work => "works",
            Self::Record => "records",
            Self::Finish => "gives back",
        }
    }
}

impl Without {
    /// Every hole.
    pub const ALL: [Self; 6] = [
        Self::VersionCheck,
        Self::Fence,
        Self::TokenCheck,
        Self::ExpiryCheck,
        Self::GrowingToken,
        Self::ClearingAtStart,
    ];

    /// In words.
    #[must_use]
    pub fn words(self) -> &'static str {
        match self {
            Self::Nothing => "nothing left out",
            Self::VersionCheck => "a fact is taken whatever it was decided on",
            Self::Fence => "a fact is taken of one whose lease went to another",
            Self::TokenCheck => "a lease is given back whoever holds it",
            Self::ExpiryCheck => "a lease is given out although another is in force",
            Self::GrowingToken => "every lease has the same token",
            Self::ClearingAtStart => "leases of the last run stay",
        }
    }
}
