//! The child ends when its parent has gone.

use std::io;

/// The first thing that the child does: from now on it ends when its parent ends. A child that was started by
/// hand, and not by the parent, has nobody to depend on.
///
/// # Errors
///
/// If the parent has gone already.
pub fn hold() -> io::Result<()> {
    todo!("end when the parent ends, also if it has gone already; `Ok` if there is none")
}
