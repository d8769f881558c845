// case: a file of tests only
#![cfg(test)]
fn pause() {
    std::thread::sleep(PERIOD);
//  ^^^^^^^^^^^^^^^^^^ sleep*
}
