//! Values that a sandboxed worker said. A compromised worker says anything, so nothing is used
//! before it was bounded.

/// A value nobody has checked yet; the only way out is [`Untrusted::bound`].
#[derive(Clone, Copy)]
#[must_use]
pub struct Untrusted<T>(T);

/// The worker said something that cannot be.
#[derive(Debug, thiserror::Error)]
#[error("the worker's {what} is out of bounds")]
pub struct OutOfBounds {
    /// Which value; a fixed text, never the value itself.
    pub what: &'static str,
}

impl<T> Untrusted<T> {
    /// Marks a value as coming from a worker.
    pub fn new(value: T) -> Self {
        Self(value)
    }

    /// The value, if `good` says so.
    ///
    /// # Errors
    /// [`OutOfBounds`] naming `what` when it does not.
    pub fn bound(self, what: &'static str, good: impl FnOnce(&T) -> bool) -> Result<T, OutOfBounds> {
        if good(&self.0) { Ok(self.0) } else { Err(OutOfBounds { what }) }
    }
}
