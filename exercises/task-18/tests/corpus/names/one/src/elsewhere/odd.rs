// case: a file that #[path] names is where its module is
async fn all() {
    super::rest(PERIOD).await;
//  ^^^^^^^^^^^ sleep
    crate::timer::sleep(PERIOD).await;
//  ^^^^^^^^^^^^^^^^^^^ sleep
}
