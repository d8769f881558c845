//! A verdict as a person and as a program reads it.

pub(crate) mod json;
pub(crate) mod screen;
