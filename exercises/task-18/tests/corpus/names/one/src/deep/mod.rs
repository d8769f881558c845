// case: a file below
mod below;
pub(crate) use tokio::spawn;
