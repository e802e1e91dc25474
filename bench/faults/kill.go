package faults

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strconv"
	"time"

	"tierlab/internal/rng"
	"tierlab/reference/journal"
)

// Plan is one experiment.
type Plan struct {
	Rounds   int           // kills
	Live     int           // sessions at a time
	Think    time.Duration // of the model, a mean
	Up       time.Duration // of the process before it is killed, at most; the least is 0
	Seed     uint64
	Folder   string
	Command  func(c *Child) *exec.Cmd // starts a child that calls Child.Run
	Progress func(format string, args ...any)
}

// Tally is what an experiment saw.
type Tally struct {
	Sessions, Steps, Tools    int // of all journals
	Notices                   int
	Lost                      int // attempts that were under way at a kill
	Again, Unknown            int // calls asked for again, and those reported as unknown
	Kills                     int
	Downtime, Restart         time.Duration  // in sum
	Spent                     journal.Amount // as the sessions' records say
	Wrong                     []string       // what does not hold; empty: all does
	Disturbed, Undisturbed    time.Duration
	Deposits, DepositRequests int
	Rings                     int
}

// Kill runs the plan: rounds of kills, a last life to the end, and the same
// sessions once more without kills.
func Kill(ctx context.Context, p Plan) (*Tally, error) {
	t := new(Tally)
	disturbed, err := newOutside()
	if err != nil {
		return nil, err
	}
	defer disturbed.Close()
	c := &Child{Folder: p.Folder + "/killed", Outside: disturbed.address, Live: p.Live, Think: p.Think, Seed: p.Seed}
	start := time.Now()
	if err := p.rounds(ctx, c, t); err != nil {
		return nil, err
	}
	begun, err := begunSessions(ctx, c)
	if err != nil {
		return nil, err
	}
	if err := p.last(ctx, c, begun); err != nil {
		return nil, err
	}
	t.Disturbed = time.Since(start)

	calm, err := newOutside()
	if err != nil {
		return nil, err
	}
	defer calm.Close()
	u := &Child{Folder: p.Folder + "/calm", Outside: calm.address, Live: p.Live, Think: 0, Seed: p.Seed}
	start = time.Now()
	if err := p.last(ctx, u, begun); err != nil {
		return nil, err
	}
	t.Undisturbed = time.Since(start)
	return t, t.compare(ctx, c, u, disturbed, calm)
}

// rounds kills the child at random moments of its life, the first ones of its
// start included.
func (p *Plan) rounds(ctx context.Context, c *Child, t *Tally) error {
	for round := range p.Rounds {
		up := time.Duration(rng.New(p.Seed, 0).Fold(uint64(round)).Uniform() * float64(p.Up))
		cmd := p.Command(c)
		if err := cmd.Start(); err != nil {
			return err
		}
		ended := make(chan error, 1)
		go func() { ended <- cmd.Wait() }()
		select {
		case err := <-ended:
			return fmt.Errorf("faults: round %d: the child ended by itself: %w", round, err)
		case <-ctx.Done():
			cmd.Process.Kill()
			<-ended
			return ctx.Err()
		case <-time.After(up):
		}
		if err := cmd.Process.Kill(); err != nil {
			return err
		}
		<-ended
		t.Kills++
		if p.Progress != nil && round%20 == 19 {
			p.Progress("%d of %d kills", round+1, p.Rounds)
		}
	}
	return nil
}

// last lives until the first sessions have ended.
func (p *Plan) last(ctx context.Context, c *Child, sessions int) error {
	if err := os.MkdirAll(c.Folder, 0o755); err != nil {
		return err
	}
	if err := os.WriteFile(c.until(), []byte(strconv.Itoa(sessions)), 0o644); err != nil {
		return err
	}
	cmd := p.Command(c)
	if err := cmd.Start(); err != nil {
		return err
	}
	ended := make(chan error, 1)
	go func() { ended <- cmd.Wait() }()
	select {
	case err := <-ended:
		if err != nil {
			return fmt.Errorf("faults: the last life: %w", err)
		}
		return nil
	case <-ctx.Done():
		return errors.Join(ctx.Err(), cmd.Process.Kill(), <-ended)
	}
}
