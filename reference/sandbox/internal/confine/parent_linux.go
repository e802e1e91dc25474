package confine

import (
	"fmt"
	"os"
	"os/exec"
	"syscall"

	"golang.org/x/sys/unix"
)

// nobody is the user and group that a child is, as its own namespace or the
// machine counts: the kernel's own number for an identity that means nothing.
const nobody = 65534

const newNamespaces = unix.CLONE_NEWUSER | unix.CLONE_NEWPID | unix.CLONE_NEWNET |
	unix.CLONE_NEWIPC | unix.CLONE_NEWUTS | unix.CLONE_NEWNS | unix.CLONE_NEWCGROUP

// Plan is how children are started: what Prepare found out.
type Plan struct {
	// Config is what the child hands to Apply.
	Config Config
	attr   syscall.SysProcAttr
	// namespaces says what became of the layer, for a report without a child.
	namespaces Outcome
}

// Prepare finds out once what the kernel grants a child of this process. It fails
// where c requires namespaces that cannot be had; what a child can only find out
// itself, Apply says.
func Prepare(c Config) (*Plan, error) {
	p := &Plan{Config: c, attr: syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}}
	p.namespaces = p.prepareNamespaces()
	if err := c.missing(p.namespaces); err != nil {
		return nil, err
	}
	return p, nil
}

// Command makes cmd start as p says: in the root folder, in namespaces of its
// own and with no more of an environment than cmd names. Pdeathsig kills the child when the thread
// that started it ends, so it must not be started from a goroutine that ends
// locked to its thread.
func (p *Plan) Command(cmd *exec.Cmd) {
	if cmd.Env == nil {
		cmd.Env = []string{}
	}
	cmd.Dir = "/"
	attr := p.attr
	cmd.SysProcAttr = &attr
}

// prepareNamespaces takes the first mapping of users that the kernel grants. A
// parent that is root keeps root in the new namespace until Apply, so that the
// binary can be executed wherever it lies, and maps nobody for Apply to become.
// Any other parent may map only itself; as the child's user is then not root, it
// has no capability from its first instruction on.
func (p *Plan) prepareNamespaces() Outcome {
	o := Outcome{Layer: Namespaces}
	if !p.Config.wants(Namespaces) {
		o.Detail = "left out"
		return o
	}
	var refused error
	for _, m := range mappings() {
		attr := p.attr
		attr.Cloneflags = newNamespaces
		attr.UidMappings, attr.GidMappings, attr.GidMappingsEnableSetgroups = m.users, m.groups, m.setgroups
		if refused = granted(&attr); refused == nil {
			p.attr = attr
			o.InForce, o.Detail = true, "user, pid, net, ipc, uts, mount, cgroup"
			return o
		}
	}
	o.Detail = fmt.Sprintf("the kernel refuses them: %v", refused)
	return o
}

// mapping is the users and groups of a new user namespace.
type mapping struct {
	users, groups []syscall.SysProcIDMap
	setgroups     bool
}

func mappings() (all []mapping) {
	uid, gid := os.Geteuid(), os.Getegid()
	if uid == 0 && gid == 0 {
		both := []syscall.SysProcIDMap{{ContainerID: 0, HostID: 0, Size: 1}, {ContainerID: nobody, HostID: nobody, Size: 1}}
		all = append(all, mapping{both, both, true})
	}
	return append(all, mapping{
		users:  []syscall.SysProcIDMap{{ContainerID: nobody, HostID: uid, Size: 1}},
		groups: []syscall.SysProcIDMap{{ContainerID: nobody, HostID: gid, Size: 1}},
	})
}

// granted starts a child with attr as far as the execution of a program whose
// name is empty: that this is what fails means that all before it was granted.
func granted(attr *syscall.SysProcAttr) error {
	pid, err := syscall.ForkExec("", []string{""}, &syscall.ProcAttr{Env: []string{}, Sys: attr})
	switch {
	case err == syscall.ENOENT:
		return nil
	case err == nil:
		return fmt.Errorf("process %d was started from an empty name", pid)
	}
	return err
}
