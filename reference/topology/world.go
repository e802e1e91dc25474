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

// SiteID, ModelID and OriginID number a World's sites, models and origins in
// the order of its slices. None is "no site".
type (
	SiteID   int32
	ModelID  int32
	OriginID int32
)

// None stands for no site or no model.
const None = -1

// World is a topology made ready for use: names resolved to numbers, round
// trips computed. It is immutable.
type World struct {
	Name string
	// Digest is the SHA-256, in hex, of the files that the world was read from.
	Digest    string
	Sites     []Site
	Models    []Model
	Origins   []Origin
	Platform  Platform
	Quality   Quality
	Validator Validator
	Faults    []Fault
	// DeviceSite is the one site of tier Device, or None. It stands for every
	// user's own device: it is where its session's origin is, and sessions do
	// not compete for it.
	DeviceSite SiteID
	// Replicas numbers every replica of every deployment.
	Replicas []Replica
	// StateSite is where an external state store lives for a home (indexed by
	// the home's SiteID), ToolSite where a central tool place does; None: at
	// the home itself.
	StateSite, ToolSite []SiteID

	links   []Link // place x place, row by row
	nearest [][]SiteID
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
	// EgressUSDPerGB is paid per byte that leaves the site's provider.
	EgressUSDPerGB float64
	Cache          ResponseCache
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
	// KVTokens is how many tokens of context a replica's cache holds.
	KVTokens int64
	Price    Price
	// ColdStart is the delay of the first request to a replica that is not
	// running, and WarmFor how long it runs on without work (0: always runs).
	ColdStart, WarmFor time.Duration
	// JoulesPerTok is the energy per output token; 0 where unknown.
	JoulesPerTok float64
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

// Place numbers the ends of links: sites first, then origins.
type Place int32

// Link is what the network between two places does.
type Link struct {
	// RTT is the undisturbed round trip.
	RTT time.Duration
	// JitterMedian and JitterSigma give the lognormal extra delay of one
	// round trip.
	JitterMedian time.Duration
	JitterSigma  float64
	// Loss is the probability that a transfer meets a retransmission, which
	// costs a retransmission timeout.
	Loss float64
	Hops int16
	// GBPerS is the bandwidth for one transfer, in 10^9 bytes/s.
	GBPerS float32
}

// Platform says where state, orchestration and tools are, and what they cost.
type Platform struct {
	State         StateStore
	Orchestration Orchestration
	Sandbox       Sandbox
	// ToolsAt is "home", "data" or "central".
	ToolsAt string
	// KeepAlive is how long a connection stays open without use.
	KeepAlive time.Duration
	// ViewAge is how often a site reports its load; Propagation is added.
	ViewInterval time.Duration
	// TransferStart is the congestion window of a new connection in bytes
	// (RFC 6928: 10 segments).
	InitialWindow int
	TLSRoundTrips int // of connection set-up, TCP included
	BytesPerToken float64
	SSEBytes      float64 // framing per streamed token
}

// StateStore is where a session's events become durable.
type StateStore struct {
	External bool
	// Commit is the store's own time per write, p50 and p99 (lognormal).
	CommitP50, CommitP99 time.Duration
	USDPerWrite          float64
}

// Orchestration is who drives the steps.
type Orchestration struct {
	Service       bool
	TransitionP50 time.Duration
	TransitionP99 time.Duration
	USDPerStep    float64
	StepsPerCall  int // transitions for one model call and its tools
}

// Sandbox is where tools run.
type Sandbox struct {
	Kind             string // isolate or container
	StartP50         time.Duration
	StartP99         time.Duration
	WarmShare        float64 // of calls that find a warm sandbox
	WarmStart        time.Duration
	USDPerCall       float64
	USDPerGBSecond   float64
	MemoryGB         float64
	OverheadPerBurst time.Duration
}

// Quality is the model of success of DESIGN section 5.
type Quality struct {
	Rho float64
	// Difficulty gives mean and standard deviation of a step's difficulty by
	// kind, for steps that state none.
	Difficulty map[string]Normal
	// PredictorError is the standard deviation of a policy's guess.
	PredictorError float64
}

// Normal is a normal distribution.
type Normal struct{ Mean, SD float64 }

// Validator checks answers.
type Validator struct {
	Miss, FalseAlarm float64 // probabilities
	Latency          time.Duration
	USDPerCall       float64
	// Fatal is the probability that an accepted error fails the session.
	Fatal float64
}

// Fault takes a site or a link out of service, or slows it.
type Fault struct {
	Site     SiteID // None: a link
	From, To Place
	// Start and Length give one window; Every, when set, repeats it.
	Start, Length, Every time.Duration
	// Probability is drawn for each window (1: always).
	Probability float64
	// Down fails what is there; otherwise round trips are multiplied by Slow.
	Down bool
	Slow float64
}

// SitePlace is a site's place.
func (w *World) SitePlace(s SiteID) Place { return Place(s) }

// OriginPlace is an origin's place.
func (w *World) OriginPlace(o OriginID) Place { return Place(len(w.Sites)) + Place(o) }

// PlaceOf is where a site is for a session with the given origin: the device
// is where its user is.
func (w *World) PlaceOf(s SiteID, o OriginID) Place {
	if s == w.DeviceSite {
		return w.OriginPlace(o)
	}
	return Place(s)
}

// Link is the network between two places.
func (w *World) Link(a, b Place) *Link {
	n := len(w.Sites) + len(w.Origins)
	return &w.links[int(a)*n+int(b)]
}

// Nearest lists all sites by round trip from a place, nearest first, ties by
// number. From an origin it begins with the device.
func (w *World) Nearest(from Place) []SiteID { return w.nearest[from] }

// Deployment is model m at site s, or nil.
func (w *World) Deployment(s SiteID, m ModelID) *Deployment {
	d := w.Sites[s].Deployments
	for i := range d {
		if d[i].Model == m {
			return &d[i]
		}
	}
	return nil
}
