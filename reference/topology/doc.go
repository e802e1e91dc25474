// Package topology holds the modelled world: sites in tiers, the network
// between them, the models that they serve, prices, the platform's services
// and the model of success. It is pure: Load and Parse read from an fs.FS that
// they are handed, and the same files give the same World.
//
// # Files
//
// A catalogue is a folder with models.yaml, accelerators.yaml, prices.yaml and
// cities.csv, and with topologies in topologies/NAME.yaml. Every YAML file
// names schema tierlab-topology/v1. The form is strict: a field that is
// unknown, missing, repeated, of another type or out of range is a Problem with
// file, line, field and what would be right; anchors and aliases are refused.
// A key ends in its unit (rtt_ms, gb_per_s with 1 GB = 10^9 bytes,
// usd_per_mtok_in); a key ending in _share is a part of 1. Any mapping may have
// a source and a date (year and month), which hold for the figures in it and
// below it. A source begins with what it is: "published: ", "measured: ",
// "assumption: " or "scenario: " (a choice that defines the modelled world).
// CheckSources demands them.
//
// A topology has these sections. With extends it takes the sections that it
// lacks from another topology of the catalogue; racks are joined by name.
//
//	name, about       the topology's name, and a sentence on it
//	extends           a topology that gives what is missing here
//	rtt_model         banded or geographic, see below
//	provider          the entry of prices.yaml that platform and sites pay
//	network           figures of paths by tier
//	origins           the cities where users are, weighted by their people
//	racks             named lists of deployments
//	sites             entries of sites, each in one tier
//	links             figures that replace those of single links
//	platform          state, orchestration, sandbox, tools, connections
//	quality           rho and the difficulty of steps by kind ("other": any other)
//	validator         what checks answers, and what it costs
//	faults            windows in which a site or a link is down or slow
//
// An entry of sites is one site (city, or lat_deg, lon_deg and region), one
// site per city (cities: the site is then called NAME-CITY), or the device, which
// stands for the device of every user and has no place of its own. Cities are
// chosen by names, or by first_rank and last_rank of population; spread adds,
// one by one, the cities farthest from all chosen ones and from those of lower
// rank. Origins are called by their city: lower case, hyphens for spaces.
// A site's deployments are those of its rack, then its own.
//
// # Round trips
//
// With d the great-circle distance, s the path_stretch and v the speed of light
// in fibre (two thirds of c), the geographic model is
//
//	RTT = access(a) + access(b) + s * 2d / v
//
// where access is the last mile of users, or the tier's access_rtt_ms of a
// site. The stretch of real paths over the great circle is 1.3 for the best
// conduits and 2.1 by rule of thumb in the United States (Bozkurt et al.,
// Dissecting Latency in the Internet's Fiber Infrastructure, arXiv:1811.10737).
//
// The banded model puts round trips into the band that a tier is said to have.
// Within reach_km of a site it rises linearly from near_rtt_ms to far_rtt_ms;
// beyond, at the geographic slope:
//
//	RTT = near + (far - near) * d / reach          d <= reach
//	RTT = far + s * 2 (d - reach) / v              d > reach
//
// The band is that of the farther tier of the two ends, also between sites: a
// metro site is a central round trip away from a central one in the same city,
// because that is what the bands claim. Both models are symmetric, rise with
// distance and never make a detour worth while. A site reaches itself by
// same_site, a user the own device by device.
//
// Jitter is lognormal, given by its median and sigma; loss is the share of
// transfers that meet a retransmission; hops are near_hops and hops_per_1000_km
// up to most_hops; a path's bandwidth is that of its slower end. All four are
// the farther tier's.
//
// # Speed of a deployment
//
// A replica runs on n accelerators (n below 1 is a share of one) of F bf16
// FLOP/s, B bytes/s and M bytes of memory, and holds a model with P weights, A
// of them active for a token, at w bytes each. A token's keys and values take
// K = 2 * layers * kv_heads * head_dim * bytes_per_kv_value. With the shares
// that an engine reaches (section serving of accelerators.yaml; p is
// tensor_parallel_share where n > 1, else 1) and C the mean context, never
// more than the model's own, the roofline (Williams, Waterman, Patterson, CACM
// 2009) gives
//
//	prefill  = n F p prefill_flops_share / (2 A)                       tokens/s
//	base     = P w / (n B p decode_bandwidth_share) + iteration_ms     per iteration
//	per seq  = 2 A / (n F p prefill_flops_share)
//	           + K C / (n B p decode_bandwidth_share)
//	cache    = (n M usable_memory_share - P w) / K                     tokens
//
// Compute and memory times are added rather than maximised, which overstates an
// iteration where they overlap; a mixture of experts reads all weights in an
// iteration, which holds for large batches. Arithmetic is counted at the bf16
// rate also where weights are stored in fewer bits. Energy per output token is
// power times the time of an iteration with all slots in use, divided by the
// slots. A deployment may give its own prefill_tok_per_s, step_base_ms,
// step_per_seq_ms and kv_tok instead, measured on a real engine; with all four
// it needs no accelerator.
//
// Under batching a deployment says how its engine schedules at the simulator's
// engine fidelity: block_tok and keep_share of its cache, budget_tok and stall_ms
// of an iteration, and ahead_iterations. DefaultBatching has what it leaves out.
//
// # Ability and difficulty
//
// Both are on a probit scale: an attempt at a step of difficulty d by a model
// of ability a succeeds with probability Phi(a - d). Difficulty 0 is the median
// agent step. The figures are assumptions, calibrated to shares of solved
// median steps (frontier 96 %, 70B 90 %, 8B 78 %, 1B 55 %) and to easy kinds
// (classify, summarize, extract, route, tool_select) that a model of 8B solves
// nine times of ten; what follows from them is an estimate.
package topology
