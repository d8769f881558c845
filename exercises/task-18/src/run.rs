//! One audit, from the walk to the answer.

use rayon::prelude::*;

use crate::baseline::Baseline;
use crate::finding::{Finding, Problem};
use crate::modules::{Modules, Outline};
use crate::options::Options;
use crate::source::Source;
use crate::walk::{self, Found};
use crate::{allow, audit};

/// For a tree that is as deep as a source may be.
const STACK: usize = 512 * 1024 * 1024;

/// What an audit has found.
pub struct Audited {
    /// What is new, in order.
    pub findings: Vec<Finding>,
    /// What could not be audited, in order.
    pub problems: Vec<Problem>,
    /// How many files were audited.
    pub files: usize,
    /// How many findings are in the baseline.
    pub known: usize,
}

impl Audited {
    /// Whether nothing was found, and nothing left out.
    pub fn is_clean(&self) -> bool {
        self.findings.is_empty() && self.problems.is_empty()
    }
}

/// Audits what the options name.
///
/// # Errors
///
/// In one line: a path that does not exist, a baseline that cannot be read.
pub fn run(options: &Options) -> Result<Audited, String> {
    let baseline = options.baseline.as_deref().map(Baseline::read).transpose()?.unwrap_or_default();
    let (found, problems) = walk::walk(&options.paths)?;
    let threads =
        rayon::ThreadPoolBuilder::new().stack_size(STACK).build().map_err(|error| error.to_string())?;
    let mut audited = threads.install(|| all(options, &found));
    audited.problems.extend(problems);
    audited.problems.sort();
    audited.findings.sort();
    audited.known = baseline.take_known(&mut audited.findings);
    Ok(audited)
}

/// First all files are read for their modules, then each is audited: what a name means may stand in another file.
fn all(options: &Options, found: &[Found]) -> Audited {
    let outlines = found.par_iter().map(|found| match parsed(found, |source| Outline::of(&source)) {
        Ok(outline) => (found.file.clone(), outline),
        // It is told of when it is audited.
        Err(_) => (found.file.clone(), Outline::default()),
    });
    let modules = Modules::new(outlines.collect());
    let audited: Vec<Result<Option<Vec<Finding>>, Problem>> = found
        .par_iter()
        .enumerate()
        .map(|(file, found)| {
            if !options.tests && (found.test || modules.is_test(file)) {
                return Ok(None);
            }
            let audit = |source: Source| {
                let examined = audit::audit(&source, &modules, file, options.tests);
                let mut findings = allow::judge(&source, examined, &options.rules);
                findings.retain(|finding| finding.sure || options.all);
                findings
            };
            parsed(found, audit).map(Some)
        })
        .collect();
    let mut all = Audited { findings: Vec::new(), problems: Vec::new(), files: 0, known: 0 };
    for audited in audited {
        match audited {
            Ok(Some(findings)) => {
                all.files += 1;
                all.findings.extend(findings);
            }
            Ok(None) => {}
            Err(problem) => all.problems.push(problem),
        }
    }
    all
}

/// What becomes of the file when it is parsed. Its tokens are let go of, or each thread would keep the text of all its
/// files.
fn parsed<T>(found: &Found, then: impl FnOnce(Source) -> T) -> Result<T, Problem> {
    let path = found.path();
    let result = Source::read(&found.file, &path).map(then);
    proc_macro2::extra::invalidate_current_thread_spans();
    result.map_err(|message| Problem { path, message })
}
