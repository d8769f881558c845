mod deeper;
fn pause() {
    std::thread::sleep(PERIOD);
//  ^^^^^^^^^^^^^^^^^^ sleep*
}
