//! The reference pool beside an unbounded one and a naive one: jobs a second, and two drains.

use std::sync::Arc;
use std::time::{Duration, Instant};

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use task_02_bench::{Naive, Unbounded};
use task_02_solution::Pool;
use tokio::runtime::Runtime;
use tokio::sync::Semaphore;

const WORKERS: usize = 4;
const QUEUE: usize = 1_024;
const PRODUCERS: usize = 4;
const JOBS: usize = 100_000;

fn far() -> tokio::time::Instant {
    tokio::time::Instant::now() + Duration::from_secs(60)
}

/// Four producers hand in all jobs, then everything is finished.
fn throughput(criterion: &mut Criterion, runtime: &Runtime) {
    let mut group = criterion.benchmark_group("jobs");
    group.throughput(Throughput::Elements(JOBS as u64)).sample_size(10);
    group.bench_function("reference", |bencher| {
        bencher.iter(|| {
            runtime.block_on(async {
                let pool = Arc::new(Pool::start(WORKERS, QUEUE));
                let producers: Vec<_> = (0..PRODUCERS)
                    .map(|_| {
                        let pool = pool.clone();
                        tokio::spawn(async move {
                            for _ in 0..JOBS / PRODUCERS {
                                pool.submit(async {}).await.expect("the pool is open");
                            }
                        })
                    })
                    .collect();
                for producer in producers {
                    producer.await.expect("a producer does not panic");
                }
                pool.drain(far()).await.expect("nothing takes long");
            });
        });
    });
    group.bench_function("unbounded, no drain", |bencher| {
        bencher.iter(|| {
            runtime.block_on(async {
                let pool = Arc::new(Unbounded::start(WORKERS));
                let producers: Vec<_> = (0..PRODUCERS)
                    .map(|_| {
                        let pool = pool.clone();
                        tokio::spawn(
                            async move { (0..JOBS / PRODUCERS).for_each(|n| pool.submit(n, async {})) },
                        )
                    })
                    .collect();
                for producer in producers {
                    producer.await.expect("a producer does not panic");
                }
                Arc::into_inner(pool).expect("the producers are gone").finish().await;
            });
        });
    });
    group.bench_function("naive", |bencher| {
        bencher.iter(|| {
            runtime.block_on(async {
                let pool = Naive::start(WORKERS, QUEUE);
                let producers: Vec<_> = (0..PRODUCERS)
                    .map(|_| {
                        let sender = pool.sender();
                        tokio::spawn(async move {
                            for _ in 0..JOBS / PRODUCERS {
                                sender.send(Box::pin(async {})).await.expect("the workers run");
                            }
                        })
                    })
                    .collect();
                for producer in producers {
                    producer.await.expect("a producer does not panic");
                }
                pool.finish().await;
            });
        });
    });
    group.finish();
}

/// From the signal to the end: workers are held at a gate with a full queue behind them.
fn drain_full(criterion: &mut Criterion, runtime: &Runtime) {
    let mut group = criterion.benchmark_group("drain, full queue");
    group.sample_size(20);
    group.bench_function("reference", |bencher| {
        bencher.iter_custom(|times| (0..times).map(|_| runtime.block_on(reference_full())).sum());
    });
    group.bench_function("naive", |bencher| {
        bencher.iter_custom(|times| (0..times).map(|_| runtime.block_on(naive_full())).sum());
    });
    group.finish();
}

async fn reference_full() -> Duration {
    let gate = Arc::new(Semaphore::new(0));
    let pool = Pool::start(WORKERS, QUEUE);
    for _ in 0..WORKERS + QUEUE {
        pool.submit(held(gate.clone())).await.expect("the pool is open");
    }
    let begun = Instant::now();
    gate.close();
    pool.drain(far()).await.expect("nothing takes long");
    begun.elapsed()
}

async fn naive_full() -> Duration {
    let gate = Arc::new(Semaphore::new(0));
    let pool = Naive::start(WORKERS, QUEUE);
    let sender = pool.sender();
    for _ in 0..WORKERS + QUEUE {
        sender.send(Box::pin(held(gate.clone()))).await.expect("the workers run");
    }
    drop(sender);
    let begun = Instant::now();
    gate.close();
    pool.finish().await;
    begun.elapsed()
}

async fn held(gate: Arc<Semaphore>) {
    // Waits until the gate is closed.
    let _ = gate.acquire().await;
}

/// A pool that has worked and has nothing to do any more.
fn drain_idle(criterion: &mut Criterion, runtime: &Runtime) {
    let mut group = criterion.benchmark_group("drain, idle");
    group.sample_size(20);
    group.bench_function("reference", |bencher| {
        bencher.iter_custom(|times| (0..times).map(|_| runtime.block_on(reference_idle())).sum());
    });
    group.bench_function("naive", |bencher| {
        bencher.iter_custom(|times| (0..times).map(|_| runtime.block_on(naive_idle())).sum());
    });
    group.finish();
}

async fn reference_idle() -> Duration {
    let pool = Pool::start(WORKERS, QUEUE);
    pool.submit(async {}).await.expect("the pool is open");
    tokio::time::sleep(Duration::from_millis(1)).await;
    let begun = Instant::now();
    pool.drain(far()).await.expect("nothing takes long");
    begun.elapsed()
}

async fn naive_idle() -> Duration {
    let pool = Naive::start(WORKERS, QUEUE);
    pool.sender().send(Box::pin(async {})).await.expect("the workers run");
    tokio::time::sleep(Duration::from_millis(1)).await;
    let begun = Instant::now();
    pool.finish().await;
    begun.elapsed()
}

fn pools(criterion: &mut Criterion) {
    let runtime = Runtime::new().expect("a runtime");
    throughput(criterion, &runtime);
    drain_full(criterion, &runtime);
    drain_idle(criterion, &runtime);
}

criterion_group!(benches, pools);
criterion_main!(benches);
