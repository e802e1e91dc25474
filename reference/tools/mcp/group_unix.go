//go:build unix

package mcp

import (
	"os/exec"
	"syscall"
)

// ownGroup has a server's children end with it, and keeps a terminal's
// interrupt, which is meant for us, from it.
func ownGroup(c *exec.Cmd) { c.SysProcAttr = &syscall.SysProcAttr{Setpgid: true} }

func kill(c *exec.Cmd) { _ = syscall.Kill(-c.Process.Pid, syscall.SIGKILL) }
