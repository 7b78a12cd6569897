//! A passphrase from the terminal, unseen, or from standard input.

use crate::fail::{Exit, Failure, Outcome};
use nix::sys::termios::{LocalFlags, SetArg, Termios, tcgetattr, tcsetattr};
use std::io::{self, BufRead as _, IsTerminal as _, Read as _};

/// Longest line that is read, in bytes; the daemon takes 1,024.
const LINE_BYTES_MAX: u64 = 4096;

/// Asks for a passphrase; asks twice when it is `new` and a person types it.
pub(crate) fn ask(new: bool) -> Outcome<Vec<u8>> {
    if !io::stdin().is_terminal() {
        return line().map_err(|error| unreadable(&error));
    }
    let first = typed("passphrase: ")?;
    if new && typed("once more:  ")? != first {
        return Err(Failure::new(Exit::Usage, "the two are not the same; nothing was changed".to_owned()));
    }
    Ok(first)
}

fn typed(prompt: &str) -> Outcome<Vec<u8>> {
    eprint!("{prompt}");
    let hidden = Hidden::start().map_err(|error| unreadable(&error))?;
    let line = line().map_err(|error| unreadable(&error));
    drop(hidden);
    eprintln!();
    line
}

fn line() -> io::Result<Vec<u8>> {
    let mut line = Vec::new();
    io::stdin().lock().take(LINE_BYTES_MAX).read_until(b'\n', &mut line)?;
    if line.last() == Some(&b'\n') {
        line.pop();
    }
    Ok(line)
}

fn unreadable(error: &io::Error) -> Failure {
    Failure::new(Exit::Failure, format!("the passphrase cannot be read: {error}"))
}

/// Keeps the terminal from showing what is typed, until it is dropped.
struct Hidden(Termios);

impl Hidden {
    fn start() -> io::Result<Self> {
        let before = tcgetattr(io::stdin())?;
        let mut unseen = before.clone();
        unseen.local_flags.remove(LocalFlags::ECHO);
        tcsetattr(io::stdin(), SetArg::TCSAFLUSH, &unseen)?;
        Ok(Self(before))
    }
}

impl Drop for Hidden {
    fn drop(&mut self) {
        if tcsetattr(io::stdin(), SetArg::TCSAFLUSH, &self.0).is_err() {
            eprintln!("lazaretctl: the terminal may not show what is typed; run stty echo");
        }
    }
}
