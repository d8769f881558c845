//! JSON without ceremony: reading it, and putting it together.

use std::collections::HashMap;
use std::fs;
use std::path::Path;

use tinyjson::JsonValue;

use crate::error::{At as _, Error, Result};

/// Fields of an object, with something harmless where there is none.
pub(crate) trait Get {
    fn get_value(&self, name: &str) -> Option<&JsonValue>;
    fn text(&self, name: &str) -> String;
    fn number(&self, name: &str) -> Option<f64>;
    fn list(&self, name: &str) -> Vec<JsonValue>;
}

impl Get for JsonValue {
    fn get_value(&self, name: &str) -> Option<&JsonValue> {
        self.get::<HashMap<String, JsonValue>>()?.get(name)
    }

    fn text(&self, name: &str) -> String {
        self.get_value(name).and_then(|value| value.get::<String>()).cloned().unwrap_or_default()
    }

    fn number(&self, name: &str) -> Option<f64> {
        self.get_value(name)?.get().copied()
    }

    fn list(&self, name: &str) -> Vec<JsonValue> {
        self.get_value(name).and_then(|value| value.get::<Vec<JsonValue>>()).cloned().unwrap_or_default()
    }
}

pub(crate) fn object<const N: usize>(fields: [(&str, JsonValue); N]) -> JsonValue {
    JsonValue::Object(fields.into_iter().map(|(name, value)| (name.to_owned(), value)).collect())
}

pub(crate) fn text(text: impl Into<String>) -> JsonValue {
    JsonValue::String(text.into())
}

pub(crate) fn list(values: impl IntoIterator<Item = JsonValue>) -> JsonValue {
    JsonValue::Array(values.into_iter().collect())
}

pub(crate) fn number(number: impl Into<f64>) -> JsonValue {
    JsonValue::Number(number.into())
}

pub(crate) fn optional(value: Option<impl Into<String>>) -> JsonValue {
    value.map_or(JsonValue::Null, text)
}

/// Prints it on stdout.
pub(crate) fn print(value: &JsonValue) -> Result<()> {
    println!("{}", formatted(value)?);
    Ok(())
}

/// Writes it to a file, whose folder need not be there yet.
pub(crate) fn write(path: &Path, value: &JsonValue) -> Result<()> {
    if let Some(folder) = path.parent().filter(|folder| !folder.as_os_str().is_empty()) {
        fs::create_dir_all(folder).at("create", folder)?;
    }
    fs::write(path, formatted(value)? + "\n").at("write", path)
}

pub(crate) fn formatted(value: &JsonValue) -> Result<String> {
    value.format().map_err(|error| Error::new(format!("cannot write JSON: {error}")))
}
