//! A way: steps in an order, a crash possible before and after each, and a start that goes on from what is left.

use stateright::{Checker as _, Model, Property};
use std::fmt::{Debug, Write as _};
use std::hash::Hash;

/// Crashes in one history: one in the way, one in the recovery. Fewer are tried first: short stories are read.
const CRASHES: [u8; 3] = [0, 1, 2];

/// One protocol.
pub trait Way: Clone + Send + Sync + 'static {
    /// Disk and outside world.
    type State: Clone + Debug + PartialEq + Eq + Hash + Send + Sync;
    /// A step.
    type Step: Copy + Debug + PartialEq + Eq + Hash + Send + Sync;

    /// Before the first step.
    fn start(&self) -> Self::State;
    /// The steps, as the code makes them.
    fn plan(&self) -> Vec<Self::Step>;
    /// Makes a step; false when it cannot be made.
    fn make(&self, step: Self::Step, state: &mut Self::State) -> bool;
    /// Is it an fsync?
    fn is_sync(&self, step: Self::Step) -> bool;
    /// Every disk that a crash may leave.
    fn after_crash(&self, state: &Self::State) -> Vec<Self::State>;
    /// What the next start does to the disk, and which steps of the plan it then makes.
    fn recover(&self, state: &mut Self::State, plan: &[Self::Step]) -> Vec<Self::Step>;
    /// What is wrong with a disk that a crash left.
    fn broken(&self, state: &Self::State) -> Option<&'static str>;
    /// What is wrong when all is done.
    fn unfinished(&self, state: &Self::State) -> Option<&'static str>;
    /// What a disk holds, in few words.
    fn tell(&self, state: &Self::State) -> String;
    /// The step in words, and the function that makes it.
    fn words(&self, step: Self::Step) -> (&'static str, &'static str);
}

/// A way with its steps in some order.
#[derive(Clone)]
struct Walk<W: Way> {
    way: W,
    plan: Vec<W::Step>,
    crashes_max: u8,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct At<S, P> {
    disk: S,
    left: Vec<P>,
    crashes: u8,
    /// A crash just happened: the disk is as it was left.
    fallen: bool,
    /// A step could not be made.
    stuck: Option<P>,
}

#[derive(Clone, Debug, PartialEq)]
enum Action<S, P> {
    Step(P),
    /// And what the disk holds then.
    Crash(S),
    Start,
}

impl<W: Way> Model for Walk<W> {
    type State = At<W::State, W::Step>;
    type Action = Action<W::State, W::Step>;

    fn init_states(&self) -> Vec<Self::State> {
        let (disk, left) = (self.way.start(), self.plan.clone());
        vec![At { disk, left, crashes: 0, fallen: false, stuck: None }]
    }

    fn actions(&self, at: &Self::State, actions: &mut Vec<Self::Action>) {
        if at.fallen {
            actions.push(Action::Start);
            return;
        }
        if let (Some(step), None) = (at.left.first(), at.stuck) {
            actions.push(Action::Step(*step));
        }
        if at.crashes < self.crashes_max {
            actions.extend(self.way.after_crash(&at.disk).into_iter().map(Action::Crash));
        }
    }

    fn next_state(&self, at: &Self::State, action: Self::Action) -> Option<Self::State> {
        let mut next = at.clone();
        match action {
            Action::Step(step) => {
                next.left.remove(0);
                if !self.way.make(step, &mut next.disk) {
                    next.stuck = Some(step);
                }
            }
            Action::Crash(disk) => {
                next = At { disk, left: Vec::new(), crashes: at.crashes + 1, fallen: true, stuck: None };
            }
            Action::Start => {
                next.fallen = false;
                next.left = self.way.recover(&mut next.disk, &self.plan);
            }
        }
        Some(next)
    }

    fn properties(&self) -> Vec<Property<Self>> {
        vec![
            Property::always("safe", |walk: &Self, at: &Self::State| {
                at.stuck.is_none() && !(at.fallen && walk.way.broken(&at.disk).is_some())
            }),
            Property::always("finished", |walk: &Self, at: &Self::State| {
                let done = at.left.is_empty() && !at.fallen && at.stuck.is_none();
                !(done && walk.way.unfinished(&at.disk).is_some())
            }),
        ]
    }
}

/// How a history that must not be looks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Counterexample {
    /// Steps made before it went wrong.
    pub steps: usize,
    /// The last of them, the crash, and what it left.
    pub story: String,
    /// What is wrong.
    pub wrong: String,
}

/// Searches every history; gives the shortest that must not be, and how many states there are.
pub fn check<W: Way>(way: &W, plan: &[W::Step]) -> (Option<Counterexample>, usize) {
    let mut states = 0;
    for crashes_max in CRASHES {
        let walk = Walk { way: way.clone(), plan: plan.to_vec(), crashes_max };
        // One thread, breadth first: the same history on every machine.
        let checker = walk.checker().threads(1).spawn_bfs().join();
        states = checker.unique_state_count();
        let paths = ["safe", "finished"].iter().filter_map(|name| checker.discovery(name));
        if let Some(path) = paths.map(stateright::Path::into_vec).min_by_key(Vec::len) {
            return (Some(tell(way, &path)), states);
        }
    }
    (None, states)
}

type Taken<W> =
    (At<<W as Way>::State, <W as Way>::Step>, Option<Action<<W as Way>::State, <W as Way>::Step>>);

fn tell<W: Way>(way: &W, path: &[Taken<W>]) -> Counterexample {
    let mut story = String::new();
    let mut steps = 0;
    let mut last = None;
    for (_, action) in path {
        match action {
            Some(Action::Step(step)) => {
                steps += 1;
                last = Some(way.words(*step).0);
            }
            Some(Action::Crash(disk)) => {
                let after =
                    last.take().map_or_else(|| "at once".to_owned(), |step| format!("after “{step}”"));
                write!(story, "crash {after}, leaving {}; ", way.tell(disk)).unwrap_or_default();
            }
            Some(Action::Start) => story.push_str("start; "),
            None => {}
        }
    }
    let wrong = path.last().map_or_else(String::new, |(at, _)| match at.stuck {
        Some(step) => format!("“{}” cannot be done", way.words(step).0),
        None if at.fallen => way.broken(&at.disk).unwrap_or_default().to_owned(),
        None => way.unfinished(&at.disk).unwrap_or_default().to_owned(),
    });
    Counterexample { steps, story: story.trim_end_matches("; ").to_owned(), wrong }
}

/// A change to the order of a way.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Change<P> {
    /// This fsync is left out.
    Without(P),
    /// These two neighbours change places.
    Swapped(P, P),
}

/// A change, and the steps that it leaves.
type Changed<S> = (Change<S>, Vec<S>);

/// Every way to leave out one fsync or to swap two neighbours, with the plan that results.
pub fn changes<W: Way>(way: &W) -> Vec<Changed<W::Step>> {
    let plan = way.plan();
    let mut all = Vec::new();
    for (at, step) in plan.iter().enumerate().filter(|(_, step)| way.is_sync(**step)) {
        let mut without = plan.clone();
        without.remove(at);
        all.push((Change::Without(*step), without));
    }
    for at in 1..plan.len() {
        let mut swapped = plan.clone();
        swapped.swap(at - 1, at);
        all.push((Change::Swapped(plan[at - 1], plan[at]), swapped));
    }
    all
}
