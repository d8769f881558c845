// An HTTP server in Go: no handler, Shutdown that is waited for, or Shutdown that is not.
package main

import (
	"context"
	"io"
	"net/http"
	"os"
	"os/signal"
	"syscall"
	"time"
)

func main() {
	http.HandleFunc("/slow", func(w http.ResponseWriter, r *http.Request) {
		time.Sleep(time.Second)
		io.WriteString(w, "the answer\n")
	})
	server := &http.Server{Addr: os.Args[1] + ":8080"}
	if os.Args[2] == "none" {
		server.ListenAndServe()
		return
	}
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM)
	defer stop()
	shutDown := make(chan struct{})
	go func() {
		<-ctx.Done()
		server.Shutdown(context.Background())
		close(shutDown)
	}()
	// It returns when Shutdown begins, not when it is over.
	server.ListenAndServe()
	if os.Args[2] == "shutdown" {
		<-shutDown
	}
}
