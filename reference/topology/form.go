package topology

// The structs of this file are the YAML form of a topology, field by field.
// Keys carry their unit; the doc comment of the package says what each means.

type topologyForm struct {
	At        pos
	Schema    string                      `yaml:"schema" is:"required"`
	Name      string                      `yaml:"name" is:"required"`
	About     string                      `yaml:"about"`
	Extends   string                      `yaml:"extends"`
	RTTModel  string                      `yaml:"rtt_model"`
	Provider  string                      `yaml:"provider"`
	Network   *networkForm                `yaml:"network"`
	Origins   *citiesForm                 `yaml:"origins"`
	Racks     map[string][]deploymentForm `yaml:"racks"`
	Sites     []siteForm                  `yaml:"sites"`
	Links     []linkForm                  `yaml:"links"`
	Platform  *platformForm               `yaml:"platform"`
	Quality   *qualityForm                `yaml:"quality"`
	Validator *validatorForm              `yaml:"validator"`
	Faults    []faultForm                 `yaml:"faults"`
}

// citiesForm chooses rows of cities.csv: by name, or a range of ranks by
// population, to which Spread adds the cities farthest from all chosen ones.
type citiesForm struct {
	At        pos
	Names     []string `yaml:"names"`
	FirstRank int      `yaml:"first_rank" is:">=1"`
	LastRank  int      `yaml:"last_rank" is:">=1"`
	Spread    int      `yaml:"spread" is:">=0"`
}

type siteForm struct {
	At          pos
	Name        string           `yaml:"name" is:"required"`
	Tier        string           `yaml:"tier" is:"required"`
	Provider    string           `yaml:"provider"`
	Cities      *citiesForm      `yaml:"cities"`
	City        string           `yaml:"city"`
	LatDeg      *float64         `yaml:"lat_deg" is:">=-90,<=90"`
	LonDeg      *float64         `yaml:"lon_deg" is:">=-180,<=180"`
	Region      string           `yaml:"region"`
	Home        bool             `yaml:"home"`
	Rack        string           `yaml:"rack"`
	Deployments []deploymentForm `yaml:"deployments"`
	Cache       *cacheForm       `yaml:"response_cache"`
	Stores      bool             `yaml:"stores_conversations"`
}

type deploymentForm struct {
	At             pos
	Model          string        `yaml:"model" is:"required"`
	Accelerator    string        `yaml:"accelerator"`
	PerReplica     float64       `yaml:"accelerators_per_replica" is:">0,<=1024"`
	Replicas       int           `yaml:"replicas" is:"required,>=1,<=10000"`
	Slots          int           `yaml:"slots" is:"required,>=1,<=100000"`
	QueueLimit     int           `yaml:"queue_limit" is:">=0"`
	BytesPerWeight float64       `yaml:"bytes_per_weight" is:">0,<=8"`
	ColdStartS     float64       `yaml:"cold_start_s" is:">=0"`
	WarmForS       float64       `yaml:"warm_for_s" is:">=0"`
	PrefillTokPerS *float64      `yaml:"prefill_tok_per_s" is:">0"`
	StepBaseMS     *float64      `yaml:"step_base_ms" is:">0"`
	StepPerSeqMS   *float64      `yaml:"step_per_seq_ms" is:">=0"`
	KVTok          *int          `yaml:"kv_tok" is:">=1"`
	Batching       *batchingForm `yaml:"batching"`
	USDPerMtokIn   *float64      `yaml:"usd_per_mtok_in" is:">=0"`
	USDPerMtokHit  *float64      `yaml:"usd_per_mtok_cached" is:">=0"`
	USDPerMtokOut  *float64      `yaml:"usd_per_mtok_out" is:">=0"`
}

// batchingForm says how the deployment's engine schedules; what it leaves out
// is DefaultBatching's.
type batchingForm struct {
	At        pos
	BlockTok  *int     `yaml:"block_tok" is:">=1,<=4096"`
	BudgetTok *int     `yaml:"budget_tok" is:">=1,<=1000000"`
	StallMS   *float64 `yaml:"stall_ms" is:">=0"`
	Ahead     *int     `yaml:"ahead_iterations" is:">=0,<=16"`
	KeepShare *float64 `yaml:"keep_share" is:">=0,<=1"`
}

type cacheForm struct {
	At        pos
	LatencyMS float64            `yaml:"latency_ms" is:"required,>=0"`
	HitShare  map[string]float64 `yaml:"hit_share" is:"required"`
}

type networkForm struct {
	At          pos
	PathStretch float64             `yaml:"path_stretch" is:"required,>=1,<=10"`
	FibreKMPerS float64             `yaml:"fibre_km_per_s" is:"required,>=1000,<=299793"`
	SameSite    pathForm            `yaml:"same_site" is:"required"`
	Device      pathForm            `yaml:"device" is:"required"`
	Access      accessForm          `yaml:"access" is:"required"`
	Tiers       map[string]tierForm `yaml:"tiers" is:"required"`
}

// pathForm is a path without distance.
type pathForm struct {
	At             pos
	RTTMS          float64 `yaml:"rtt_ms" is:"required,>=0,<=600000"`
	JitterMedianMS float64 `yaml:"jitter_median_ms" is:"required,>=0"`
	JitterSigma    float64 `yaml:"jitter_sigma" is:"required,>=0"`
	LossShare      float64 `yaml:"loss_share" is:"required,>=0,<=1"`
	Hops           int     `yaml:"hops" is:"required,>=0,<=255"`
	GBPerS         float64 `yaml:"gb_per_s" is:"required,>0"`
}

