// case: renamed
use std::process::exit as die;
// case: its module renamed
use std::{process as proc, thread};
// case: another crate's function of that name
use mylib::exit;

fn renamed() {
    die(1);
//  ^^^ exit
    proc::exit(2);
//  ^^^^^^^^^^ exit
    exit(3);
}

// case: brought in by a block
fn in_a_block() {
    {
        use std::process::exit;
        exit(1);
//      ^^^^ exit
    }
    exit(2);
}

// case: brought in behind the call
fn behind() {
    leave(1);
//  ^^^^^ exit
    use std::process::exit as leave;
}

// case: a module of that name
mod process {
    pub fn exit(code: i32) {}
}

fn of_that_module() {
    process::exit(1);
    ::std::process::exit(1);
//  ^^^^^^^^^^^^^^^^^^^^ exit
}

// case: a raw identifier
fn raw() {
    std::process::r#exit(1);
//  ^^^^^^^^^^^^^^^^^^^^ exit
}
