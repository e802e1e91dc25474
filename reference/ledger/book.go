package ledger

import (
	"fmt"
	"io/fs"
	"math"
	"slices"

	"tierlab/internal/spell"
	"tierlab/reference/topology"
	"tierlab/workloads"
)

// BooksSchema is the version that a file of price books names.
const BooksSchema = "tierlab-books/v1"

// Book says what is billed, and at which price. Prices are in picodollars; one
// that is 0 is not billed.
type Book struct {
	Name, About string
	Session     int64 // for a session
	Step        int64 // for a step, or for each StepTokens begun of its tokens
	StepTokens  int64 // 0: a step is one, however long
	Neurons     int64 // for a thousand neurons
	ActiveHour  int64 // for an hour of the session, without the time that a person thinks
	// Tokens bills model calls by their tokens, at the world's prices.
	Tokens bool
	// AtCost passes on recorded costs: egress, state, orchestration, sandbox,
	// validation.
	AtCost []string
}

// Catalogue is what a file of price books holds.
type Catalogue struct {
	Books   []Book
	neurons map[string]neuronRate
}

// neuronRate is how many neurons a million tokens take.
type neuronRate struct{ in, out int64 }

// The structs below are the YAML form.

type booksForm struct {
	Schema  string       `yaml:"schema" is:"required"`
	Books   []bookForm   `yaml:"books" is:"required"`
	Neurons []neuronForm `yaml:"neurons"`
}

type bookForm struct {
	Name       string   `yaml:"name" is:"required"`
	About      string   `yaml:"about" is:"required"`
	Session    float64  `yaml:"usd_per_session" is:">0,<=1000000"`
	Step       float64  `yaml:"usd_per_step" is:">0,<=1000000"`
	StepTokens int      `yaml:"tokens_per_step" is:">=1"`
	Neurons    float64  `yaml:"usd_per_thousand_neurons" is:">0,<=1000000"`
	ActiveHour float64  `yaml:"usd_per_active_hour" is:">0,<=1000000"`
	Tokens     bool     `yaml:"tokens"`
	AtCost     []string `yaml:"at_cost"`
}

type neuronForm struct {
	Model string `yaml:"model" is:"required"`
	In    int    `yaml:"per_mtok_in" is:"required,>=0,<=10000000"`
	Out   int    `yaml:"per_mtok_out" is:"required,>=0,<=10000000"`
}

// LoadBooks reads the books of a catalogue, which are in books.yaml at its root.
func LoadBooks(catalogue fs.FS) (*Catalogue, error) {
	data, err := fs.ReadFile(catalogue, "books.yaml")
	if err != nil {
		return nil, err
	}
	return ParseBooks("books.yaml", data)
}

// ParseBooks makes a Catalogue of a file's text. Every figure needs a source and a
// date. An error lists topology.Problems.
func ParseBooks(file string, data []byte) (*Catalogue, error) {
	var form booksForm
	if err := topology.Decode(file, data, &form); err != nil {
		return nil, err
	}
	if err := topology.CheckSources(file, data); err != nil {
		return nil, err
	}
	if form.Schema != BooksSchema {
		return nil, fmt.Errorf("%s: schema: want %s, not %q", file, BooksSchema, form.Schema)
	}
	c := &Catalogue{neurons: map[string]neuronRate{}}
	for i := range form.Books {
		b, err := form.Books[i].book()
		if err == nil && slices.ContainsFunc(c.Books, func(o Book) bool { return o.Name == b.Name }) {
			err = fmt.Errorf("name: book %q stands here twice", b.Name)
		}
		if err != nil {
			return nil, fmt.Errorf("%s: books[%d]: %w", file, i, err)
		}
		c.Books = append(c.Books, b)
	}
	for i, n := range form.Neurons {
		if _, twice := c.neurons[n.Model]; twice {
			return nil, fmt.Errorf("%s: neurons[%d].model: %q stands here twice", file, i, n.Model)
		}
		c.neurons[n.Model] = neuronRate{int64(n.In), int64(n.Out)}
	}
	return c, nil
}

func (f *bookForm) book() (Book, error) {
	b := Book{
		Name: f.Name, About: f.About, Session: Pico(f.Session), Step: Pico(f.Step), StepTokens: int64(f.StepTokens),
		Neurons: Pico(f.Neurons), ActiveHour: Pico(f.ActiveHour), Tokens: f.Tokens, AtCost: f.AtCost,
	}
	for i, part := range f.AtCost {
		if !slices.Contains(costParts, part) {
			return b, fmt.Errorf("at_cost[%d]: no cost %q%s", i, part, spell.Hint(part, costParts))
		}
		if slices.Contains(f.AtCost[:i], part) {
			return b, fmt.Errorf("at_cost[%d]: %q stands here twice", i, part)
		}
	}
	if b.StepTokens > 0 && b.Step == 0 {
		return b, fmt.Errorf("tokens_per_step needs usd_per_step")
	}
	if b.Session+b.Step+b.Neurons+b.ActiveHour == 0 && !b.Tokens && len(b.AtCost) == 0 {
		return b, fmt.Errorf("it bills nothing: give a price, tokens or at_cost")
	}
	return b, nil
}

// costParts are the recorded costs beside those of tokens.
var costParts = []string{"egress", "state", "orchestration", "sandbox", "validation"}

func costPart(c *workloads.Cost, part string) float64 {
	return [...]float64{c.Egress, c.State, c.Orchestration, c.Sandbox, c.Validation}[slices.Index(costParts, part)]
}

// Find is the book with a name.
func (c *Catalogue) Find(name string) (*Book, error) {
	var names []string
	for i := range c.Books {
		if c.Books[i].Name == name {
			return &c.Books[i], nil
		}
		names = append(names, c.Books[i].Name)
	}
	return nil, fmt.Errorf("no price book %q%s", name, spell.Hint(name, names))
}

// Neurons is how many neurons a model call takes, rounded up: what a session
// reserves as Amount.Units before it, with the longest answer, and settles after.
// A model that the catalogue does not list takes none.
func (c *Catalogue) Neurons(model string, input, output int) int64 {
	const perMtok = 1_000_000
	r := c.neurons[model]
	in, out := ratio(int64(max(0, input)), r.in, perMtok, perMtok-1), ratio(int64(max(0, output)), r.out, perMtok, perMtok-1)
	n, ok := sum(in, out)
	if !ok {
		return math.MaxInt64
	}
	return n
}
