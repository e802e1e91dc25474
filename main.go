// Command tierlab replays LLM-agent workloads over device, metro, regional and
// central tiers and says what each routing policy does to latency, cost and
// success. README.md is the way in.
package main

import (
	"context"
	"os"
	"os/signal"
	"syscall"

	"tierlab/internal/cli"
	"tierlab/reference/sandbox"
)

func main() {
	sandbox.Child()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	// After the first signal the default action is back: a second ctrl-C ends
	// the process at once.
	context.AfterFunc(ctx, stop)
	code := cli.Main(ctx, os.Args[1:], cli.System())
	stop()
	os.Exit(code)
}
