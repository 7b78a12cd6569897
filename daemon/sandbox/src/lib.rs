//! Confinement: landlock, seccomp, rlimits, spawn and reap; the room of unsafe
