package sandbox

import "os/exec"

// confine prepares a child's process.
func confine(*exec.Cmd) {}
