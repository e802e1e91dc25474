package faults

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"strconv"
	"testing"
	"time"
)

// childVariable holds a Child in JSON: the process is one.
const childVariable = "TIERLAB_FAULTS_CHILD"

func TestMain(m *testing.M) {
	if text := os.Getenv(childVariable); text != "" {
		var c Child
		err := json.Unmarshal([]byte(text), &c)
		if err == nil {
			err = c.Run(context.Background())
		}
		if err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		return
	}
	os.Exit(m.Run())
}

func command(c *Child) *exec.Cmd {
	text, err := json.Marshal(c)
	if err != nil {
		panic(err) // of strings and numbers
	}
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), childVariable+"="+string(text))
	cmd.Stderr = os.Stderr
	return cmd
}

// TestKilledProcess kills a process with live sessions: a few times in every
// run, TIERLAB_FAULT_ROUNDS times (200) where TIERLAB_FAULTS is set.
func TestKilledProcess(t *testing.T) {
	p := Plan{
		Rounds: 5, Live: 8, Think: 5 * time.Millisecond, Up: 300 * time.Millisecond, Seed: 1,
		Folder: t.TempDir(), Command: command, Progress: t.Logf,
	}
	if os.Getenv("TIERLAB_FAULTS") != "" {
		p.Rounds, p.Live, p.Think, p.Up = 200, 64, 20*time.Millisecond, time.Second
		if n, err := strconv.Atoi(os.Getenv("TIERLAB_FAULT_ROUNDS")); err == nil && n > 0 {
			p.Rounds = n
		}
	}
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Minute)
	defer cancel()
	tally, err := Kill(ctx, p)
	if err != nil {
		t.Fatal(err)
	}
	for _, wrong := range tally.Wrong {
		t.Error(wrong)
	}
	t.Logf("%d kills under %d live sessions: %d sessions, %d steps, %d tool calls; %d notices received, %d attempts lost, "+
		"%d deposits of which %d were asked for again, %d rings, %d of unknown outcome; %.1f s, undisturbed %.1f s",
		tally.Kills, p.Live, tally.Sessions, tally.Steps, tally.Tools, tally.Notices, tally.Lost,
		tally.Deposits, tally.Again, tally.Rings, tally.Unknown, tally.Disturbed.Seconds(), tally.Undisturbed.Seconds())
	if tally.Steps == 0 || tally.Notices == 0 || tally.Deposits == 0 || tally.Kills != p.Rounds {
		t.Errorf("nothing was tested: %+v", *tally)
	}
}
