package cli

import (
	"bytes"
	"context"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

var rewrite = flag.Bool("rewrite", false, "rewrite the expected output in testdata/*.golden")

// TestGolden runs the files testdata/*.golden. A file is a list of blocks with
// an empty line after each; a block's first line is a directive:
//
//	# a comment
//	file NAME     write the lines up to "----" to NAME in the file's own folder
//	env NAME=VALUE
//	run ARGUMENTS run tierlab; after "----" stands what it must print
//
// Arguments are split at spaces, with 'single quotes' around those that have
// any. The expected output of a run is its exit code, then every line of
// standard output behind "1|" and every line of standard error behind "2|".
// go test ./internal/cli -run Golden -rewrite writes it anew.
func TestGolden(t *testing.T) {
	files, err := filepath.Glob("testdata/*.golden")
	if err != nil || len(files) == 0 {
		t.Fatalf("no testdata/*.golden: %v", err)
	}
	for _, file := range files {
		path, err := filepath.Abs(file)
		if err != nil {
			t.Fatal(err)
		}
		t.Run(strings.TrimSuffix(filepath.Base(file), ".golden"), func(t *testing.T) {
			runGolden(t, path)
		})
	}
}

func runGolden(t *testing.T, path string) {
	content, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	t.Chdir(t.TempDir())
	var rewritten []string
	for block := range strings.SplitSeq(strings.TrimRight(string(content), "\n"), "\n\n") {
		directive, rest, _ := strings.Cut(block, "\n")
		word, argument, _ := strings.Cut(directive, " ")
		switch word {
		case "#":
		case "env":
			name, value, _ := strings.Cut(argument, "=")
			t.Setenv(name, value)
		case "file":
			body, _, found := strings.Cut(rest, "----")
			if !found {
				t.Fatalf("file %s has no ----", argument)
			}
			writeFile(t, argument, body)
		case "run":
			input, want, _ := strings.Cut(rest, "----")
			want = strings.TrimPrefix(want, "\n")
			got := runCommand(t, argument, input)
			if !*rewrite && got != want {
				t.Errorf("tierlab %s\nprinted:\n%s\nwant:\n%s", argument, got, want)
			}
			block = directive + "\n" + input + "----\n" + got
		default:
			t.Fatalf("no directive %q", word)
		}
		rewritten = append(rewritten, block)
	}
	if *rewrite {
		if err := os.WriteFile(path, []byte(strings.Join(rewritten, "\n\n")+"\n"), 0o644); err != nil {
			t.Fatal(err)
		}
	}
}

// runCommand runs one command line and returns its exit code and output in the
// form of the golden files.
func runCommand(t *testing.T, line, input string) string {
	t.Helper()
	var stdout, stderr bytes.Buffer
	code := Main(context.Background(), splitArguments(t, line), Stdio{In: strings.NewReader(input), Out: &stdout, Err: &stderr})
	var b strings.Builder
	fmt.Fprintf(&b, "exit %d", code)
	for i, text := range []string{stdout.String(), stderr.String()} {
		if text == "" {
			continue
		}
		for l := range strings.SplitSeq(strings.TrimSuffix(text, "\n"), "\n") {
			fmt.Fprintf(&b, "\n%d| %s", i+1, l)
		}
	}
	return strings.ReplaceAll(b.String(), "| \n", "|\n")
}

// splitArguments splits at spaces outside single quotes.
func splitArguments(t *testing.T, line string) []string {
	t.Helper()
	var args []string
	for i, part := range strings.Split(line, "'") {
		if i%2 == 1 {
			args = append(args, part)
			continue
		}
		args = append(args, strings.Fields(part)...)
	}
	return args
}

func writeFile(t *testing.T, name, content string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(name, []byte(content), 0o644); err != nil {
		t.Fatal(err)
	}
}
