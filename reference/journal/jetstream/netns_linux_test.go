package jetstream

import (
	"fmt"
	"os"
	"os/exec"
	"strings"
	"testing"
)

// network is where the nodes of a fault test are. With root's rights each is in
// a network namespace of its own, on a bridge in one more, and a node is cut off
// by taking it off the bridge: its packets vanish. Without them all are on the
// loopback device, and nothing can be cut off.
type network struct {
	apart bool
	id    string
}

func newNetwork(t *testing.T) *network {
	n := &network{id: fmt.Sprintf("tl%d", os.Getpid())}
	t.Cleanup(func() {
		for _, ns := range []string{"1", "2", "3", "h"} {
			exec.Command("ip", "netns", "del", n.id+ns).Run()
		}
	})
	steps := [][]string{{"netns", "add", n.id + "h"}, {"-n", n.id + "h", "link", "add", "name", "sw0", "type", "bridge"}, {"-n", n.id + "h", "link", "set", "sw0", "up"}}
	for i := 1; i <= 3; i++ {
		ns, port := fmt.Sprint(n.id, i), fmt.Sprint("p", i)
		steps = append(steps, [][]string{
			{"netns", "add", ns}, {"-n", ns, "link", "set", "lo", "up"},
			{"-n", n.id + "h", "link", "add", port, "type", "veth", "peer", "name", "e", "netns", ns},
			{"-n", n.id + "h", "link", "set", port, "master", "sw0", "up"},
			{"-n", ns, "addr", "add", n.host(i) + "/24", "dev", "e"}, {"-n", ns, "link", "set", "e", "up"},
		}...)
	}
	for _, s := range steps {
		if out, err := exec.Command("ip", s...).CombinedOutput(); err != nil {
			t.Logf("no network namespaces (ip %s: %v %s): the nodes are on loopback, and no partition is tried", strings.Join(s, " "), err, out)
			return n
		}
	}
	n.apart = true
	t.Log("each node is in a network namespace of its own")
	return n
}

// host is node i's address, from 1.
func (n *network) host(i int) string { return fmt.Sprintf("10.77.0.%d", i) }

// command runs this test program as node i.
func (n *network) command(i int) *exec.Cmd {
	if n.apart {
		return exec.Command("ip", "netns", "exec", fmt.Sprint(n.id, i), os.Args[0])
	}
	return exec.Command(os.Args[0])
}

func (n *network) cut(i int) error { return n.port(i, "nomaster") }

func (n *network) heal(i int) error { return n.port(i, "master", "sw0") }

func (n *network) port(i int, what ...string) error {
	args := append([]string{"-n", n.id + "h", "link", "set", fmt.Sprint("p", i)}, what...)
	if out, err := exec.Command("ip", args...).CombinedOutput(); err != nil {
		return fmt.Errorf("ip %s: %w: %s", strings.Join(args, " "), err, out)
	}
	return nil
}
