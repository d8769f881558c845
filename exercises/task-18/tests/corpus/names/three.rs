// case: a macro renamed, a crate renamed
extern crate tokio as runtime;
use runtime::select as first_of;

async fn all(token: Token) {
    first_of! {
        () = runtime::time::sleep(PERIOD) => {}
        () = token.cancelled() => runtime::time::sleep(PERIOD).await,
//                                ^^^^^^^^^^^^^^^^^^^^ sleep
    }
}

// case: a module that is called like a crate
mod early {
    mod tokio {
        pub fn spawn(work: Work) {}
    }

    fn all() {
        tokio::spawn(work());
        ::tokio::spawn(work());
//      ^^^^^^^^^^^^^^ detached
    }
}

// case: of two names the one of the inner block counts
async fn inner() {
    use std::thread::sleep as nap;
    nap(PERIOD);
//  ^^^ sleep
    {
        use crate::own as nap;
        nap(PERIOD);
    }
}
fn own(period: Duration) {}
