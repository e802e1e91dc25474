package repo

import (
	"bytes"
	"context"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"tierlab/internal/cli"
	"tierlab/reference/sandbox"
)

// TestReadmeCommands looks at every command in a fenced sh block of README.md.
// The ones of tierlab itself are run, in order and in an empty folder, unless
// the block is marked "sh slow"; targets of make must exist; anything else
// must be on the short list of commands that need no test.
func TestReadmeCommands(t *testing.T) {
	tr := load(t)
	makefile := tr.read(t, "Makefile")
	t.Chdir(t.TempDir())
	ran := 0
	for _, block := range shellBlocks(tr.read(t, "README.md")) {
		for _, line := range block.lines {
			words := arguments(line)
			switch {
			case strings.HasPrefix(line, "go run . "):
				if !block.slow && !testing.Short() {
					ran++
					runTierlab(t, words[3:])
				}
			case words[0] == "make":
				if !regexp.MustCompile(`(?m)^` + regexp.QuoteMeta(words[1]) + `:`).MatchString(makefile) {
					t.Errorf("README.md says %q, and the Makefile has no such target", line)
				}
			case line == "go test ./...", words[0] == "git" && words[1] == "clone", words[0] == "cd":
			default:
				t.Errorf("README.md shows a command that no test knows how to check: %q", line)
			}
		}
	}
	if ran == 0 && !testing.Short() {
		t.Error("README.md shows no command of tierlab that runs here")
	}
}

// arguments are a line's words; quotes hold one together.
func arguments(line string) []string {
	var words []string
	for i, part := range strings.Split(line, `"`) {
		if i%2 == 1 {
			words = append(words, part)
			continue
		}
		words = append(words, strings.Fields(part)...)
	}
	return words
}

// TestMain lets the sandbox of the README's commands start this binary as its
// child.
func TestMain(m *testing.M) {
	sandbox.Child()
	os.Exit(m.Run())
}

func runTierlab(t *testing.T, args []string) {
	t.Helper()
	var stdout, stderr bytes.Buffer
	code := cli.Main(context.Background(), args, cli.Stdio{In: strings.NewReader(""), Out: &stdout, Err: &stderr})
	if code != cli.ExitOK || stdout.Len()+stderr.Len() == 0 {
		t.Errorf("README.md's tierlab %s: exit %d\n%s", strings.Join(args, " "), code, stderr.String())
	}
}

type shellBlock struct {
	slow  bool
	lines []string
}

// shellBlocks are a Markdown text's fenced blocks of sh, without comments and
// with continued lines joined.
func shellBlocks(text string) []shellBlock {
	var blocks []shellBlock
	fence := regexp.MustCompile("(?ms)^```sh([^\n]*)\n(.*?)^```")
	for _, m := range fence.FindAllStringSubmatch(text, -1) {
		block := shellBlock{slow: strings.Contains(m[1], "slow")}
		for line := range strings.Lines(strings.ReplaceAll(m[2], "\\\n", " ")) {
			line, _, _ = strings.Cut(line, " #")
			if line = strings.TrimSpace(line); line != "" && !strings.HasPrefix(line, "#") {
				block.lines = append(block.lines, line)
			}
		}
		blocks = append(blocks, block)
	}
	return blocks
}

// TestContinuousIntegrationScript keeps .ci/run runnable.
func TestContinuousIntegrationScript(t *testing.T) {
	tr := load(t)
	info, err := os.Stat(filepath.Join(tr.root, ".ci", "run"))
	if err != nil {
		t.Fatal(err)
	}
	if info.Mode()&0o111 == 0 {
		t.Error(".ci/run is not executable: chmod +x it")
	}
	if !strings.Contains(tr.read(t, ".ci/run"), "set -euo pipefail") {
		t.Error(".ci/run goes on after a command failed: it needs set -euo pipefail")
	}
}
