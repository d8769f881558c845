package inflight

import (
	"context"
	"sync"
	"testing"
	"time"
)

func pairs(b *testing.B, f *InFlight, tasks int) {
	b.ResetTimer()
	var all sync.WaitGroup
	for range tasks {
		all.Go(func() {
			for range b.N / tasks {
				f.Enter()
				f.Exit()
			}
		})
	}
	all.Wait()
}

func BenchmarkOneTask(b *testing.B)   { pairs(b, New(), 1) }
func BenchmarkFourTasks(b *testing.B) { pairs(b, New(), 4) }

func BenchmarkFourTasksWhileSomebodyWaits(b *testing.B) {
	f := New()
	ctx, cancel := context.WithCancel(context.Background())
	var waiter sync.WaitGroup
	waiter.Go(func() { _ = f.WaitIdle(ctx, time.Hour) })
	time.Sleep(time.Millisecond)
	pairs(b, f, 4)
	b.StopTimer()
	cancel()
	waiter.Wait()
}
