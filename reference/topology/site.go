package topology

import "time"

// Tier is a layer of the continuum, nearest the user first.
type Tier uint8

// The tiers.
const (
	Device Tier = iota
	Metro
	Regional
	Central
	Tiers = 4
)

func (t Tier) String() string {
	return [...]string{"device", "metro", "regional", "central"}[t]
}

// Site is a place in a tier.
type Site struct {
	ID       SiteID
	Name     string
	Tier     Tier
	Region   string // for residency rules
	Provider string
	Lat, Lon float64 // degrees
	// Home says that session actors can live here.
	Home        bool
	Deployments []Deployment
	// EgressUSDPerGB is paid per byte that leaves the site's provider, to a
	// user or to another provider, RegionUSDPerGB per byte to another site of
	// the same provider.
	EgressUSDPerGB, RegionUSDPerGB float64
	Cache                          ResponseCache
	// Stores says that the site keeps conversations, so that a request
	// uploads its new tokens only (wire: delta).
	Stores bool
}

// Replica is one copy of a deployment: the unit that queues and batches.
type Replica struct {
	Site  SiteID
	Index int32 // of the deployment at its site
	Model ModelID
}

// ReplicaID numbers a World's replicas.
type ReplicaID int32

// Deployment is one model resident at one site.
type Deployment struct {
	Model    ModelID
	Replicas int
	// First is the number of the first of its replicas, which follow each
	// other.
	First ReplicaID
	// Slots is how many sequences a replica runs at once; QueueLimit how many
	// more wait at a replica before a request is rejected (HTTP 429).
	Slots, QueueLimit int
	// PrefillTokS is one replica's prefill rate, in tokens/s.
	PrefillTokS float64
	// StepBase and StepPerSeq give the time of one decode iteration at
	// occupancy n: StepBase + n*StepPerSeq.
	StepBase, StepPerSeq time.Duration
	// Context is the context, in tokens, at which StepPerSeq holds: longer ones
	// take longer. 0 where StepPerSeq says nothing about contexts.
	Context int
	// Batching says how the replica's engine schedules; the zero Batching stands
	// for DefaultBatching.
	Batching Batching
	// KVTokens is how many tokens of context a replica's cache holds.
	KVTokens int64
	Price    Price
	// ColdStart is the delay of the first request to a replica that is not
	// running, and WarmFor how long it runs on without work (0: always runs).
	ColdStart, WarmFor time.Duration
	// JoulesPerTok is the energy per output token; 0 where unknown.
	JoulesPerTok float64
}

// Batching is how an engine schedules its iterations: what engine/sched and
// engine/kv are configured by, beside Slots, QueueLimit and KVTokens.
type Batching struct {
	BlockTokens  int           // of a block of the paged cache
	BudgetTokens int           // computed in an iteration, beside one for each slot
	Stall        time.Duration // bound of an iteration while a sequence decodes; 0: none
	Ahead        int           // iterations that are planned while another one runs
	KeepShare    float64       // of the cache that retention hints may protect
}

// DefaultBatching holds where a topology says nothing: blocks of 64 tokens, as in
// DynoSim's examples (engines have 16 to 64; of contexts of tens of thousands of
// tokens it changes what is found by a fraction of a percent, and a simulated
// prompt costs what its blocks cost), vLLM's budget of an iteration with chunked
// prefill, a stall bound that readers of a stream bear (an assumption), no
// iteration planned ahead, since StepBase has the host's part, and hints for at
// most half of the cache.
func DefaultBatching() Batching {
	return Batching{BlockTokens: 64, BudgetTokens: 2048, Stall: 100 * time.Millisecond, KeepShare: 0.5}
}

// Price is in US dollars per million tokens, by how a token was served.
type Price struct{ In, Cached, Out float64 }

// ResponseCache answers repeated requests without a model.
type ResponseCache struct {
	// Share is the probability of a hit by step kind ("" for other kinds).
	Share   map[string]float64
	Latency time.Duration
}

// Model is an entry of the catalogue.
type Model struct {
	ID   ModelID
	Name string
	// ParamsB are billions of weights, ActiveB those used for one token.
	ParamsB, ActiveB float64
	// Ability is on the scale of a step's difficulty (DESIGN section 5).
	Ability       float64
	ContextTokens int
	Modalities    []string
	Frontier      bool
}

// Origin is a population of users at one place.
type Origin struct {
	ID       OriginID
	Name     string
	Region   string
	Lat, Lon float64
	Weight   float64 // share of sessions; all weights sum to 1
}