// accessForm is the users' own last mile.
type accessForm struct {
	At     pos
	RTTMS  float64 `yaml:"rtt_ms" is:"required,>=0,<=600000"`
	GBPerS float64 `yaml:"gb_per_s" is:"required,>0"`
}

// tierForm is the path to a site of a tier.
type tierForm struct {
	At             pos
	AccessRTTMS    float64 `yaml:"access_rtt_ms" is:"required,>=0,<=600000"`
	NearRTTMS      float64 `yaml:"near_rtt_ms" is:"required,>=0,<=600000"`
	FarRTTMS       float64 `yaml:"far_rtt_ms" is:"required,>=0,<=600000"`
	ReachKM        float64 `yaml:"reach_km" is:"required,>0"`
	JitterMedianMS float64 `yaml:"jitter_median_ms" is:"required,>=0"`
	JitterSigma    float64 `yaml:"jitter_sigma" is:"required,>=0"`
	LossShare      float64 `yaml:"loss_share" is:"required,>=0,<=1"`
	NearHops       float64 `yaml:"near_hops" is:"required,>=0"`
	HopsPerMm      float64 `yaml:"hops_per_1000_km" is:"required,>=0"`
	MostHops       int     `yaml:"most_hops" is:"required,>=1,<=255"`
	GBPerS         float64 `yaml:"gb_per_s" is:"required,>0"`
}

// linkForm replaces figures of one link, in both directions.
type linkForm struct {
	At             pos
	From           string   `yaml:"from" is:"required"`
	To             string   `yaml:"to" is:"required"`
	RTTMS          *float64 `yaml:"rtt_ms" is:">=0,<=600000"`
	JitterMedianMS *float64 `yaml:"jitter_median_ms" is:">=0"`
	JitterSigma    *float64 `yaml:"jitter_sigma" is:">=0"`
	LossShare      *float64 `yaml:"loss_share" is:">=0,<=1"`
	Hops           *int     `yaml:"hops" is:">=0,<=255"`
	GBPerS         *float64 `yaml:"gb_per_s" is:">0"`
}

type platformForm struct {
	At             pos
	State          stateForm         `yaml:"state" is:"required"`
	Orchestration  orchestrationForm `yaml:"orchestration" is:"required"`
	Sandbox        sandboxForm       `yaml:"sandbox" is:"required"`
	ToolsAt        string            `yaml:"tools_at" is:"required"`
	KeepAliveS     float64           `yaml:"keep_alive_s" is:"required,>=0"`
	ViewIntervalMS float64           `yaml:"view_interval_ms" is:"required,>0"`
	InitialWindow  int               `yaml:"initial_window_bytes" is:"required,>=1"`
	TLSRoundTrips  int               `yaml:"tls_round_trips" is:"required,>=0"`
	BytesPerTok    float64           `yaml:"bytes_per_tok" is:"required,>0"`
	SSEBytesPerTok float64           `yaml:"sse_bytes_per_tok" is:"required,>=0"`
}

type stateForm struct {
	At          pos
	External    bool    `yaml:"external"`
	Tier        string  `yaml:"tier"`
	CommitP50MS float64 `yaml:"commit_p50_ms" is:"required,>=0"`
	CommitP99MS float64 `yaml:"commit_p99_ms" is:"required,>=0"`
}

type orchestrationForm struct {
	At              pos
	Service         bool    `yaml:"service"`
	TransitionP50MS float64 `yaml:"transition_p50_ms" is:">=0"`
	TransitionP99MS float64 `yaml:"transition_p99_ms" is:">=0"`
	StepsPerCall    int     `yaml:"transitions_per_call" is:">=0"`
}

type sandboxForm struct {
	At          pos
	Kind        string  `yaml:"kind" is:"required"`
	StartP50MS  float64 `yaml:"start_p50_ms" is:"required,>=0"`
	StartP99MS  float64 `yaml:"start_p99_ms" is:"required,>=0"`
	WarmShare   float64 `yaml:"warm_share" is:"required,>=0,<=1"`
	WarmStartMS float64 `yaml:"warm_start_ms" is:"required,>=0"`
	MemoryGB    float64 `yaml:"memory_gb" is:"required,>0"`
}

type qualityForm struct {
	At             pos
	Rho            float64               `yaml:"rho" is:"required,>=0,<=1"`
	PredictorError float64               `yaml:"predictor_error" is:"required,>=0"`
	Difficulty     map[string]normalForm `yaml:"difficulty" is:"required"`
}

type normalForm struct {
	At   pos
	Mean float64 `yaml:"mean" is:"required"`
	SD   float64 `yaml:"sd" is:"required,>=0"`
}

type validatorForm struct {
	At              pos
	MissShare       float64 `yaml:"miss_share" is:"required,>=0,<=1"`
	FalseAlarmShare float64 `yaml:"false_alarm_share" is:"required,>=0,<=1"`
	FatalShare      float64 `yaml:"fatal_share" is:"required,>=0,<=1"`
	LatencyMS       float64 `yaml:"latency_ms" is:"required,>=0"`
	USDPerCall      float64 `yaml:"usd_per_call" is:"required,>=0"`
}

type faultForm struct {
	At               pos
	Site             string  `yaml:"site"`
	From             string  `yaml:"from"`
	To               string  `yaml:"to"`
	StartS           float64 `yaml:"start_s" is:">=0"`
	LengthS          float64 `yaml:"length_s" is:"required,>0"`
	EveryS           float64 `yaml:"every_s" is:">=0"`
	ProbabilityShare float64 `yaml:"probability_share" is:"required,>=0,<=1"`
	Down             bool    `yaml:"down"`
	SlowFactor       float64 `yaml:"slow_factor" is:">=1"`
}
