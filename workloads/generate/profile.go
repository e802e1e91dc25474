package generate

import (
	"bytes"
	"fmt"
	"io/fs"
	"strings"

	"go.yaml.in/yaml/v3"

	"tierlab/configs"
)

// Profile describes a population of sessions. The package comment says how a
// session is made from it.
type Profile struct {
	Name string `yaml:"name"`
	// Doc is one line for a list of profiles.
	Doc       string      `yaml:"doc"`
	Sources   []Source    `yaml:"sources"`
	Published []Published `yaml:"published,omitempty"`

	Arrivals Arrivals `yaml:"arrivals"`
	Prefixes []Prefix `yaml:"prefixes,omitempty"`
	Turns    Turns    `yaml:"turns"`
	Context  Context  `yaml:"context"`
	// OutputTokens is the answer's length for kinds that state none.
	OutputTokens Dist `yaml:"output_tokens"`
	// SimpleShare is the probability that a step is of a simple kind, one
	// that needs no frontier model.
	SimpleShare float64   `yaml:"simple_share"`
	Kinds       []Kind    `yaml:"kinds"`
	Tools       Tools     `yaml:"tools,omitempty"`
	Agents      SubAgents `yaml:"agents,omitempty"`
	Private     Private   `yaml:"private,omitempty"`
	Tenants     Tenants   `yaml:"tenants,omitempty"`
	Budget      Budget    `yaml:"budget,omitempty"`
	// Origins are the origins' weights by name; without them a run places the
	// sessions by the topology's population.
	Origins map[string]float64 `yaml:"origins,omitempty"`
	// Words fill the slots of task texts: {slot} is one of Words[slot].
	Words map[string][]string `yaml:"words,omitempty"`
}

// Source is where figures of a profile come from.
type Source struct {
	ID      string `yaml:"id"`
	Title   string `yaml:"title"`
	URL     string `yaml:"url,omitempty"`
	Read    string `yaml:"read,omitempty"` // the date on which it was read
	License string `yaml:"license,omitempty"`
	Note    string `yaml:"note,omitempty"`
}

// Published is a figure that a workload from the profile must meet: Figure
// names it as inspect.Result.Figure does.
type Published struct {
	Figure string  `yaml:"figure"`
	Value  float64 `yaml:"value"`
	// Within is the relative tolerance for some hundreds of sessions.
	Within float64 `yaml:"within"`
	Source string  `yaml:"source"`
}

// Arrivals is a renewal process with gamma distributed gaps.
type Arrivals struct {
	PerSecond float64 `yaml:"per_s"`
	// CV is the gaps' coefficient of variation; above 1 is bursty.
	CV float64 `yaml:"cv"`
}

// Prefix is a shared prefix. Copies > 1 makes variants of it (a project's or
// a tenant's own instructions), of which the k-th is used with weight 1/k.
type Prefix struct {
	Name      string `yaml:"name"`
	From      string `yaml:"from,omitempty"`
	AddTokens int    `yaml:"add_tokens"`
	Copies    int    `yaml:"copies,omitempty"`
}

// Turns shapes a session: its steps in all, those of one turn between two
// words of the user, and the user's time between turns.
type Turns struct {
	StepsPerSession Dist `yaml:"steps_per_session"`
	StepsPerTurn    Dist `yaml:"steps_per_turn"`
	ThinkS          Dist `yaml:"think_s,omitempty"`
}

// Context shapes the prompts of a session's own line of steps.
type Context struct {
	// Prefix names the shared prefix that a session begins with.
	Prefix      string `yaml:"prefix,omitempty"`
	FirstTokens Dist   `yaml:"first_tokens"`
	// UserTokens begin a later turn, StepTokens any other step: the results
	// of the tools.
	UserTokens Dist `yaml:"user_tokens,omitempty"`
	StepTokens Dist `yaml:"step_tokens,omitempty"`
	// A prompt of more than CompactAt tokens is compacted: a step of kind
	// compact writes a summary, and the context starts afresh from the prefix.
	CompactAt     Dist `yaml:"compact_at_tokens,omitempty"`
	SummaryTokens Dist `yaml:"summary_tokens,omitempty"`
	// With Truncate no step writes the summary: the context is cut down to as
	// many tokens, by a client that drops or edits what it sent, and CompactAt
	// is drawn anew. A CompactAt of 0 (its zero) stands for MaxTokens.
	Truncate  bool `yaml:"truncate,omitempty"`
	MaxTokens int  `yaml:"max_tokens,omitempty"`
}

// Role is where a kind of step may stand.
type Role string

// The roles.
const (
	RoleLoop   Role = "loop"   // in a turn, calls tools
	RoleAnswer Role = "answer" // ends a turn, calls none
	RoleAside  Role = "aside"  // in a turn, with a small context of its own
)

