package confine

import (
	"fmt"
	"os"
	"time"
)

// Apply gives up what c says, in the calling process and all its threads, for
// good. It is called when the process has opened, compiled and read all that it
// needs. An error means that the process must end: a required layer is missing,
// or a step failed half way.
func Apply(c Config) (Report, error) {
	var r Report
	startPoller()
	size := addressSpace()
	for _, l := range []struct {
		layer Layer
		apply func(*Config) (string, error)
	}{
		{Namespaces, inNamespaces},
		{Identity, giveUpIdentity},
		{NoNewPrivs, refusePrivileges},
		{Undumpable, becomeUndumpable},
		{Landlock, forbidPaths},
		{Rlimits, func(c *Config) (string, error) { return limitResources(c, size) }},
		{Seccomp, filterSystemCalls},
	} {
		o := Outcome{Layer: l.layer, Detail: "left out"}
		if c.wants(l.layer) {
			detail, err := l.apply(&c)
			o.InForce, o.Detail = err == nil, detail
			if err != nil {
				o.Detail = err.Error()
			}
		}
		r = append(r, o)
		if err := c.missing(o); err != nil {
			return r, err
		}
	}
	return r, nil
}

// inNamespaces looks whether this process is the first of a pid namespace, which
// it is only in those that its parent made.
func inNamespaces(*Config) (string, error) {
	if pid := os.Getpid(); pid != 1 {
		return "", fmt.Errorf("this process is number %d of its parent's namespace", pid)
	}
	return "user, pid, net, ipc, uts, mount, cgroup", nil
}

// startPoller makes Go's runtime open the descriptors of its poller, which it
// does for the first timer: later it could not.
func startPoller() { time.AfterFunc(time.Hour, func() {}).Stop() }

// addressSpace is how much of it the process has taken, in bytes; 0 where the
// system does not say. Go reserves hundreds of MiB that it never uses.
func addressSpace() uint64 {
	text, err := os.ReadFile("/proc/self/statm")
	if err != nil {
		return 0
	}
	var pages uint64
	if _, err := fmt.Sscan(string(text), &pages); err != nil {
		return 0
	}
	return pages * uint64(os.Getpagesize())
}
