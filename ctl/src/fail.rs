//! What went wrong, as one sentence and one exit code. Codes are a contract that scripts rely on.

use api::{KIND_KEY, Kind, REASON_KEY};
use std::{error::Error, fmt, process::ExitCode};
use tonic::{Code, Status};

/// Exit codes other than 0. Usage errors found by the argument parser are 2 as well.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub(crate) enum Exit {
    /// Anything else.
    Failure = 1,
    /// The request makes no sense.
    Usage = 2,
    /// No such document, route, file.
    NotFound = 3,
    /// Not for this client.
    NotAuthorised = 4,
    /// Not in this state, or a hold is in force.
    Conflict = 5,
    /// A check found something.
    Findings = 6,
    /// No daemon answers.
    Unreachable = 7,
    /// The configuration is wrong.
    InvalidConfiguration = 9,
    /// Not now; try again.
    Temporary = 75,
}

/// A failure on its way to the user.
#[derive(Debug)]
pub(crate) struct Failure {
    pub(crate) exit: Exit,
    message: String,
}

/// What every verb returns.
pub(crate) type Outcome<T = ()> = Result<T, Failure>;

impl Failure {
    pub(crate) fn new(exit: Exit, message: impl Into<String>) -> Self {
        Self { exit, message: message.into() }
    }

    /// The same, about this file.
    pub(crate) fn about(self, path: &std::path::Path) -> Self {
        Self { message: format!("{}: {}", path.display(), self.message), ..self }
    }

    /// A failure of the operating system on this file.
    pub(crate) fn file(path: &std::path::Path, error: &std::io::Error) -> Self {
        let exit = if error.kind() == std::io::ErrorKind::NotFound { Exit::NotFound } else { Exit::Failure };
        Self::new(exit, format!("{}: {error}", path.display()))
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(exit as u8)
    }
}

impl From<Status> for Failure {
    fn from(status: Status) -> Self {
        let text = |key| status.metadata().get(key).and_then(|value| value.to_str().ok());
        let Some(kind) = text(KIND_KEY).and_then(Kind::named) else { return transport(&status) };
        let exit = match kind {
            Kind::NotFound => Exit::NotFound,
            Kind::Conflict => Exit::Conflict,
            Kind::Invalid => Exit::Usage,
            Kind::Temporary | Kind::Sealed | Kind::Full => Exit::Temporary,
            Kind::Denied => Exit::NotAuthorised,
            Kind::TooLarge | Kind::Internal => Exit::Failure,
        };
        let reason = text(REASON_KEY).map(|reason| format!(" ({reason})")).unwrap_or_default();
        Self::new(exit, format!("{}{reason}", status.message()))
    }
}

/// The daemon itself always says which kind of no it means; without that, something else went wrong on
/// the way to it.
fn transport(status: &Status) -> Failure {
    let why = match status.source() {
        Some(source) => cause_chain(source),
        None => status.message().to_owned(),
    };
    let exit = match status.code() {
        Code::Unauthenticated | Code::PermissionDenied => Exit::NotAuthorised,
        Code::DeadlineExceeded | Code::ResourceExhausted => Exit::Temporary,
        Code::Unavailable | Code::Unknown | Code::Cancelled => return unreachable("the daemon", &why),
        _ => Exit::Failure,
    };
    Failure::new(exit, why)
}

/// Says why there is no connection to `whom`. With TLS 1.3 a client learns only after its handshake that
/// its certificate was refused, as an alert, or merely by being cut off.
pub(crate) fn unreachable(whom: &str, why: &str) -> Failure {
    if let Some((_, alert)) = why.split_once("received fatal alert: ") {
        let alert: String = alert.chars().take_while(char::is_ascii_alphanumeric).collect();
        let message = format!("{whom} does not accept this client's certificate: {alert}");
        return Failure::new(Exit::NotAuthorised, message);
    }
    let hint = if why.contains("invalid peer certificate") {
        "its certificate is not of the authority this client trusts; see ca in the client's configuration"
    } else if why.contains("connection closed") || why.contains("reset") || why.contains("broken pipe") {
        "it closed the connection; if it is running, it does not know the authority of this client's certificate"
    } else {
        "is lazaretd running? See systemctl status lazaretd"
    };
    Failure::new(Exit::Unreachable, format!("no answer from {whom}: {why}; {hint}"))
}

/// An error and what caused it, each said once.
pub(crate) fn cause_chain(error: &dyn Error) -> String {
    let mut said: Vec<String> = Vec::new();
    let mut next = Some(error);
    while let Some(error) = next {
        let text = error.to_string();
        if !said.iter().any(|earlier| earlier.contains(&text)) {
            said.push(text);
        }
        next = error.source();
    }
    said.join(": ")
}

#[cfg(test)]
mod tests {
    use super::*;
    use tonic::metadata::MetadataValue;

    fn said(kind: Kind) -> Failure {
        let mut status = Status::new(kind.code(), "no");
        status.metadata_mut().insert(KIND_KEY, MetadataValue::from_static(kind.name()));
        status.metadata_mut().insert(REASON_KEY, MetadataValue::from_static("legal-hold"));
        status.into()
    }

    #[test]
    fn exit_codes_are_the_contract() {
        // B50: "Pseudocode errors: Unauthorized, Forbidden, BadRequest, PayloadTooLarge"
        let codes = Kind::ALL.map(|kind| said(kind).exit as u8);
        assert_eq!(codes, [3, 5, 2, 75, 75, 4, 1, 75, 1]);
        assert_eq!(said(Kind::Conflict).to_string(), "no (legal-hold)");
    }

    #[test]
    fn a_daemon_that_is_away_differs_from_one_that_says_not_now() {
        assert_eq!(Failure::from(Status::unavailable("tcp connect error")).exit as u8, 7);
        assert_eq!(said(Kind::Temporary).exit as u8, 75);
        let refused = unreachable("the daemon", "io error: received fatal alert: CertificateRevoked\"");
        assert_eq!(refused.exit as u8, 4);
        assert!(refused.to_string().ends_with(": CertificateRevoked"), "{refused}");
    }
}
