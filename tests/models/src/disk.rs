//! What a disk with a cache may hold after a crash.

/// A value on the disk: the bytes of a file, a name, a place. Until it is synced, any value that it had since the
/// last sync may be what a crash leaves; no order between two cells is kept unless a sync lies between.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Cell<T> {
    now: T,
    /// What a crash may leave; the last is `now`.
    maybe: Vec<T>,
}

impl<T: Copy + PartialEq> Cell<T> {
    /// A value that is durable.
    #[must_use]
    pub fn durable(value: T) -> Self {
        Self { now: value, maybe: vec![value] }
    }

    /// What a reader sees.
    #[must_use]
    pub fn now(&self) -> T {
        self.now
    }

    /// Changes it, in the cache.
    pub fn set(&mut self, value: T) {
        self.maybe.retain(|old| *old != value);
        self.maybe.push(value);
        self.now = value;
    }

    /// fsync: what is seen now is what a crash leaves.
    pub fn sync(&mut self) {
        self.maybe = vec![self.now];
    }

    /// Is what is seen what any crash leaves?
    #[must_use]
    pub fn is_durable(&self) -> bool {
        self.maybe.len() == 1
    }

    /// Everything that a crash may leave.
    #[must_use]
    pub fn after_crash(&self) -> Vec<Self> {
        self.maybe.iter().map(|value| Self::durable(*value)).collect()
    }
}

/// All combinations: `states` with each of what `cell` may become.
pub fn combine<S: Clone, T: Copy + PartialEq>(states: &mut Vec<S>, cell: impl Fn(&mut S) -> &mut Cell<T>) {
    let mut all = Vec::new();
    for state in states.iter() {
        let choices = cell(&mut state.clone()).after_crash();
        for choice in choices {
            let mut next = state.clone();
            *cell(&mut next) = choice;
            all.push(next);
        }
    }
    *states = all;
}
