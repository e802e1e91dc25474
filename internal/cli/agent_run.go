package cli

import (
	"errors"
	"fmt"
	"os"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"tierlab/reference/journal"
	"tierlab/reference/ledger"
	"tierlab/reference/topology"
	"tierlab/workloads"
)

// agentRunOptions are one agent: its task, its model, where its steps may run,
// what it may do and what it may cost.
type agentRunOptions struct {
	session string
	task    string
	system  string
	tenant  string
	folder  sessionFolder

	model    string
	engine   engineOptions
	keyEnv   string
	priceUSD []string

	topology string
	policy   string
	origin   string

	tools   []string
	confirm []string
	approve string
	hosts   []string
	private bool
	mcp     string

	budget    float64
	budgets   string
	maxSteps  int
	maxTokens int
	deadline  time.Duration
	// checkCalls has answers refused whose tool calls break their schemas.
	checkCalls bool
	seed       uint64
}

// The values of --approve.
const (
	approveAsk  = "ask"
	approveAll  = "all"
	approveNone = "none"
)

// defaultSystem is what an agent is told before its task.
const defaultSystem = "You are an agent. Call tools where they help. When the task is done, answer in words, without calling a tool."

// agentEngineFlags are those of an engine's options that agent run takes.
var agentEngineFlags = [...]string{"backend", "gpus", "numerics", "threads", "slots", "context", "kv-tokens", "layers", "weights-seed", "chat-template"}

func newAgentRun(g *global, stdio Stdio) *cobra.Command {
	var o agentRunOptions
	cmd := &cobra.Command{
		Use:   "run --task TEXT --model MODEL",
		Short: "Run one agent, live: a task in, its steps as they happen, an answer out",
		Long: `Run one agent. Its steps go to standard error as they happen, its answer to
standard output. Everything that happens is durable before anything follows from
it: interrupt or kill the process, run the same command again, and the session
goes on where it was; nothing is done twice.

MODEL is
  script:FILE or script:NAME  a scripted model, its turns in YAML (go doc
                              tierlab/reference/hub); built in are primes and failure
  URL#NAME                    a server with OpenAI's API, such as
                              http://127.0.0.1:8000#small; --key-env names the
                              environment variable with its key
  a built-in shape or folder  the engine in this process (tierlab engine models);
                              tool calls are decoded under the tools' JSON Schema

Sessions are kept in --data. tierlab session list and session show tell what is
there.`,
		Example: `  tierlab agent run --task 'sum the primes below 1000 with code' --session s1 --model script:primes
  tierlab agent run --session s1
  tierlab agent run --session s2 --task 'say something' --model tiny --max-tokens 80 --max-steps 4`,
		Args: exactly(),
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := o.validate(); err != nil {
				return badInput(err)
			}
			return runAgent(cmd.Context(), o, stdio, g.quiet)
		},
	}
	o.flags(cmd.Flags())
	return cmd
}

func (o *agentRunOptions) flags(f *pflag.FlagSet) {
	f.StringVar(&o.session, "session", "", "the session's `name`; one that is there goes on (default: a new name)")
	f.StringVarP(&o.task, "task", "t", "", "what the agent is to do (`text`); a script brings its own")
	f.StringVar(&o.system, "system", defaultSystem, "the system message's `text`")
	f.StringVar(&o.tenant, "tenant", "", "whose session it is (`name`)")
	o.folder.flags(f)
	f.StringVarP(&o.model, "model", "m", "", "the `model`: script:FILE, URL#NAME, a built-in shape, or a Hugging Face folder")
	all := pflag.NewFlagSet("engine", pflag.ContinueOnError)
	o.engine.flags(all, 4)
	for _, name := range agentEngineFlags {
		f.AddFlag(all.Lookup(name))
	}
	f.StringVar(&o.keyEnv, "key-env", "", "the environment `variable` that holds the server's key, such as OPENAI_API_KEY; it is read and never kept")
	f.StringSliceVar(&o.priceUSD, "usd-per-mtok", nil, "what a million tokens of prompt and of output cost in the local topology, in `dollars`: IN,OUT")
	f.StringVar(&o.topology, "topology", localTopology, "the world whose sites the steps are routed to; the model answers for all of them (`name` or YAML file)")
	f.StringVar(&o.policy, "policy", "", "the routing `policy` (default: static-device in the local topology, else min-latency)")
	f.StringVar(&o.origin, "origin", "", "where the user is: an origin's `name` in the topology (default: its first)")
	f.StringSliceVar(&o.tools, "tools", nil, "the `tools` that the agent may call, or none (default: the script's, or run_code and calculator for a built-in shape, else all)")
	f.StringSliceVar(&o.confirm, "confirm", nil, "`tools` each of whose calls waits for a person")
	f.StringVar(&o.approve, "approve", approveAsk, "`how` to answer calls that wait for a person: ask (on the terminal), all, or none (leave them to tierlab session approve)")
	f.StringSliceVar(&o.hosts, "allow-host", nil, "`hosts` that the tool http_fetch may reach; without any there is no such tool")
	f.BoolVar(&o.private, "private", false, "the session's data stays on this machine: steps run on the device, and no tool or server may carry it elsewhere")
	f.StringVar(&o.mcp, "mcp", "", "a YAML `file` of MCP servers whose tools the agent may call as well (go doc tierlab/reference/tools/mcp)")
	f.Float64Var(&o.budget, "budget-usd", 0, "the most that the session may cost, in `dollars`; 0 is no limit")
	f.StringVar(&o.budgets, "budgets", "", "the `file` of tenants' budgets: for each session, each day, and in all (YAML; go doc tierlab/reference/ledger.ParseBudgets)")
	f.IntVar(&o.maxSteps, "max-steps", 0, "the most `steps` of the session; 0 is no limit")
	f.IntVar(&o.maxTokens, "max-tokens", 0, "the most `tokens` of an answer (0: 1024, and 160 for a built-in shape)")
	f.BoolVar(&o.checkCalls, "validate-calls", false, "refuse answers whose tool calls do not keep to the tools' schemas: the call is made again, by a larger model where the policy escalates")
	f.DurationVar(&o.deadline, "deadline", 0, "the most `time` that the session may take; 0 is no limit")
	f.Uint64Var(&o.seed, "seed", 1, "the seed of all draws")
}

