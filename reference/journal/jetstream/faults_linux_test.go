package jetstream

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"
)

// roundSessions are the sessions of a round, a third of them on each node.
const roundSessions = 9

// bars are the longest gaps that a fault may make, and the disturbance of its
// end at most as long.
var bars = map[string]time.Duration{"leave": 2 * time.Second, "kill": 12 * time.Second, "pause": 12 * time.Second, "partition": 12 * time.Second}

// TestFaults kills, pauses, cuts off and stops one of three node processes under
// load, round after round, and checks each round's history: one owner at a time,
// nothing that was acknowledged is lost, order kept. It prints for how long
// sessions could not be written.
//
// TIERLAB_FAULTS=1 runs it, TIERLAB_FAULT_ROUNDS says how many rounds of each
// fault (30), TIERLAB_FAULT_KINDS which (leave,kill,pause,partition), and
// TIERLAB_FAULT_LOOPBACK=1 puts the nodes on loopback whatever rights there are.
func TestFaults(t *testing.T) {
	if os.Getenv("TIERLAB_FAULTS") != "1" {
		t.Skip("takes half an hour: TIERLAB_FAULTS=1 runs it")
	}
	rounds := 30
	if s := os.Getenv("TIERLAB_FAULT_ROUNDS"); s != "" {
		n, err := strconv.Atoi(s)
		if err != nil || n < 1 {
			t.Fatalf("TIERLAB_FAULT_ROUNDS is %q: want a number from 1", s)
		}
		rounds = n
	}
	kinds := []string{"leave", "kill", "pause", "partition"}
	if s := os.Getenv("TIERLAB_FAULT_KINDS"); s != "" {
		kinds = strings.Split(s, ",")
	}
	f := startNodes(t)
	for _, kind := range kinds {
		if bars[kind] == 0 {
			t.Fatalf("TIERLAB_FAULT_KINDS names %q: want leave, kill, pause or partition", kind)
		}
		for r := range rounds {
			f.round(kind, r)
		}
	}
	f.table(kinds)
}

// nodes are the processes of a fault test.
type nodes struct {
	*testing.T
	net   *network
	list  []*node
	lines []line // of this round
	gaps  map[string][]time.Duration
	waits []time.Duration // how long acknowledged appends took before faults
	// healed is how long it took from a fault's end until all replicas were whole.
	healed map[string][]time.Duration
	ops    int
}

// node is one process.
type node struct {
	config  nodeConfig
	cmd     *exec.Cmd
	in      io.WriteCloser
	out     *bufio.Scanner
	history int // bytes read
}

func startNodes(t *testing.T) *nodes {
	f := &nodes{T: t, net: newNetwork(t), gaps: map[string][]time.Duration{}, healed: map[string][]time.Duration{}}
	dir := t.ArtifactDir() // kept if go test has -artifacts
	for i := 1; i <= 3; i++ {
		name := fmt.Sprint("n", i)
		host, port, routes := f.net.place(i)
		f.list = append(f.list, &node{config: nodeConfig{
			Name: name, Dir: filepath.Join(dir, name), Host: host, RoutePort: port, Routes: routes,
			History: filepath.Join(dir, name+".history"), Log: filepath.Join(dir, name+".log"), Every: 20 * time.Millisecond,
		}})
	}
	t.Cleanup(func() {
		for _, n := range f.list {
			n.cmd.Process.Kill()
			n.cmd.Wait()
		}
	})
	for i := range f.list {
		f.start(i)
	}
	for i := range f.list {
		f.expect(i, "ready")
	}
	return f
}

func (f *nodes) start(i int) {
	n := f.list[i]
	config, err := json.Marshal(n.config)
	if err != nil {
		f.Fatal(err)
	}
	n.config.Run++
	n.cmd = f.net.command(i + 1)
	n.cmd.Env = append(os.Environ(), nodeVariable+"="+string(config))
	n.cmd.Stderr = os.Stderr
	if n.in, err = n.cmd.StdinPipe(); err != nil {
		f.Fatal(err)
	}
	out, err := n.cmd.StdoutPipe()
	if err != nil {
		f.Fatal(err)
	}
	n.out = bufio.NewScanner(out)
	if err := n.cmd.Start(); err != nil {
		f.Fatal(err)
	}
}

// tell writes a line to a node, and expect reads one that begins with a word.
func (f *nodes) tell(i int, words ...string) {
	fmt.Fprintln(f.list[i].in, strings.Join(words, " "))
}

func (f *nodes) expect(i int, word string) string {
	f.Helper()
	n := f.list[i]
	if !n.out.Scan() {
		log, _ := os.ReadFile(n.config.Log)
		f.Fatalf("node %d ended where %q was expected; its server's log ends:\n%s", i+1, word, log[max(0, len(log)-3000):])
	}
	rest, ok := strings.CutPrefix(n.out.Text(), word)
	if !ok {
		f.Fatalf("node %d says %q, want %q", i+1, n.out.Text(), word)
	}
	return strings.TrimSpace(rest)
}

// leads is the node that leads the stream, or -1, and how many of the others
// have all of it.
func (f *nodes) leads() (leader, current int) {
	f.tell(0, "leader")
	word := strings.Fields(f.expect(0, "leader"))
	current, _ = strconv.Atoi(word[1])
	return slices.IndexFunc(f.list, func(n *node) bool { return n.config.Name == word[0] }), current
}

