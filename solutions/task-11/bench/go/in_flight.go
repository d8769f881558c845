// Package inflight counts what is in flight, and waits until nothing has been in flight for a while: the usual Go
// version, to measure beside.
package inflight

import (
	"context"
	"sync/atomic"
	"time"
)

// InFlight has arrivals in the upper half of its state, and what is in flight in the lower half.
type InFlight struct {
	state   atomic.Uint64
	waiting atomic.Int32
	zero    chan struct{}
}

func New() *InFlight { return &InFlight{zero: make(chan struct{}, 1)} }

func (f *InFlight) Enter() { f.state.Add(1<<32 | 1) }

func (f *InFlight) Exit() {
	if uint32(f.state.Add(^uint64(0))) == 0 && f.waiting.Load() != 0 {
		select {
		case f.zero <- struct{}{}:
		default:
		}
	}
}

// WaitIdle is for one who waits at a time.
func (f *InFlight) WaitIdle(ctx context.Context, quiet time.Duration) error {
	f.waiting.Add(1)
	defer f.waiting.Add(-1)
	timer := time.NewTimer(quiet)
	defer timer.Stop()
	for {
		seen := f.state.Load()
		var over <-chan time.Time
		if uint32(seen) == 0 {
			timer.Reset(quiet)
			over = timer.C
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-f.zero:
		case <-over:
			if f.state.Load() == seen {
				return nil
			}
		}
	}
}
