//! The Go version in `go/`, if Go is there.

use std::path::PathBuf;
use std::process::Command;

pub struct Go(PathBuf);

impl Go {
    /// Builds it; `None` if there is no `go`.
    ///
    /// # Panics
    ///
    /// If it does not compile.
    pub fn build() -> Option<Self> {
        let program = std::env::temp_dir().join(format!("task-11-bench-{}", std::process::id()));
        let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/go");
        let built =
            Command::new("go").args(["test", "-c", "-o"]).arg(&program).current_dir(folder).status().ok()?;
        assert!(built.success(), "the Go version compiles");
        Some(Self(program))
    }

    /// How many nanoseconds a pair takes.
    ///
    /// # Panics
    ///
    /// If the benchmark does not say.
    pub fn pairs(&self, name: &str, pairs: usize) -> f64 {
        let output = Command::new(&self.0)
            .args(["-test.run", "^$", "-test.bench", &format!("^Benchmark{name}$")])
            .arg(format!("-test.benchtime={pairs}x"))
            .output()
            .expect("it was built");
        let said = String::from_utf8_lossy(&output.stdout);
        let words: Vec<&str> = said.split_whitespace().collect();
        let at = words.iter().position(|word| *word == "ns/op").expect("a line of the benchmark");
        words[at - 1].parse().expect("a number")
    }
}

impl Drop for Go {
    fn drop(&mut self) {
        let _ = std::fs::remove_file(&self.0);
    }
}
