package cli

import (
	"bytes"
	"context"
	"encoding/json"
	"os"
	"strings"
	"testing"

	"tierlab/engine/trace"
)

const smallGeneration = "engine generate --model tiny --prompt hello --max-tokens 40 --threads 1 "

// output runs smallGeneration with more flags.
func output(t *testing.T, flags string) string {
	t.Helper()
	code, stdout, stderr := command(t, context.Background(), smallGeneration+flags)
	if code != ExitOK {
		t.Fatalf("%s: exit %d: %s", flags, code, stderr)
	}
	return stdout
}

func jsonOutput(t *testing.T, flags string) (g generated) {
	t.Helper()
	if err := json.Unmarshal([]byte(output(t, "--format json "+flags)), &g); err != nil {
		t.Fatal(err)
	}
	return g
}

func TestGenerateText(t *testing.T) {
	plain := output(t, "")
	g := jsonOutput(t, "")
	if plain != g.Text+"\n" || len(g.Tokens) != 40 || g.Usage.Output != 40 || g.Usage.Prompt != 6 || g.Finish != "length" {
		t.Errorf("JSON says %+v, the text is %q", g, plain)
	}
	if code, _, stderr := command(t, context.Background(), smallGeneration); code != ExitOK || !strings.Contains(stderr, "TTFT") || !strings.Contains(stderr, "40 tokens") {
		t.Errorf("the figures: %s", stderr)
	}
	if code, _, stderr := command(t, context.Background(), smallGeneration+"--quiet"); code != ExitOK || stderr != "" {
		t.Errorf("--quiet: %s", stderr)
	}
	if f32 := output(t, "--numerics f32 --kernels portable --threads 2"); len(f32) < 20 {
		t.Errorf("f32 by portable kernels: %q", f32)
	}
}

func TestGenerateDraws(t *testing.T) {
	const hot = "--temperature 1.5 --top-p 0.95 --top-k 400 --min-p 0.001 --seed "
	one, again, two := output(t, hot+"1"), output(t, hot+"1"), output(t, hot+"2")
	if one != again {
		t.Errorf("one seed gives %q and %q", one, again)
	}
	if one == two || one == output(t, "") {
		t.Errorf("other seeds and no temperature give the same: %q", one)
	}
}

func TestGenerateStops(t *testing.T) {
	all := jsonOutput(t, "")
	stop := strings.Fields(all.Text)[1]
	at := strings.Index(all.Text, stop)
	g := jsonOutput(t, "--stop nowhere --stop '"+stop+"'")
	if g.Text != all.Text[:at] || g.Finish != "stop" {
		t.Errorf("stopped at %q: %q, %s", stop, g.Text, g.Finish)
	}
	if g := jsonOutput(t, "--ignore-end --stop '"+stop+"'"); g.Text != all.Text {
		t.Errorf("--ignore-end: %q", g.Text)
	}
}

func TestGenerateLogprobs(t *testing.T) {
	g := jsonOutput(t, "--logprobs 2 --max-tokens 3")
	for _, tok := range g.Tokens {
		if tok.Logprob == nil || *tok.Logprob >= 0 || len(tok.Top) != 2 || tok.Top[0].ID != tok.ID || tok.Top[1].Logprob > *tok.Logprob {
			t.Errorf("%+v", tok)
		}
	}
	lines := strings.Split(strings.TrimSpace(output(t, "--logprobs 2 --max-tokens 3")), "\n")
	if table := lines[len(lines)-4:]; !strings.HasPrefix(table[0], "TOKEN  ") || !strings.HasSuffix(table[0], "TOP 2") {
		t.Errorf("the table is %q", table)
	}
}

// TestGenerateTrace writes a trace and makes its plans again.
func TestGenerateTrace(t *testing.T) {
	t.Chdir(t.TempDir())
	output(t, "--trace run.jsonl --backend null")
	f, err := os.Open("run.jsonl")
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	sum, err := trace.Replay(trace.NewReader(f, "run.jsonl"), nil)
	if err != nil || sum.Plans != 40 || sum.Output != 40 {
		t.Errorf("%+v, %v", sum, err)
	}
}

func TestGenerateInterrupted(t *testing.T) {
	ctx, stop := context.WithCancel(context.Background())
	defer stop()
	var stdout, stderr bytes.Buffer
	stdio := Stdio{In: strings.NewReader(""), Err: &stderr, Out: writerFunc(func(b []byte) (int, error) {
		stop()
		return stdout.Write(b)
	})}
	line := "engine generate --model tiny --prompt hello --max-tokens 4000 --ignore-end"
	if code := Main(ctx, splitArguments(t, line), stdio); code != ExitFailed || !strings.Contains(stderr.String(), "interrupted") {
		t.Errorf("exit %d: %s", code, stderr.String())
	}
}

// TestGenerateJSON reads what random weights write under a schema.
func TestGenerateJSON(t *testing.T) {
	t.Chdir(t.TempDir())
	writeFile(t, "schema.json", `{"type":"object","properties":{
		"name":{"type":"string","minLength":1,"maxLength":12},
		"tier":{"enum":["metro","central"]},
		"ports":{"type":"array","items":{"type":"integer","minimum":1,"maximum":65535},"minItems":1,"maxItems":3}},
		"required":["name","tier","ports"]}`)
	texts := map[string]bool{}
	for _, seed := range []string{"1", "2", "3", "4", "5", "6"} {
		for _, most := range []string{"40", "200"} {
			g := jsonOutput(t, "--json-schema schema.json --temperature 1.3 --seed "+seed+" --max-tokens "+most)
			var doc struct {
				Name, Tier string
				Ports      []uint16
			}
			d := json.NewDecoder(strings.NewReader(g.Text))
			d.DisallowUnknownFields()
			if err := d.Decode(&doc); err != nil || doc.Name == "" || len(doc.Ports) < 1 || len(doc.Ports) > 3 {
				t.Errorf("%s: %v", g.Text, err)
			}
			if doc.Tier != "metro" && doc.Tier != "central" {
				t.Errorf("%s: tier is %q", g.Text, doc.Tier)
			}
			texts[g.Text] = true
		}
	}
	if len(texts) < 6 {
		t.Errorf("the seeds write the same: %v", texts)
	}
}
