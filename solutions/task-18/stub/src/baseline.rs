//! What is known, from an earlier answer.

use std::collections::HashMap;
use std::fs;
use std::path::Path;

use serde_json::Value;

use crate::finding::Finding;

/// How many findings are known of each rule, path and source line: these stay when code above is changed.
#[derive(Default)]
pub struct Baseline(HashMap<[String; 3], usize>);

impl Baseline {
    /// Reads what `--format json` has written.
    ///
    /// # Errors
    ///
    /// In one line, why it cannot be used.
    pub fn read(file: &Path) -> Result<Self, String> {
        let cannot = |why: String| format!("{}: {why}", file.display());
        let text = fs::read_to_string(file).map_err(|error| cannot(error.to_string()))?;
        let answer: Value = serde_json::from_str(&text).map_err(|error| cannot(error.to_string()))?;
        if answer["version"] != 1 {
            return Err(cannot("an answer of version 1 is wanted".to_owned()));
        }
        let mut known = HashMap::new();
        for finding in answer["findings"].as_array().into_iter().flatten() {
            let text = |name: &str| finding[name].as_str().unwrap_or_default().to_owned();
            *known.entry([text("rule"), text("path"), text("source")]).or_default() += 1;
        }
        Ok(Self(known))
    }

    /// Takes what is known out of the findings, and counts it.
    pub fn take_known(mut self, findings: &mut Vec<Finding>) -> usize {
        let before = findings.len();
        findings.retain(|finding| {
            let key = [finding.rule.name().to_owned(), finding.path.clone(), finding.source().to_owned()];
            match self.0.get_mut(&key) {
                Some(left) if *left > 0 => {
                    *left -= 1;
                    false
                }
                _ => true,
            }
        });
        before - findings.len()
    }
}
