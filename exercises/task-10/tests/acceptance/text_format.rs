//! What `promtool check metrics` says of an exposition, beside what the kit sees when it reads one.

use std::collections::HashSet;

/// # Errors
///
/// The first thing that is wrong.
pub(crate) fn check(text: &str) -> Result<(), String> {
    if !text.ends_with('\n') {
        return Err("the last line does not end with a line feed".to_owned());
    }
    let (mut helped, mut typed, mut sampled) = (HashSet::new(), HashSet::new(), Vec::<&str>::new());
    for line in text.lines().filter(|line| !line.is_empty()) {
        let wrong = |what: &str| Err(format!("{what}: `{line}`"));
        if let Some(rest) = line.strip_prefix("# HELP ") {
            let (metric, help) = rest.split_once(' ').unwrap_or((rest, ""));
            if help.trim().is_empty() {
                return wrong("no help text");
            }
            if !helped.insert(metric) {
                return wrong("a second HELP");
            }
        } else if let Some(rest) = line.strip_prefix("# TYPE ") {
            let metric = rest.split(' ').next().unwrap_or_default();
            if !helped.contains(metric) {
                return wrong("no HELP before it");
            }
            typed.insert(metric);
        } else if !line.starts_with('#') {
            let name = line.split(['{', ' ']).next().unwrap_or_default();
            let metric = ["_bucket", "_sum", "_count"]
                .iter()
                .find_map(|suffix| name.strip_suffix(suffix).filter(|metric| typed.contains(metric)))
                .unwrap_or(name);
            if !typed.contains(metric) {
                return wrong("no TYPE before it");
            }
            if sampled.last() != Some(&metric) {
                if sampled.contains(&metric) {
                    return wrong("apart from the other samples of its metric");
                }
                sampled.push(metric);
            }
        }
    }
    Ok(())
}
