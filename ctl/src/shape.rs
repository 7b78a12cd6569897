//! The JSON of documents, as the contract has it: keys in this order, absent values `null`, confidences
//! 0 to 1, times RFC 3339 in UTC.

use api::v1;
use serde::Serialize;
use types::UnixMillis;

/// A document.
#[derive(Serialize)]
pub(crate) struct Document {
    pub(crate) id: String,
    pub(crate) source: String,
    pub(crate) state: String,
    pub(crate) reason: Option<String>,
    pub(crate) pages: Option<u32>,
    pub(crate) class: Option<String>,
    pub(crate) confidence: Option<f64>,
    pub(crate) route: Option<String>,
    pub(crate) received_at: String,
    pub(crate) updated_at: String,
    pub(crate) sha256: Hashes,
    pub(crate) duplicate_of: Option<String>,
    pub(crate) parent: Option<String>,
    pub(crate) children: Vec<String>,
    pub(crate) owner: Option<String>,
    pub(crate) holds: Vec<String>,
    pub(crate) retention: String,
    pub(crate) retain_until: String,
    pub(crate) bytes: u64,
    pub(crate) findings: Vec<String>,
    pub(crate) sensitivity: Vec<String>,
    pub(crate) schedules: Vec<Term>,
    pub(crate) destroyed_before: Option<String>,
    pub(crate) resent_of: Option<String>,
    pub(crate) correlation_id: Option<String>,
}

/// How long one part of a document is kept.
#[derive(Serialize)]
pub(crate) struct Term {
    pub(crate) schedule: String,
    pub(crate) until: String,
    pub(crate) rule: String,
    pub(crate) destroyed: bool,
}

/// SHA-256 of its renditions, hex.
#[derive(Serialize)]
pub(crate) struct Hashes {
    pub(crate) original: Option<String>,
    pub(crate) redacted: Option<String>,
    pub(crate) text: Option<String>,
}

/// The words of a page.
#[derive(Serialize)]
pub(crate) struct PageWords {
    pub(crate) page: u32,
    pub(crate) width_px: u32,
    pub(crate) height_px: u32,
    pub(crate) dpi: u32,
    pub(crate) rotation_deg: u32,
    pub(crate) transform: Vec<f64>,
    pub(crate) words: Vec<Word>,
}

/// A word.
#[derive(Serialize)]
pub(crate) struct Word {
    pub(crate) text: String,
    #[serde(rename = "box")]
    pub(crate) rect: [u32; 4],
    pub(crate) confidence: f64,
    pub(crate) line: u32,
    pub(crate) block: u32,
}

/// What is hidden on a page.
#[derive(Serialize)]
pub(crate) struct PageRedactions {
    pub(crate) page: u32,
    pub(crate) black: bool,
    pub(crate) boxes: Vec<RedactedBox>,
}

/// A painted box.
#[derive(Serialize)]
pub(crate) struct RedactedBox {
    #[serde(rename = "box")]
    pub(crate) rect: [u32; 4],
    pub(crate) kind: String,
    pub(crate) rule: String,
    pub(crate) confidence: f64,
}

/// One line of an explanation.
#[derive(Serialize)]
pub(crate) struct Explanation {
    pub(crate) at: String,
    pub(crate) station: String,
    pub(crate) text: String,
    pub(crate) rule: Option<String>,
}

/// RFC 3339 in UTC.
pub(crate) fn time(ms: u64) -> String {
    UnixMillis(ms).to_string()
}

/// The same without the fraction, for tables.
pub(crate) fn seconds(time: &str) -> String {
    time.split_once('.').map_or_else(|| time.to_owned(), |(seconds, _)| format!("{seconds}Z"))
}

/// Four digits are more than any confidence means, and hide what a float is made of.
pub(crate) fn confidence(value: f32) -> f64 {
    (f64::from(value) * 1e4).round() / 1e4
}

fn rect(rect: Option<v1::Box>) -> [u32; 4] {
    rect.map_or([0; 4], |rect| [rect.x0, rect.y0, rect.x1, rect.y1])
}

