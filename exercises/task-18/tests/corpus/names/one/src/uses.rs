use crate::clock;
use crate::clock::nap;
use super::rest;
pub use crate::clock::round;

async fn all() {
    nap(PERIOD).await;
//  ^^^ sleep
    clock::nap(PERIOD).await;
//  ^^^^^^^^^^ sleep
    crate::clock::nap(PERIOD).await;
//  ^^^^^^^^^^^^^^^^^ sleep
    super::clock::timer::sleep(PERIOD).await;
//  ^^^^^^^^^^^^^^^^^^^^^^^^^^ sleep
    rest(PERIOD).await;
//  ^^^^ sleep
    clock::exit(1);
//  ^^^^^^^^^^^ exit
    clock::pause().await;
    clock::round().await;
    round().await;
}

// case: a module inside of the file
mod inner {
    use super::*;

    async fn all() {
        super::super::clock::nap(PERIOD).await;
//      ^^^^^^^^^^^^^^^^^^^^^^^^ sleep
        nap(PERIOD).await;
//      ^^^ sleep
        self::own::nap(PERIOD).await;
//      ^^^^^^^^^^^^^^ sleep
    }

    mod own {
        pub(super) use crate::rest as nap;
    }
}

// case: in a module nothing is brought in from around it
mod alone {
    async fn all() {
        nap(PERIOD).await;
    }
}