// whole waits until all replicas have all of the stream again. Before that, one
// more fault would be one too many.
func (f *nodes) whole(what string, since time.Duration) time.Duration {
	for range 2 * 60 * 10 {
		if _, current := f.leads(); current == len(f.list)-1 {
			return monotonic() - since
		}
		time.Sleep(100 * time.Millisecond)
	}
	f.Fatalf("%s: two minutes after, not all replicas have all of the stream", what)
	return 0
}

// take reads what the nodes have added to their histories.
func (f *nodes) take() {
	for _, n := range f.list {
		file, err := os.Open(n.config.History)
		if err != nil {
			continue
		}
		file.Seek(int64(n.history), io.SeekStart)
		data, err := io.ReadAll(file)
		file.Close()
		lines, size, perr := parse(data)
		if err != nil || perr != nil {
			f.Fatal(err, perr)
		}
		n.history += size
		f.lines = append(f.lines, lines...)
	}
}

// flowing waits until every session has been written after a time, and says
// which have not been if that takes too long.
func (f *nodes) flowing(what string, sessions []string, after time.Duration) {
	f.Helper()
	const most = 60 * time.Second
	for {
		f.take()
		seen := map[string]bool{}
		call := map[string]string{}
		for _, l := range f.lines {
			key := fmt.Sprint(l.Node, l.ID)
			if l.Op == opAppend && l.At > after {
				call[key] = l.Session
			}
			if l.Out == outOK {
				seen[call[key]] = true
			}
		}
		missing := slices.DeleteFunc(slices.Clone(sessions), func(s string) bool { return seen[s] })
		if len(missing) == 0 {
			return
		}
		if monotonic()-after > most {
			f.Fatalf("%s: %v after, nobody writes to %v", what, most, missing)
		}
		time.Sleep(50 * time.Millisecond)
	}
}

// returned waits until a node has read something after a time.
func (f *nodes) returned(i int, after time.Duration) {
	for until := after + time.Minute; monotonic() < until; time.Sleep(50 * time.Millisecond) {
		f.take()
		for _, l := range f.lines {
			if l.Node == f.list[i].config.Name && l.Op == opRead && l.At > after {
				return
			}
		}
	}
	f.Fatalf("node %d does not come back", i+1)
}

// round makes one fault and ends it again.
func (f *nodes) round(kind string, r int) {
	prefix := fmt.Sprintf("%s-%d-", kind, r)
	sessions := names(prefix, roundSessions)
	f.lines = nil
	begun := monotonic()
	for i := range f.list {
		var mine []string
		for k := i; k < len(sessions); k += len(f.list) {
			mine = append(mine, sessions[k])
		}
		f.tell(i, append([]string{"round", prefix}, mine...)...)
		f.expect(i, "done")
	}
	f.flowing(prefix+": begin", sessions, begun)
	time.Sleep(time.Duration(500+rand.IntN(500)) * time.Millisecond)
	// Every other fault is the leader's, which it hits hardest.
	victim := rand.IntN(len(f.list))
	leader, _ := f.leads()
	if r%2 == 0 && leader >= 0 {
		victim = leader
	}
	f.Logf("%s %d: node %d at %v", kind, r, victim+1, time.Now().UTC().Format(time.RFC3339Nano))
	fault := monotonic()
	f.inject(kind, victim)
	f.flowing(fmt.Sprintf("%s of node %d", prefix, victim+1), sessions, fault+100*time.Millisecond)
	time.Sleep(500 * time.Millisecond)
	end := monotonic()
	f.undo(kind, victim, prefix)
	f.returned(victim, end)
	f.flowing(fmt.Sprintf("%s: return of node %d", prefix, victim+1), sessions, end)
	f.healed[kind] = append(f.healed[kind], f.whole(prefix+": end", end))
	time.Sleep(time.Second)
	f.flowing(prefix+": end", sessions, monotonic())
	over := monotonic()
	for i := range f.list {
		f.tell(i, append([]string{"rest"}, sessions...)...)
	}
	for i := range f.list {
		f.expect(i, "done")
	}
	f.take()
	f.judge(kind, r, victim == leader, sessions, fault, end, over)
}

func (f *nodes) inject(kind string, victim int) {
	n := f.list[victim]
	var err error
	switch kind {
	case "leave":
		f.tell(victim, "leave")
	case "kill":
		err = n.cmd.Process.Kill()
		n.cmd.Wait()
	case "pause":
		err = n.cmd.Process.Signal(syscall.SIGSTOP)
	case "partition":
		err = f.net.cut(victim + 1)
	}
	if err != nil {
		f.Fatal(err)
	}
}

func (f *nodes) undo(kind string, victim int, prefix string) {
	n := f.list[victim]
	var err error
	switch kind {
	case "leave", "kill":
		if kind == "leave" {
			f.expect(victim, "left")
			n.cmd.Wait()
		}
		f.start(victim)
		f.expect(victim, "ready")
		f.tell(victim, "round", prefix)
		f.expect(victim, "done")
	case "pause":
		err = n.cmd.Process.Signal(syscall.SIGCONT)
	case "partition":
		err = f.net.heal(victim + 1)
	}
	if err != nil {
		f.Fatal(err)
	}
}