impl From<v1::Document> for Document {
    fn from(d: v1::Document) -> Self {
        Self {
            id: d.id,
            source: d.source,
            state: d.state,
            reason: d.reason,
            pages: d.pages,
            class: d.class,
            confidence: d.confidence.map(confidence),
            route: d.route,
            received_at: time(d.received_at_ms),
            updated_at: time(d.updated_at_ms),
            sha256: Hashes { original: d.sha256_original, redacted: d.sha256_redacted, text: d.sha256_text },
            duplicate_of: d.duplicate_of,
            parent: d.parent,
            children: d.children,
            owner: d.owner,
            holds: d.holds,
            retention: d.retention,
            retain_until: time(d.retain_until_ms),
            bytes: d.bytes,
            findings: d.findings,
            sensitivity: d.sensitivity,
            schedules: d.schedules.into_iter().map(Term::from).collect(),
            destroyed_before: d.destroyed_before,
            resent_of: d.resent_of,
            correlation_id: d.correlation_id,
        }
    }
}

impl From<v1::Term> for Term {
    fn from(term: v1::Term) -> Self {
        let until = time(term.until_ms);
        Self { schedule: term.schedule, until, rule: term.rule, destroyed: term.destroyed }
    }
}

impl From<v1::PageWords> for PageWords {
    fn from(page: v1::PageWords) -> Self {
        Self {
            page: page.page,
            width_px: page.width_px,
            height_px: page.height_px,
            dpi: page.dpi,
            rotation_deg: page.rotation_deg,
            transform: page.transform,
            words: page.words.into_iter().map(Word::from).collect(),
        }
    }
}

impl From<v1::Word> for Word {
    fn from(word: v1::Word) -> Self {
        Self {
            text: word.text,
            rect: rect(word.r#box),
            confidence: confidence(word.confidence),
            line: word.line,
            block: word.block,
        }
    }
}

impl From<v1::PageRedactions> for PageRedactions {
    fn from(page: v1::PageRedactions) -> Self {
        let hidden = |hidden: v1::RedactedBox| RedactedBox {
            rect: rect(hidden.r#box),
            kind: hidden.kind,
            rule: hidden.rule,
            confidence: confidence(hidden.confidence),
        };
        Self { page: page.page, black: page.black, boxes: page.boxes.into_iter().map(hidden).collect() }
    }
}

impl From<v1::Explanation> for Explanation {
    fn from(line: v1::Explanation) -> Self {
        Self { at: time(line.at_ms), station: line.station, text: line.text, rule: line.rule }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn a_document_has_the_keys_of_the_contract_in_its_order() {
        // A18: "`GET /documents/{id}` status"
        let sent = v1::Document {
            id: "01JD9Z6M8Q3V5X7Y9A1B2C3D4E".into(),
            source: "fax".into(),
            state: "delivered".into(),
            confidence: Some(0.97),
            received_at_ms: 1_795_502_192_007,
            ..v1::Document::default()
        };
        let json = serde_json::to_string(&Document::from(sent)).unwrap();
        let keys = [
            "id",
            "source",
            "state",
            "reason",
            "pages",
            "class",
            "confidence",
            "route",
            "received_at",
            "updated_at",
            "sha256",
            "duplicate_of",
            "parent",
            "children",
        ];
        let places: Vec<usize> = keys.iter().map(|key| json.find(&format!("\"{key}\":")).unwrap()).collect();
        assert!(places.is_sorted(), "{json}");
        assert!(
            json.contains("\"reason\":null,\"pages\":null,\"class\":null,\"confidence\":0.97,"),
            "{json}"
        );
        assert!(json.contains("\"received_at\":\"2026-11-24T06:36:32.007Z\""), "{json}");
        assert!(json.contains("\"sha256\":{\"original\":null,\"redacted\":null,\"text\":null}"), "{json}");
    }

    #[test]
    fn a_word_has_its_box_as_four_numbers() {
        let rect = Some(v1::Box { x0: 1, y0: 2, x1: 3, y1: 4 });
        let word = v1::Word { text: "a".into(), r#box: rect, confidence: 0.912_34, line: 5, block: 6 };
        let json = serde_json::to_string(&Word::from(word)).unwrap();
        assert_eq!(json, r#"{"text":"a","box":[1,2,3,4],"confidence":0.9123,"line":5,"block":6}"#);
    }
}
