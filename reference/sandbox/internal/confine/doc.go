// Package confine takes from a process what a program that nobody trusts must
// not have. The parent prepares the start of a child (Prepare, Plan.Command); the
// child gives up the rest itself (Apply) once it has what it needs, before it
// reads the first byte of a program.
//
// Each Layer stands on its own, and a kernel or a container that lacks one
// leaves the others in force: a Report says which and why not, and only a layer
// that Config requires stops the start.
//
//   - Namespaces (by the parent): user, pid, net, ipc, uts, mount and cgroup
//     namespaces of the child's own, so that it sees no other process, no network and no System V
//     object. A parent that is root maps a second, powerless user for the child to
//     become.
//   - Identity: no capability, no group, and where the parent was root another user.
//   - NoNewPrivs: no program that it might start gains what it gave up.
//   - Undumpable: no other process of its user traces it, no core is written.
//   - Rlimits: not one more descriptor, no file longer than nothing, no core, no
//     locked page; as much data and processor time, and as many threads, as Config
//     says.
//   - Landlock: no path of the file system, no TCP port, no signal and no abstract
//     socket outside.
//   - Seccomp: an allow-list of system calls over all threads; at any other the
//     process ends, but for a few that libraries can do without and are refused.
//
// A child has of the environment and of the descriptors only what the parent
// lists, and dies with its parent.
//
// On systems other than Linux no layer is there, and the report says so: what is
// left is a process of its own, WebAssembly's isolation in it, and SIGKILL's
// counterpart.
package confine
