//! Where log lines go: to the journal with structured fields under systemd, else to stderr.
//!
//! Only field names of a closed list are written, so that a careless field cannot carry PHI to the disk.

use std::{env, fmt, io::Write as _};
use systemd::journal;
use tracing::{
    Event, Level, Subscriber,
    field::{Field, Visit},
};
use tracing_subscriber::{
    EnvFilter, Layer,
    layer::{Context, SubscriberExt},
    util::SubscriberInitExt,
};

/// Fields that may be logged. None of them ever holds text of a document or a file name.
const FIELDS: [&str; 18] = [
    "message", "doc", "stage", "source", "reason", "error", "refusal", "route", "role", "pages", "ms", "seq",
    "count", "kind", "what", "rpc", "why", "client",
];

/// Starts logging.
pub(crate) fn start() {
    let filter = EnvFilter::try_from_env("LAZARET_LOG").unwrap_or_else(|_| EnvFilter::new("info"));
    let filter = tracing_subscriber::registry().with(filter);
    if env::var_os("JOURNAL_STREAM").is_some() {
        filter.with(Lines(Sink::Journal)).init();
    } else {
        filter.with(Lines(Sink::Stderr)).init();
    }
}

/// A line for the person who started the daemon.
pub(crate) fn say(line: &str) {
    // Nobody to tell when stderr is gone.
    drop(writeln!(std::io::stderr(), "{line}"));
}

enum Sink {
    Journal,
    Stderr,
}

struct Lines(Sink);

impl<S: Subscriber> Layer<S> for Lines {
    fn on_event(&self, event: &Event<'_>, _: Context<'_, S>) {
        let mut fields = Fields::default();
        event.record(&mut fields);
        match self.0 {
            Sink::Stderr => {
                say(&format!("{:5} {}{}", event.metadata().level(), fields.message, fields.pairs()))
            }
            Sink::Journal => fields.send(*event.metadata().level()),
        }
    }
}

#[derive(Default)]
struct Fields {
    message: String,
    others: Vec<(&'static str, String)>,
}

impl Fields {
    fn pairs(&self) -> String {
        self.others.iter().map(|(name, value)| format!(" {name}={value}")).collect()
    }

    fn send(&self, level: Level) {
        let priority = match level {
            Level::ERROR => 3,
            Level::WARN => 4,
            Level::INFO => 6,
            _ => 7,
        };
        let mut lines = vec![
            format!("MESSAGE={}{}", self.message, self.pairs()),
            format!("PRIORITY={priority}"),
            "SYSLOG_IDENTIFIER=lazaretd".to_owned(),
        ];
        lines.extend(
            self.others.iter().map(|(name, value)| format!("LAZARET_{}={value}", name.to_ascii_uppercase())),
        );
        let lines: Vec<&str> = lines.iter().map(String::as_str).collect();
        // A full journal must not stop the station; the ledger holds what matters.
        drop(journal::send(&lines));
    }
}

impl Visit for Fields {
    fn record_str(&mut self, field: &Field, value: &str) {
        self.record_debug(field, &format_args!("{value}"));
    }

    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        if !FIELDS.contains(&field.name()) {
            return;
        }
        let text: String =
            format!("{value:?}").chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
        if field.name() == "message" { self.message = text } else { self.others.push((field.name(), text)) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    // B42: a field that is not in the list is not written.
    #[test]
    fn only_known_fields_are_written_and_control_characters_are_not() {
        struct Collect(std::sync::mpsc::Sender<String>);
        impl<S: Subscriber> Layer<S> for Collect {
            fn on_event(&self, event: &Event<'_>, _: Context<'_, S>) {
                let mut fields = Fields::default();
                event.record(&mut fields);
                self.0.send(format!("{}{}", fields.message, fields.pairs())).expect("the test listens");
            }
        }
        let (send, lines) = std::sync::mpsc::channel();
        let subscriber = tracing_subscriber::registry().with(Collect(send));
        tracing::subscriber::with_default(subscriber, || {
            tracing::info!(file_name = "Jane Doe.pdf", doc = "01J\nX", "received");
        });
        let line = lines.recv().expect("one line");
        assert!(
            line.contains("received")
                && line.contains("doc=")
                && !line.contains("Jane")
                && !line.contains('\n')
        );
    }
}
