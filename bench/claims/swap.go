package claims

import (
	"bytes"
	"context"
	"fmt"
	"strings"

	"go.yaml.in/yaml/v3"

	"tierlab/configs"
	"tierlab/reference/topology"
)

// outside moves a part of the platform out of the runtime.
type outside struct {
	name string
	// parts are taken from the platform of the cloud, by their keys in the
	// topology's file; toolsAt replaces where tools are.
	parts   []string
	toolsAt string
}

func movedOut() []outside {
	return []outside{
		{name: "external state store", parts: []string{"state"}},
		{name: "central tool place", toolsAt: "central"},
		{name: "separate workflow service", parts: []string{"orchestration"}},
		{name: "all three", parts: []string{"state", "orchestration"}, toolsAt: "central"},
	}
}

// swapPolicy routes in the experiments of C14.
const swapPolicy = "threshold"

// inRuntime is C14.
func inRuntime(ctx context.Context, l *Lab, f *Finding) error {
	lib, err := l.embedded()
	if err != nil {
		return err
	}
	t := Table{Title: "What a step pays more when one part leaves the runtime",
		Head: []string{"world", "moved out", "ms/step", "% time", "% w/o tools", "$/million steps", "% cost"}}
	for _, base := range []string{l.Edge, l.EdgeByDistance} {
		w, err := l.world(base)
		if err != nil {
			return err
		}
		stays, err := l.play(ctx, setting{world: w, library: lib}, swapPolicy)
		if err != nil {
			return err
		}
		t.row(word(base), word("nothing"), figure(stays[0].estimate(activePerStep).times(1000)), word(""), word(""),
			figure(stays[0].estimate(dollarPerStep).times(1e6)), word(""))
		for _, part := range movedOut() {
			moved, err := l.moved(base, part)
			if err != nil {
				return err
			}
			results, err := l.play(ctx, setting{world: moved, library: lib}, swapPolicy)
			if err != nil {
				return err
			}
			f.dearer(&t, base, part.name, results[0], stays[0])
		}
	}
	f.Tables = append(f.Tables, t)
	f.judge()
	f.Says = fmt.Sprintf("A step pays more on %s; on %s: %s.", l.Edge, l.EdgeByDistance, extras(&t))
	f.How = fmt.Sprintf("%s, policy %s; stores and workflow with the figures and prices of %s; time is active makespan over steps, paired with the same sessions; cost is without tokens, whose caching varies",
		l.how("embedded", l.Edge+" and "+l.EdgeByDistance), swapPolicy, l.donor())
	return nil
}

// dearer checks that a part costs more time outside, and says what money.
func (f *Finding) dearer(t *Table, base, name string, out, in *result) {
	ms := out.over(in, activePerStep).times(1000)
	usd := out.over(in, platformPerStep).times(1e6)
	of := func(x Estimate, whole func(*meter) float64) Cell {
		return number(100 * x.Mean / (1000 * in.estimate(whole).Mean))
	}
	t.row(word(base), word(name), figure(ms), of(ms, activePerStep), of(ms, modelPerStep), figure(usd), of(usd, dollarPerStep))
	f.check(Check{Statement: fmt.Sprintf("%s costs time on %s", name, base), Criterion: "a step takes longer than in the runtime", Found: ms, Unit: "ms/step",
		Truth: ms.above(0), Where: fmt.Sprintf("%s, %s", name, base)})
}

// extras lists what each part costs, world after world.
func extras(t *Table) string {
	var list []string
	for _, part := range movedOut() {
		var ms, share, usd []string
		for _, row := range t.Rows {
			if row[1].Text == part.name {
				ms, share, usd = append(ms, row[2].Text), append(share, fmt.Sprintf("%.1f", row[4].figure.Mean)), append(usd, short(row[5].figure.Mean))
			}
		}
		list = append(list, fmt.Sprintf("%s %s ms (%s %% of its time without tools), $%s per million steps",
			part.name, strings.Join(ms, "; "), strings.Join(share, "; "), strings.Join(usd, "; ")))
	}
	return strings.Join(list, ", ")
}

// donor is the cloud whose store and workflow service the parts move to.
func (l *Lab) donor() string { return l.Clouds[min(1, len(l.Clouds)-1)] }

// moved is a topology with a part of its platform outside the runtime.
func (l *Lab) moved(base string, part outside) (*topology.World, error) {
	from, err := l.world(l.donor())
	if err != nil {
		return nil, err
	}
	text, err := movedText(base, l.donor(), part)
	if err != nil {
		return nil, err
	}
	w, err := topology.Parse(configs.FS, base+" with "+part.name, text)
	if err != nil {
		return nil, err
	}
	for _, key := range part.parts { // prices are the provider's, so they come with the part
		switch key {
		case "state":
			w.Platform.State.USDPerWrite = from.Platform.State.USDPerWrite
		case "orchestration":
			w.Platform.Orchestration.USDPerStep = from.Platform.Orchestration.USDPerStep
		}
	}
	return w, nil
}

// movedText is a topology that extends base with base's platform, in which
// parts are those of the donor.
func movedText(base, donor string, part outside) ([]byte, error) {
	platform, err := section(base, "platform")
	if err != nil {
		return nil, err
	}
	theirs, err := section(donor, "platform")
	if err != nil {
		return nil, err
	}
	for _, key := range part.parts {
		to, from := field(platform, key), field(theirs, key)
		if to == nil || from == nil {
			return nil, fmt.Errorf("topologies %s and %s: both need platform.%s", base, donor, key)
		}
		*to = *from
	}
	if at := field(platform, "tools_at"); at != nil && part.toolsAt != "" {
		at.SetString(part.toolsAt)
	}
	var b bytes.Buffer
	fmt.Fprintf(&b, "schema: %s\nname: %s-moved\nabout: %q\nextends: %s\n", topology.Schema, base, base+" with "+part.name, base)
	e := yaml.NewEncoder(&b)
	if err := e.Encode(map[string]*yaml.Node{"platform": platform}); err != nil {
		return nil, err
	}
	return b.Bytes(), e.Close()
}

// section is a section of a topology's file, or of the one that it extends.
func section(name, key string) (*yaml.Node, error) {
	for range 8 {
		text, err := configs.FS.ReadFile("topologies/" + name + ".yaml")
		if err != nil {
			return nil, err
		}
		var doc yaml.Node
		if err := yaml.Unmarshal(text, &doc); err != nil {
			return nil, fmt.Errorf("topology %s: %w", name, err)
		}
		if n := field(doc.Content[0], key); n != nil {
			return n, nil
		}
		parent := field(doc.Content[0], "extends")
		if parent == nil {
			break
		}
		name = parent.Value
	}
	return nil, fmt.Errorf("topology %s has no section %s", name, key)
}

// field is a mapping's value, or nil.
func field(n *yaml.Node, key string) *yaml.Node {
	for i := 0; i+1 < len(n.Content); i += 2 {
		if n.Content[i].Value == key {
			return n.Content[i+1]
		}
	}
	return nil
}