func (o *agentRunOptions) validate() error {
	switch {
	case o.approve != approveAsk && o.approve != approveAll && o.approve != approveNone:
		return fmt.Errorf("--approve is %q: it is ask, all or none", o.approve)
	case !(o.budget >= 0) || o.budget > 1e6:
		return fmt.Errorf("--budget-usd is %g: it is from 0 to 1000000", o.budget)
	case o.maxSteps < 0 || o.maxTokens < 0 || o.deadline < 0:
		return errors.New("--max-steps, --max-tokens and --deadline are at least 0")
	case slices.Contains(o.tools, "none") && len(o.tools) > 1:
		return errors.New("--tools names none beside others")
	}
	if o.session != "" {
		if err := journal.CheckSession(o.session); err != nil {
			return fmt.Errorf("--session: %w", err)
		}
	}
	if _, err := o.price(); err != nil {
		return err
	}
	if o.private {
		if err := o.contained(); err != nil {
			return err
		}
	}
	return o.engine.validate()
}

// price is that of --usd-per-mtok, nil without one.
func (o *agentRunOptions) price() (*topology.Price, error) {
	if len(o.priceUSD) == 0 {
		return nil, nil
	}
	var of [2]float64
	if len(o.priceUSD) != len(of) {
		return nil, fmt.Errorf("--usd-per-mtok is %q: it is IN,OUT, such as 0.15,0.60", strings.Join(o.priceUSD, ","))
	}
	if o.topology != localTopology {
		return nil, errors.New("--usd-per-mtok is for the local topology; another one has prices of its own")
	}
	for i, text := range o.priceUSD {
		v, err := strconv.ParseFloat(strings.TrimSpace(text), 64)
		if err != nil || !(v >= 0 && v <= 1e6) {
			return nil, fmt.Errorf("--usd-per-mtok: %q is no price in dollars", text)
		}
		of[i] = v
	}
	return &topology.Price{In: of[0], Cached: of[0], Out: of[1]}, nil
}

// readBudgets reads --budgets; without it no tenant is limited.
func (o *agentRunOptions) readBudgets() (ledger.Budgets, error) {
	if o.budgets == "" {
		return ledger.Budgets{}, nil
	}
	text, err := os.ReadFile(o.budgets)
	if err != nil {
		return ledger.Budgets{}, badInputf("--budgets: %w", err)
	}
	b, err := ledger.ParseBudgets(o.budgets, text)
	return b, badInput(err)
}

// policyText is the policy, or the usual one of the topology.
func (o *agentRunOptions) policyText() string {
	switch {
	case o.policy != "":
		return o.policy
	case o.topology == localTopology:
		return "static-device"
	}
	return "min-latency"
}

// limits is the session's budget, nil without one.
func (o *agentRunOptions) limits() *workloads.Budget {
	if o.budget == 0 && o.maxSteps == 0 && o.deadline == 0 {
		return nil
	}
	return &workloads.Budget{USD: o.budget, Steps: o.maxSteps, Deadline: workloads.Millis(o.deadline)}
}
