package cli

import (
	"bytes"
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/spf13/cobra"
)

// TestExamples runs the example of every command's help, as printed, in an
// empty folder that holds a copy of testdata/examples.
func TestExamples(t *testing.T) {
	samples, err := filepath.Abs("testdata/examples")
	if err != nil {
		t.Fatal(err)
	}
	var visit func(*cobra.Command)
	visit = func(cmd *cobra.Command) {
		if len(cmd.Commands()) == 0 {
			t.Run(strings.ReplaceAll(cmd.CommandPath(), " ", "_"), func(t *testing.T) {
				t.Chdir(t.TempDir())
				if err := os.CopyFS(".", os.DirFS(samples)); err != nil {
					t.Fatal(err)
				}
				runExample(t, cmd)
			})
		}
		for _, c := range cmd.Commands() {
			if !c.Hidden {
				visit(c)
			}
		}
	}
	visit(New(Stdio{In: strings.NewReader(""), Out: new(bytes.Buffer), Err: new(bytes.Buffer)}))
}

// untilReady interrupts a command that would serve for ever when it says that
// it is ready.
type untilReady struct {
	bytes.Buffer
	interrupt func()
}

func (u *untilReady) Write(b []byte) (int, error) {
	if bytes.Contains(b, []byte("ready at ")) {
		u.interrupt()
	}
	return u.Buffer.Write(b)
}

func runExample(t *testing.T, cmd *cobra.Command) {
	if cmd.Example == "" {
		t.Fatal("the command's help has no example")
	}
	t.Setenv("TIERLAB_ENGINE_SERVE_ADDR", "127.0.0.1:0") // the usual port may be taken
	shown := false
	for line := range strings.Lines(cmd.Example) {
		line = strings.TrimSpace(line)
		if line == "" || strings.HasPrefix(line, "#") {
			continue
		}
		shown = shown || strings.HasPrefix(line, cmd.CommandPath())
		arguments, found := strings.CutPrefix(line, "tierlab ")
		if !found {
			t.Fatalf("%q is no tierlab command line", line)
		}
		var stdout bytes.Buffer
		ctx, interrupt := context.WithCancel(context.Background())
		stderr := untilReady{interrupt: interrupt}
		code := Main(ctx, splitArguments(t, arguments), Stdio{In: strings.NewReader(""), Out: &stdout, Err: &stderr})
		interrupt()
		if code != ExitOK {
			t.Errorf("%s: exit %d\n%s", line, code, stderr.String())
		}
		if stdout.Len() == 0 && stderr.Len() == 0 {
			t.Errorf("%s: printed nothing", line)
		}
	}
	if !shown {
		t.Errorf("no line of the example shows %q", cmd.CommandPath())
	}
}
