//! The sidecar `NAME.EXT.json`: what a sender knows of a file. The one input that the daemon parses
//! itself, so it is small, typed, and refused as a whole when anything in it is not expected.

use serde::{
    Deserialize, Deserializer,
    de::{Error as _, MapAccess, Visitor},
};
use std::{collections::BTreeMap, fmt, fs::File, io::Read as _};
use types::{DocClass, Label, Phi, Reason};

/// Largest sidecar, in bytes.
const SIDECAR_BYTES_MAX: u64 = 16 << 10;
/// Most entries of the patient context.
const CONTEXT_ENTRIES_MAX: usize = 32;
/// Longest key of the patient context, in bytes.
const CONTEXT_KEY_BYTES_MAX: usize = 64;
/// Longest value of the patient context, in bytes.
const CONTEXT_VALUE_BYTES_MAX: usize = 256;

/// The six fields of A26, each optional. It may hold PHI, so it cannot be printed.
#[derive(Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields, default)]
pub struct Sidecar {
    /// Source, where an inbox is shared by several.
    pub source: Option<Label>,
    /// The class that the sender believes it to have.
    pub expected_type: Option<DocClass>,
    /// What is known of the patient.
    #[serde(deserialize_with = "context")]
    pub patient_context: BTreeMap<String, Phi>,
    /// Tenant.
    pub tenant: Option<Label>,
    /// Retention rule asked for.
    pub retention: Option<Label>,
    /// Whom to tell.
    pub callback: Option<Label>,
}

impl Sidecar {
    /// Reads one; anything wrong with it is one reason, as its text must not be repeated.
    pub(crate) fn read(file: File) -> Result<Self, Reason> {
        if !file.metadata().is_ok_and(|facts| facts.is_file()) {
            return Err(Reason::BadSidecar);
        }
        let mut text = Vec::new();
        let read = file.take(SIDECAR_BYTES_MAX + 1).read_to_end(&mut text);
        match read {
            Ok(bytes) if bytes as u64 <= SIDECAR_BYTES_MAX => Self::parse(&text),
            Ok(_) | Err(_) => Err(Reason::BadSidecar),
        }
    }

    /// The sidecar of a text.
    ///
    /// # Errors
    /// [`Reason::BadSidecar`] for anything but JSON with these fields, their types and their bounds.
    pub fn parse(text: &[u8]) -> Result<Self, Reason> {
        // A derived struct would also take its fields as a list.
        let is_object = text.trim_ascii_start().starts_with(b"{");
        let sidecar = is_object.then(|| serde_json::from_slice(text).ok()).flatten();
        sidecar.ok_or(Reason::BadSidecar)
    }
}

fn context<'de, D: Deserializer<'de>>(deserializer: D) -> Result<BTreeMap<String, Phi>, D::Error> {
    deserializer.deserialize_map(Context)
}

/// Takes a map of short strings in which no key comes twice.
struct Context;

impl<'de> Visitor<'de> for Context {
    type Value = BTreeMap<String, Phi>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a map of short strings")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        let mut context = BTreeMap::new();
        while let Some((key, value)) = map.next_entry::<String, Phi>()? {
            let short = key.len() <= CONTEXT_KEY_BYTES_MAX && value.len() <= CONTEXT_VALUE_BYTES_MAX;
            let fits = short && !key.is_empty() && context.len() < CONTEXT_ENTRIES_MAX;
            if !fits || context.insert(key, value).is_some() {
                return Err(A::Error::custom("out of bounds"));
            }
        }
        Ok(context)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    // A26: "exactly these six; unknown fields refused; sidecar file `name.pdf.json` gives the same for folder drops"
    #[test]
    fn a_sidecar_has_six_optional_fields_and_no_other() {
        let full = br#"{"source":"fax-2","expected-type":"lab-result","patient-context":{"mrn":"12"},
            "tenant":"north","retention":"long","callback":"ward"}"#;
        let sidecar = Sidecar::parse(full).unwrap();
        assert_eq!(sidecar.expected_type, Some(DocClass::LabResult));
        assert_eq!(sidecar.patient_context["mrn"].expose(), "12");
        assert_eq!(sidecar.retention, Some("long".parse().unwrap()));
        assert!(Sidecar::parse(b"{}").unwrap() == Sidecar::default());
    }

    // B9: "Narrow contract"; B10: "No client flags that bypass checks"
    #[test]
    fn anything_else_is_refused() {
        let long = format!(r#"{{"patient-context":{{"a":"{}"}}}}"#, "x".repeat(257));
        let many: Vec<String> = (0..33).map(|i| format!(r#""k{i}":"v""#)).collect();
        let many = format!(r#"{{"patient-context":{{{}}}}}"#, many.join(","));
        for bad in [
            "",
            "null",
            "[]",
            "{",
            "{} {}",
            r#"{"skip-redaction":true}"#,
            r#"{"expected_type":"claim"}"#,
            r#"{"expected-type":"novel"}"#,
            r#"{"source":"../x"}"#,
            r#"{"source":1}"#,
            r#"{"source":"a","source":"b"}"#,
            r#"{"patient-context":{"a":1}}"#,
            r#"{"patient-context":{"a":{"b":"c"}}}"#,
            r#"{"patient-context":{"a":"1","a":"2"}}"#,
            r#"{"patient-context":{"":"1"}}"#,
            &long,
            &many,
            &"[".repeat(10_000),
        ] {
            assert_eq!(Sidecar::parse(bad.as_bytes()).err(), Some(Reason::BadSidecar), "{bad:.60}");
        }
    }
}
