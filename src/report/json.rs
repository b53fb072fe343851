//! `results.json`, and the schema of it.

use serde_json::Value;

use crate::record::Record;
use crate::report::ReportError;
use crate::report::text::harmless_json;

/// The bytes of `results.json`.
///
/// A field of the record is a line; the entries of its lists (scenarios, events, findings) are a line each, so that
/// the file can be searched and compared line by line. Equal records give equal bytes. It ends with a line end.
/// It is written once and never serialised again: digests and signatures are over these bytes.
///
/// # Errors
/// [`ReportError::Json`].
pub fn results(record: &Record) -> Result<Vec<u8>, ReportError> {
    let value = serde_json::to_value(record).map_err(ReportError::Json)?;
    let Value::Object(fields) = value else {
        return Ok(harmless_json(&value.to_string()).into_bytes());
    };
    let mut out = String::from("{");
    for (number, (name, value)) in fields.iter().enumerate() {
        out.push_str(if number == 0 { "\n" } else { ",\n" });
        out.push_str(&Value::from(name.as_str()).to_string());
        out.push_str(": ");
        match value {
            Value::Array(entries) if !entries.is_empty() => {
                for (number, entry) in entries.iter().enumerate() {
                    out.push_str(if number == 0 { "[\n" } else { ",\n" });
                    out.push_str(&entry.to_string());
                }
                out.push_str("\n]");
            }
            other => out.push_str(&other.to_string()),
        }
    }
    out.push_str("\n}\n");
    Ok(harmless_json(&out).into_bytes())
}

/// The JSON Schema of `results.json`, with a line end.
#[must_use]
pub fn schema() -> String {
    let mut schema = schemars::schema_for!(Record);
    schema.insert("title".to_owned(), "wormproof record".into());
    let mut text = serde_json::to_string_pretty(schema.as_value()).unwrap_or_default();
    text.push('\n');
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::sample;

    #[test]
    fn the_file_gives_the_record_back_and_is_stable() {
        let record = sample::record();
        let bytes = results(&record).expect("json");
        assert_eq!(bytes, results(&record).expect("json"));
        assert_eq!(bytes.last(), Some(&b'\n'));
        let read: Record = serde_json::from_slice(&bytes).expect("a record");
        assert_eq!(read, record);
        let lines = bytes.split(|b| *b == b'\n').count();
        assert!(lines > record.scenarios.len() + record.events.len(), "a line an entry, not {lines}");
    }

    #[test]
    fn a_record_from_before_the_analysis_is_still_read() {
        let mut record: Value =
            serde_json::from_slice(&results(&sample::record()).expect("json")).expect("a value");
        let fields = record.as_object_mut().expect("an object");
        assert!(fields.remove("analysis").is_some() && fields.remove("gate").is_some());
        let read: Record = serde_json::from_value(record).expect("a record");
        assert_eq!((read.analysis, read.gate), (None, None));
    }

    #[test]
    fn what_steers_a_terminal_is_escaped_and_read_back() {
        let mut record = sample::record();
        record.run_id = "a\u{1b}[31m\u{202e}b\u{9b}\u{7f}\u{10ffff}\"\n".to_owned();
        let bytes = results(&record).expect("json");
        let text = String::from_utf8(bytes).expect("UTF-8");
        assert!(!text.contains(|c: char| c != '\n' && (c.is_control() || c == '\u{202e}')), "{text:?}");
        assert_eq!(serde_json::from_str::<Record>(&text).expect("a record"), record);
    }

    #[test]
    fn the_sample_fits_the_schema() {
        let schema: Value = serde_json::from_str(&schema()).expect("a schema");
        let record: Value =
            serde_json::from_slice(&results(&sample::record()).expect("json")).expect("a value");
        let errors: Vec<String> = jsonschema::validator_for(&schema)
            .expect("a valid schema")
            .iter_errors(&record)
            .map(|e| e.to_string())
            .collect();
        assert!(errors.is_empty(), "{errors:?}");
    }

    #[test]
    fn the_committed_schema_is_the_one_of_this_record() {
        let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("reports/record.schema.json");
        let committed = std::fs::read_to_string(path).unwrap_or_default();
        assert!(
            committed == schema(),
            "reports/record.schema.json is out of date; write it again with `wormproof report --schema`"
        );
    }
}
