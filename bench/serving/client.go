package serving

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"tierlab/bench/shapes"
	"tierlab/bench/target"
	"tierlab/internal/rng"
)

// client is one load's side of the wire.
type client struct {
	server *Server
	start  time.Time
	salt   uint64 // of its contents
}

// answer is a request's with what is known of it beforehand.
type answer struct {
	target.Answer
	prompt  int
	due     time.Duration
	turn    int // of a session; 0: of none
	refused bool
}

// tokens are n ids that only the same number of this client has.
func (c *client) tokens(number uint64, n int) []int32 {
	draws := rng.New(c.salt, 0).For(rng.Content).Fold(number)
	ids := make([]int32, n)
	for i := range ids {
		ids[i] = int32(draws.Fold(uint64(i)).IntN(c.server.Vocab))
	}
	return ids
}

// call sends a prompt and waits for the answer's end. A full queue is no error.
func (c *client) call(ctx context.Context, prompt []int32, output int, session string) (answer, error) {
	due := time.Since(c.start)
	a, err := c.server.Target.Do(ctx, c.start, &target.Call{Prompt: prompt, MaxTokens: output, Session: session, Extended: true})
	var status *target.StatusError
	switch {
	case errors.As(err, &status) && status.Status == http.StatusTooManyRequests:
		return answer{Answer: a, prompt: len(prompt), due: due, refused: true}, nil
	case err != nil:
		return answer{}, err
	case a.Output != output:
		return answer{}, fmt.Errorf("%d of %d tokens came", a.Output, output)
	}
	return answer{Answer: a, prompt: len(prompt), due: due}, nil
}

// each runs f for 0 to n-1, so many at once, and returns the first error, after
// which no more are begun.
func each(ctx context.Context, n, atOnce int, f func(ctx context.Context, i int) error) error {
	ctx, stop := context.WithCancelCause(ctx)
	defer stop(nil)
	var next atomic.Int64
	var group sync.WaitGroup
	for range min(n, atOnce) {
		group.Go(func() {
			for i := int(next.Add(1)) - 1; i < n && ctx.Err() == nil; i = int(next.Add(1)) - 1 {
				if err := f(ctx, i); err != nil {
					stop(err)
				}
			}
		})
	}
	group.Wait()
	return context.Cause(ctx)
}

// closed is the load of requests that follow each other.
func closed(ctx context.Context, c *client, s shapes.Shape) ([]answer, error) {
	lengths, err := ShareGPT()
	if err != nil {
		return nil, err
	}
	answers := make([]answer, s.N)
	err = each(ctx, s.N, s.Beside, func(ctx context.Context, i int) (err error) {
		l := lengths[i%len(lengths)].scaled(s.Scale)
		answers[i], err = c.call(ctx, c.tokens(uint64(i), l.Prompt), l.Output, "")
		if err == nil && answers[i].refused {
			err = fmt.Errorf("the queue is full with %d requests at once", s.Beside)
		}
		return err
	})
	return answers, err
}

// open is the load of requests that come whatever the server does.
func open(ctx context.Context, c *client, s shapes.Shape) ([]answer, error) {
	lengths, err := mixed(s.N)
	if err != nil {
		return nil, err
	}
	draws := rng.New(loadSeed, 0).For(rng.Arrival)
	due := make([]time.Duration, s.N)
	prompts := make([][]int32, s.N) // made before, so that making them is no lag
	at := 0.0
	for i := range due {
		at += draws.Fold(uint64(i)).Exp(1 / s.Rate)
		due[i] = time.Duration(at * float64(time.Second))
		lengths[i] = lengths[i].scaled(s.Scale)
		prompts[i] = c.tokens(uint64(i), lengths[i].Prompt)
	}
	begun := time.Since(c.start)
	answers := make([]answer, s.N)
	err = each(ctx, s.N, s.N, func(ctx context.Context, i int) (err error) {
		select {
		case <-time.After(begun + due[i] - time.Since(c.start)):
		case <-ctx.Done():
			return nil
		}
		answers[i], err = c.call(ctx, prompts[i], lengths[i].Output, "")
		answers[i].due = begun + due[i]
		return err
	})
	return answers, err
}

// loadSeed names the draws of an open load, which are the same in every run.
const loadSeed = 1

// mixed are the lengths of an open load.
func mixed(n int) ([]Lengths, error) {
	list, err := ShareGPT()
	if err != nil {
		return nil, err
	}
	draws := rng.New(loadSeed, 0).For(rng.Generate)
	all := make([]Lengths, n)
	for i := range all {
		switch u := draws.Fold(uint64(i)).Uniform(); {
		case u < 0.7:
			all[i] = list[i%len(list)]
		case u < 0.9:
			all[i] = Lengths{2048, 128}
		default:
			all[i] = Lengths{8192, 256}
		}
	}
	return all, nil
}

// agentic is the load of sessions with several turns.
func agentic(ctx context.Context, c *client, s shapes.Shape) ([]answer, error) {
	first, later := Lengths{4096, 128}.scaled(s.Scale), Lengths{1024, 128}.scaled(s.Scale)
	answers := make([]answer, s.N*s.Turns)
	err := each(ctx, s.N, s.Beside, func(ctx context.Context, i int) error {
		var prompt []int32
		l := first
		for turn := range s.Turns {
			number := i*s.Turns + turn
			prompt = append(prompt, c.tokens(uint64(number), l.Prompt)...)
			a, err := c.call(ctx, prompt, l.Output, fmt.Sprintf("%d-%d", c.salt, i))
			switch {
			case err != nil:
				return err
			case a.refused:
				return fmt.Errorf("the queue is full with %d sessions at once", s.Beside)
			case len(a.Tokens) != l.Output:
				return errors.New("the server does not return token ids, which the next turn begins with")
			}
			a.turn = turn + 1
			answers[number] = a
			prompt = append(prompt, a.Tokens...)
			l = later
		}
		return nil
	})
	return answers, err
}

// turns sums answers up by the turn's number; nil where there are none.
func turns(answers []answer) []shapes.Turn {
	last := 0
	for _, a := range answers {
		last = max(last, a.turn)
	}
	var all []shapes.Turn
	for turn := 1; turn <= last; turn++ {
		var ttft []float64
		prompt, cached := 0, 0
		for _, a := range answers {
			if a.turn == turn {
				ttft = append(ttft, millis(a.First-a.Sent))
				prompt, cached = prompt+a.prompt, cached+a.Cached
			}
		}
		all = append(all, shapes.Turn{Turn: turn, TTFT: shapes.SpreadOf(ttft), CachedShare: float64(cached) / float64(prompt)})
	}
	return all
}

// atOnce is the most requests that were under way at one time.
func atOnce(answers []answer) int {
	type change struct {
		at time.Duration
		by int
	}
	var changes []change
	for _, a := range answers {
		if !a.refused {
			changes = append(changes, change{a.Sent, 1}, change{a.Done, -1})
		}
	}
	slices.SortFunc(changes, func(a, b change) int {
		if a.at != b.at {
			return int(max(-1, min(1, a.at-b.at)))
		}
		return a.by - b.by
	})
	now, most := 0, 0
	for _, c := range changes {
		now += c.by
		most = max(most, now)
	}
	return most
}
