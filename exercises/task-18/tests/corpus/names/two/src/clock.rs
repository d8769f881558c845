pub async fn nap(period: Duration) {}
pub async fn sleep(period: Duration) {}

// case: what the module has itself comes before a glob
use tokio::time::*;

async fn all() {
    sleep(PERIOD).await;
    sleep_until(END).await;
//  ^^^^^^^^^^^ sleep
    self::sleep(PERIOD).await;
}