// Kind is a kind of step.
type Kind struct {
	Name   string  `yaml:"name"`
	Role   Role    `yaml:"role"`
	Simple bool    `yaml:"simple,omitempty"`
	Weight float64 `yaml:"weight"`
	// OutputTokens replaces the profile's; DocumentTokens is the context of
	// an aside beyond its prefix.
	OutputTokens   Dist    `yaml:"output_tokens,omitempty"`
	DocumentTokens Dist    `yaml:"document_tokens,omitempty"`
	Prefix         string  `yaml:"prefix,omitempty"`
	Modality       string  `yaml:"modality,omitempty"`
	LatencyBudgetS float64 `yaml:"latency_budget_s,omitempty"`
	// Difficulty is on the models' ability scale; without it a run draws by
	// kind.
	Difficulty *Normal `yaml:"difficulty,omitempty"`
	// Tasks are the instruction's texts, one of which is drawn.
	Tasks []string `yaml:"tasks,omitempty"`
}

// Normal is a normal distribution.
type Normal struct {
	Mean float64 `yaml:"mean"`
	SD   float64 `yaml:"sd"`
}

// Tools shapes the tool calls of loop steps.
type Tools struct {
	Calls Dist `yaml:"calls,omitempty"`
	// TimeS is the duration of all calls pooled; ResultBytes is what comes
	// back per token of StepTokens.
	TimeS         Dist    `yaml:"time_s,omitempty"`
	ErrorShare    float64 `yaml:"error_share,omitempty"`
	ResultPerTok  float64 `yaml:"result_bytes_per_token,omitempty"`
	ArgumentBytes Dist    `yaml:"argument_bytes,omitempty"`
	Names         []Tool  `yaml:"names,omitempty"`
}

// Tool is a tool's name, with the median and 0.9 quantile of its durations
// where they are known.
type Tool struct {
	Name   string  `yaml:"name"`
	Weight float64 `yaml:"weight"`
	P50S   float64 `yaml:"p50_s,omitempty"`
	P90S   float64 `yaml:"p90_s,omitempty"`
	Data   string  `yaml:"data,omitempty"`
}

// SubAgents shapes delegation: with Probability a loop step starts Width
// sub-agents of Steps steps each, as tool calls that run in parallel.
type SubAgents struct {
	Probability float64 `yaml:"probability"`
	Width       Dist    `yaml:"width,omitempty"`
	Steps       Dist    `yaml:"steps,omitempty"`
	Prefix      string  `yaml:"prefix,omitempty"`
	TaskTokens  Dist    `yaml:"task_tokens,omitempty"`
	// Resume is the probability that the parent goes on at once and joins its
	// sub-agents before its turn ends, rather than waiting for them.
	Resume float64 `yaml:"resume,omitempty"`
}

// Private marks data that must stay on the device: a share of the sessions as
// a whole, and a share of the aside steps.
type Private struct {
	Sessions float64 `yaml:"sessions,omitempty"`
	Asides   float64 `yaml:"asides,omitempty"`
}

// Tenants are numbered; the k-th has weight 1/k.
type Tenants struct {
	Count int `yaml:"count"`
}

// Budget gives a share of the sessions limits; Steps and Tokens are in
// multiples of what the session as generated needs.
type Budget struct {
	Share     float64 `yaml:"share"`
	USD       Dist    `yaml:"usd,omitempty"`
	Steps     float64 `yaml:"steps,omitempty"`
	Tokens    float64 `yaml:"tokens,omitempty"`
	DeadlineS Dist    `yaml:"deadline_s,omitempty"`
}

// Parse reads and checks a profile; name is for messages.
func Parse(name string, text []byte) (*Profile, error) {
	d := yaml.NewDecoder(bytes.NewReader(text))
	d.KnownFields(true)
	p := new(Profile)
	if err := d.Decode(p); err != nil {
		return nil, fmt.Errorf("profile %s: %w", name, err)
	}
	if _, err := compile(p); err != nil {
		return nil, fmt.Errorf("profile %s: %w", name, err)
	}
	return p, nil
}

// YAML is p as Parse reads it.
func (p *Profile) YAML() ([]byte, error) {
	var b bytes.Buffer
	e := yaml.NewEncoder(&b)
	e.SetIndent(2)
	if err := e.Encode(p); err != nil {
		return nil, err
	}
	return b.Bytes(), e.Close()
}

// Names lists the built-in profiles in order.
func Names() []string {
	files, err := fs.Glob(configs.Profiles, "profiles/*.yaml")
	if err != nil {
		panic(err) // the pattern is a constant
	}
	names := make([]string, len(files))
	for i, f := range files {
		names[i] = strings.TrimSuffix(strings.TrimPrefix(f, "profiles/"), ".yaml")
	}
	return names
}

// Builtin is the built-in profile of that name.
func Builtin(name string) (*Profile, error) {
	text, err := configs.Profiles.ReadFile("profiles/" + name + ".yaml")
	if err != nil {
		return nil, fmt.Errorf("no profile %q; the built-in ones are %s", name, strings.Join(Names(), ", "))
	}
	p, err := Parse(name, text)
	if err == nil && p.Name != name {
		err = fmt.Errorf("profile %s names itself %q", name, p.Name)
	}
	return p, err
}
