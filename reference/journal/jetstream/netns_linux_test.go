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
// loopback device, with proxies between them.
type network struct {
	apart   bool
	id      string
	ports   []int
	proxies *proxies
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
	if os.Getenv("TIERLAB_FAULT_LOOPBACK") == "1" {
		steps = [][]string{{"TIERLAB_FAULT_LOOPBACK=1"}}
	}
	for _, s := range steps {
		if out, err := exec.Command("ip", s...).CombinedOutput(); err != nil {
			t.Logf("no network namespaces (ip %s: %v %s): the nodes are on loopback, with TCP proxies between them", strings.Join(s, " "), err, out)
			n.ports = freePorts(t, 3)
			n.proxies = newProxies(t, n.ports)
			return n
		}
	}
	n.apart = true
	t.Log("each node is in a network namespace of its own")
	return n
}

// host is node i's address, from 1, in namespaces.
func (n *network) host(i int) string { return fmt.Sprintf("10.77.0.%d", i) }

// place is where node i listens for routes, and where it finds the others.
func (n *network) place(i int) (host string, port int, routes []string) {
	for to := 1; to <= 3; to++ {
		switch {
		case to == i:
		case n.apart:
			routes = append(routes, n.host(to)+":6222")
		default:
			routes = append(routes, fmt.Sprintf("127.0.0.1:%d", n.proxies.ports[[2]int{i, to}]))
		}
	}
	if n.apart {
		return n.host(i), 6222, routes
	}
	return "127.0.0.1", n.ports[i-1], routes
}

// command runs this test program as node i.
func (n *network) command(i int) *exec.Cmd {
	if n.apart {
		return exec.Command("ip", "netns", "exec", fmt.Sprint(n.id, i), os.Args[0])
	}
	return exec.Command(os.Args[0])
}

func (n *network) cut(i int) error {
	if !n.apart {
		n.proxies.set(i, true)
		return nil
	}
	return n.port(i, "nomaster")
}

func (n *network) heal(i int) error {
	if !n.apart {
		n.proxies.set(i, false)
		return nil
	}
	return n.port(i, "master", "sw0")
}

func (n *network) port(i int, what ...string) error {
	args := append([]string{"-n", n.id + "h", "link", "set", fmt.Sprint("p", i)}, what...)
	if out, err := exec.Command("ip", args...).CombinedOutput(); err != nil {
		return fmt.Errorf("ip %s: %w: %s", strings.Join(args, " "), err, out)
	}
	return nil
}
