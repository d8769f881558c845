// case: without a way out
async fn without(queue: Queue) {
    loop {
//  ^^^^ loop
        work(queue.pop().await).await;
    }
}

// case: a loop that only sleeps
async fn only_sleeps(period: Duration) {
    loop {
//  ^^^^ loop
        tokio::time::sleep(period).await;
        work().await;
    }
}

// case: while true
fn while_true() {
    while true {
//  ^^^^^ loop
        work();
    }
}

// case: a break
fn with_break() {
    loop {
        if work() {
            break;
        }
    }
    let value = loop {
        break 7;
    };
}

// case: a return, a question mark
fn with_return() -> Result<(), Error> {
    loop {
        if work() {
            return Ok(());
        }
    }
    loop {
        work()?;
    }
}

// case: the break of an inner loop
fn inner_break() {
    loop {
//  ^^^^ loop
        for job in jobs() {
            if job.is_last() {
                break;
            }
        }
        while let Some(job) = next() {
            break;
        }
        loop {
            break;
        }
    }
}

// case: an inner loop that leaves the outer one by its label
fn labelled_break() {
    'jobs: loop {
        loop {
            break 'jobs;
        }
    }
}

// case: an inner loop that goes on with the outer one
fn labelled_continue() {
    'jobs: loop {
//         ^^^^ loop
        loop {
            if work() {
                continue 'jobs;
            }
        }
    }
}

// case: continue goes on
fn with_continue() {
    'jobs: loop {
//         ^^^^ loop
        if work() {
            continue;
        }
        continue 'jobs;
    }
}

// case: a labelled block inside is not outside
fn block_inside() {
    loop {
//  ^^^^ loop
        'job: {
            if work() {
                break 'job;
            }
        }
    }
}

// case: a labelled block around it
fn block_around() {
    'all: {
        loop {
            break 'all;
        }
    }
}

// case: an inner label that is called like the outer one
fn same_label() {
    'jobs: loop {
//         ^^^^ loop
        'jobs: for job in jobs() {
            break 'jobs;
        }
    }
}

// case: the return of a closure
fn return_of_a_closure() {
    loop {
//  ^^^^ loop
        jobs().for_each(|job| return);
        let tried = || -> Result<(), Error> { Ok(work()?) };
    }
}

// case: the question mark of an async block
async fn question_mark_of_a_block() {
    loop {
//  ^^^^ loop
        let job = async { work().await? };
        job.await.ok();
    }
}

// case: the return of a function inside
fn return_of_a_function() {
    loop {
//  ^^^^ loop
        fn inner() -> u8 {
            return 1;
        }
        work(inner());
    }
}

// case: the outer loop ends, the inner one does not
fn inner_without() {
    loop {
        if work() {
            break;
        }
        loop {
//      ^^^^ loop
            work();
        }
    }
}

// case: loops that have a condition or an iterator
fn others() {
    while work() {}
    while let Some(job) = next() {
        work(job);
    }
    for job in jobs() {
        work(job);
    }
    while running.load(Ordering::Acquire) {
        work();
    }
    while false {
        work();
    }
}

// case: in an async block, in a closure, in main
fn main() {
    let task = async {
        loop {
//      ^^^^ loop
            work().await;
        }
    };
    let thread = move || loop {
//                       ^^^^ loop
        work();
    };
    loop {
//  ^^^^ loop
        work();
    }
}

// case: in a spawned task
fn spawned() {
    let handle = tokio::spawn(async move {
        loop {
//      ^^^^ loop
            work().await;
        }
    });
}

// case: words of the language as raw identifiers
fn raw() {
    loop {
//  ^^^^ loop
        r#return();
        r#break(r#loop);
    }
}
