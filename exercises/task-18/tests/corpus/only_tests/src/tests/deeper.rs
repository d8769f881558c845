// case: a file that a file of tests brings in
fn pause() {
    std::thread::sleep(PERIOD);
//  ^^^^^^^^^^^^^^^^^^ sleep*
}
