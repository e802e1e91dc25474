//go:build !unix

package mcp

import "os/exec"

func ownGroup(*exec.Cmd) {}

func kill(c *exec.Cmd) { _ = c.Process.Kill() }
