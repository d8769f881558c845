// case: no build script, for no manifest is beside it
fn pause() {
    std::thread::sleep(PERIOD);
//  ^^^^^^^^^^^^^^^^^^ sleep
}
