package topology

// platform resolves where state and tools are, and what the provider takes
// for them.
func (b *builder) platform() {
	f, prices := b.form.Platform, b.providers[b.form.Provider]
	b.ordered(f.State.At, "commit", f.State.CommitP50MS, f.State.CommitP99MS)
	b.ordered(f.Orchestration.At, "transition", f.Orchestration.TransitionP50MS, f.Orchestration.TransitionP99MS)
	b.ordered(f.Sandbox.At, "start", f.Sandbox.StartP50MS, f.Sandbox.StartP99MS)
	if f.Sandbox.Kind != "isolate" && f.Sandbox.Kind != "container" {
		b.add(f.Sandbox.At, "kind", "no sandbox %q%s", f.Sandbox.Kind, suggest(f.Sandbox.Kind, []string{"isolate", "container"}))
	}
	b.w.Platform = Platform{
		State: StateStore{
			External: f.State.External, CommitP50: millis(f.State.CommitP50MS), CommitP99: millis(f.State.CommitP99MS),
			USDPerWrite: prices.USDPerMWrite / 1e6,
		},
		Orchestration: Orchestration{
			Service:       f.Orchestration.Service,
			TransitionP50: millis(f.Orchestration.TransitionP50MS), TransitionP99: millis(f.Orchestration.TransitionP99MS),
			StepsPerCall: f.Orchestration.StepsPerCall,
		},
		Sandbox: Sandbox{
			Kind: f.Sandbox.Kind, StartP50: millis(f.Sandbox.StartP50MS), StartP99: millis(f.Sandbox.StartP99MS),
			WarmShare: f.Sandbox.WarmShare, WarmStart: millis(f.Sandbox.WarmStartMS),
			USDPerCall: prices.USDPerMCall / 1e6, USDPerGBSecond: prices.USDPerGBSecond,
			MemoryGB: f.Sandbox.MemoryGB,
		},
		ToolsAt: f.ToolsAt, KeepAlive: seconds(f.KeepAliveS), ViewInterval: millis(f.ViewIntervalMS),
		InitialWindow: f.InitialWindow, TLSRoundTrips: f.TLSRoundTrips,
		BytesPerToken: f.BytesPerTok, SSEBytes: f.SSEBytesPerTok,
	}
	if f.Orchestration.Service {
		b.w.Platform.Orchestration.USDPerStep = prices.USDPerKTransition / 1e3
	}
	b.places(f)
}

// ordered demands a 99th percentile that is not below the median.
func (b *builder) ordered(at pos, what string, p50, p99 float64) {
	if p99 < p50 {
		b.add(at, what+"_p99_ms", "%g is below %s_p50_ms (%g)", p99, what, p50)
	}
}

// places finds the state store and the tool place of every home.
func (b *builder) places(f *platformForm) {
	w := b.w
	switch {
	case f.State.External && f.State.Tier == "":
		b.add(f.State.At, "tier", "an external store needs the tier that it is in")
	case !f.State.External && f.State.Tier != "":
		b.add(f.State.At, "tier", "state lives with its session unless external is true")
	case f.State.External:
		w.stateTier = b.tierWithSites(f.State.At, "tier", f.State.Tier)
	}
	if f.ToolsAt != "home" && f.ToolsAt != "data" {
		w.toolTier = b.tierWithSites(f.At, "tools_at", f.ToolsAt)
	}
	if len(b.found) > 0 {
		return
	}
	w.StateSite, w.ToolSite = make([]SiteID, len(w.Sites)), make([]SiteID, len(w.Sites))
	for s := range w.Sites {
		w.StateSite[s], w.ToolSite[s] = w.beside(SiteID(s), w.stateTier), w.beside(SiteID(s), w.toolTier)
	}
}

// beside is where a home finds a service of a tier: at the home itself where
// it is in that tier or a farther one, else at the nearest site of the tier.
func (w *World) beside(home SiteID, t Tier) SiteID {
	switch {
	case t == Device || home == w.DeviceSite:
		return None
	case w.Sites[home].Tier >= t:
		return home
	}
	return w.NearestIn(Place(home), t)
}

func (b *builder) tierWithSites(at pos, field, name string) Tier {
	t, ok := tierByName(name)
	if !ok || t == Device {
		b.add(at, field, "no place %q%s", name, suggest(name, []string{"home", "data", "metro", "regional", "central"}))
		return Device
	}
	for _, s := range b.w.Sites {
		if s.Tier == t {
			return t
		}
	}
	b.add(at, field, "there is no %s site", name)
	return Device
}

// quality takes the model of success and the validator.
func (b *builder) quality() {
	q, v := b.form.Quality, b.form.Validator
	b.w.Quality = Quality{Rho: q.Rho, PredictorError: q.PredictorError, Difficulty: map[string]Normal{}}
	for kind, n := range q.Difficulty {
		if kind == otherKinds {
			kind = ""
		}
		b.w.Quality.Difficulty[kind] = Normal{n.Mean, n.SD}
	}
	if _, ok := b.w.Quality.Difficulty[""]; !ok {
		b.add(q.At, "difficulty", "give %q, for steps of other kinds", otherKinds)
	}
	b.w.Validator = Validator{
		Miss: v.MissShare, FalseAlarm: v.FalseAlarmShare, Fatal: v.FatalShare,
		Latency: millis(v.LatencyMS), USDPerCall: v.USDPerCall,
	}
}

// otherKinds is how the YAML form writes the empty step kind.
const otherKinds = "other"

// faults resolves the places of the schedule.
func (b *builder) faults() {
	for i := range b.form.Faults {
		f := &b.form.Faults[i]
		out := Fault{
			Site: None, Start: seconds(f.StartS), Length: seconds(f.LengthS), Every: seconds(f.EveryS),
			Probability: f.ProbabilityShare, Down: f.Down, Slow: max(f.SlowFactor, 1),
		}
		b.faultPlace(f, &out)
		if f.EveryS > 0 && f.EveryS < f.LengthS {
			b.add(f.At, "every_s", "%g is below length_s (%g): the windows would overlap", f.EveryS, f.LengthS)
		}
		if f.Down == (f.SlowFactor != 0) {
			b.add(f.At, "", "give either down: true or a slow_factor")
		}
		b.w.Faults = append(b.w.Faults, out)
	}
}

func (b *builder) faultPlace(f *faultForm, out *Fault) {
	switch {
	case f.Site != "" && f.From == "" && f.To == "":
		if out.Site = b.w.SiteByName(f.Site); out.Site == None {
			var names []string
			for _, s := range b.w.Sites {
				names = append(names, s.Name)
			}
			b.add(f.At, "site", "no site %q%s", f.Site, suggest(f.Site, names))
		}
	case f.Site == "" && f.From != "" && f.To != "":
		out.From, _ = b.placeNamed(f.At, "from", f.From)
		out.To, _ = b.placeNamed(f.At, "to", f.To)
	default:
		b.add(f.At, "", "give either a site or both from and to")
	}
}
