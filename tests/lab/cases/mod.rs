//! The cases, one file per theme.

mod lab;
