//! Fails, as one does that looks for a C library.

fn main() {
    panic!("libdrain is not installed");
}
