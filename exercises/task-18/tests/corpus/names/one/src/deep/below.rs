use super::spawn as start;

fn all() {
    start(work());
//  ^^^^^ detached
    super::spawn(work());
//  ^^^^^^^^^^^^ detached
    crate::nap(PERIOD).await;
//  ^^^^^^^^^^ sleep
}
