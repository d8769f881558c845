// case: a method that is a wait is found where it is called
impl Group {
    async fn wait(&self) {
        self.tracker.wait().await;
    }

    fn join(self) -> i32 {
        self.threads.into_iter().map(|thread| thread.join().unwrap()).sum()
    }
}

// case: where it is called
async fn called(group: Group) {
    group.wait().await;
//        ^^^^ wait
}

// case: a method with more to say is no such wait
impl Group {
    fn wait(&self, why: &str) {
        self.thread.join().unwrap();
//                  ^^^^ wait
    }
}

// case: a method of another name, a function that is no method
impl Group {
    async fn finish(&self) {
        self.tracker.wait().await;
//                   ^^^^ wait
    }
}
async fn wait(tracker: TaskTracker) {
    tracker.wait().await;
//          ^^^^ wait
}

// case: what it spawns goes on by itself
impl Group {
    fn join(&self) {
        let watcher = tokio::spawn(async move { tracker.wait().await });
//                                                      ^^^^ wait
    }
}
