// Package cli is the command line of tierlab.
//
// # Commands
//
// A command is one file: an options struct, its flags bound to the struct, a
// validate method that needs nothing but the options, and a plain function
// run(ctx, options, Stdio) that a test can call without a command line. New
// builds the whole tree; nothing is registered from init functions and
// nothing is global.
//
// # Settings
//
// Every flag can also be set from outside the command line. In order of
// precedence: the flag, the environment, the configuration file, the default.
// A flag's key is its command's path and its name: --think-cap of tierlab
// replay is replay.think-cap in the file and TIERLAB_REPLAY_THINK_CAP in the
// environment; a flag that all commands share, such as --quiet, has its name
// alone as key. The file is the one that --config or TIERLAB_CONFIG names,
// else tierlab.yaml in the working directory when there is one. A key in the
// file that no command knows is an error; a TIERLAB_ variable that sets nothing
// is a warning, since the environment is shared.
//
// # Streams and exit codes
//
// Results go to standard output and nothing else does; progress and messages
// go to standard error. Progress is redrawn in place on a terminal and
// otherwise limited to a line now and then. The exit code is
//
//	0   all is well
//	1   the work failed (an I/O error, an interrupt, a run without result)
//	2   the command line, the configuration or an input file is wrong
//	99  the work is done and a stated threshold was not met
package cli
