// case: a file that a test module brings in
#[cfg(test)]
mod tests;
#[cfg(test)]
#[path = "by_path.rs"]
mod odd;
mod product;

// case: cfg(test)
#[cfg(test)]
mod inside {
    fn pause() {
        std::thread::sleep(PERIOD);
//      ^^^^^^^^^^^^^^^^^^ sleep*
    }
}

// case: all(test, ..)
#[cfg(all(test, feature = "slow"))]
fn slow() {
    std::thread::sleep(PERIOD);
//  ^^^^^^^^^^^^^^^^^^ sleep*
}

// case: any(test, ..) is also something else
#[cfg(any(test, feature = "slow"))]
fn any() {
    std::thread::sleep(PERIOD);
//  ^^^^^^^^^^^^^^^^^^ sleep
}

// case: not(test)
#[cfg(not(test))]
fn not() {
    std::thread::sleep(PERIOD);
//  ^^^^^^^^^^^^^^^^^^ sleep
}

// case: another cfg
#[cfg(unix)]
#[cfg_attr(test, allow(unused))]
fn unix() {
    std::thread::sleep(PERIOD);
//  ^^^^^^^^^^^^^^^^^^ sleep
}

// case: a feature that is called test
#[cfg(feature = "test")]
fn feature() {
    std::thread::sleep(PERIOD);
//  ^^^^^^^^^^^^^^^^^^ sleep
}

// case: functions that are tests
fn with_its_tests() {
    #[test]
    fn plain() {
        std::thread::sleep(PERIOD);
//      ^^^^^^^^^^^^^^^^^^ sleep*
    }
    #[tokio::test(start_paused = true)]
    async fn of_a_runtime() {
        tokio::time::sleep(PERIOD).await;
//      ^^^^^^^^^^^^^^^^^^ sleep*
    }
}

// case: a statement, a method, an impl
fn statement() {
    #[cfg(test)]
    std::thread::sleep(PERIOD);
//  ^^^^^^^^^^^^^^^^^^ sleep*
    #[cfg(test)]
    {
        std::thread::sleep(PERIOD);
//      ^^^^^^^^^^^^^^^^^^ sleep*
    }
    #[cfg(test)]
    let pause = || std::thread::sleep(PERIOD);
//                 ^^^^^^^^^^^^^^^^^^ sleep*
    #[cfg(test)]
    _ = std::thread::sleep(PERIOD);
//      ^^^^^^^^^^^^^^^^^^ sleep*
    #[cfg(test)]
    self.pause = std::thread::sleep(PERIOD);
//               ^^^^^^^^^^^^^^^^^^ sleep*
    #[cfg(test)]
    PAUSES[0] += pause_of(std::thread::sleep(PERIOD));
//                        ^^^^^^^^^^^^^^^^^^ sleep*
    #[cfg(not(test))]
    self.pause = std::thread::sleep(PERIOD);
//               ^^^^^^^^^^^^^^^^^^ sleep
    std::thread::sleep(PERIOD);
//  ^^^^^^^^^^^^^^^^^^ sleep
}
impl Clock {
    #[cfg(test)]
    fn pause() {
        std::thread::sleep(PERIOD);
//      ^^^^^^^^^^^^^^^^^^ sleep*
    }
    fn nap() {
        std::thread::sleep(PERIOD);
//      ^^^^^^^^^^^^^^^^^^ sleep
    }
}
#[cfg(test)]
impl Pause for Clock {
    fn pause() {
        std::thread::sleep(PERIOD);
//      ^^^^^^^^^^^^^^^^^^ sleep*
    }
}
