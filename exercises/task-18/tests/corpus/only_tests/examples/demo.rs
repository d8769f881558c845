// case: the place says that it is no product
fn pause() {
    std::thread::sleep(PERIOD);
//  ^^^^^^^^^^^^^^^^^^ sleep*
}
