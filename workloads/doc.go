// Package workloads holds recorded and generated agent workloads: one record
// format for what a replay reads and for what it writes, its reader and its
// writer. This comment is the format's specification, version tierlab/v1.
//
// # The file
//
// A file is UTF-8 text in JSON Lines: one JSON object a line, at most MaxLine
// bytes long, each line ended by a line feed (the last one may lack it; blank
// lines are errors). An object's first field is "kind"; the others may stand in
// any order. Names are case-sensitive and stand once. A field not named here is
// an error, and so is null: what is not known is left out. Fields marked
// "required" must be present; the others default to zero, empty or absent.
//
// Units stand in the names. A field in _ms is a number of milliseconds (a
// fraction is kept to the nanosecond), zero or more, at most ten years. Tokens
// and counts are whole numbers, zero or more. Money (usd) is in US dollars.
//
// The kinds, in the order in which a file may introduce them:
//
//	header    once, the first line
//	prefix    a shared prefix; anywhere before its first use
//	session   opens a session
//	step      a step of the open session
//	outcome   what happened to the open session or one of its steps
//
// A session's lines are contiguous: session, its steps (at least one), its
// outcomes; the next session line or the end of the file closes it. So a reader
// holds one session at a time, however long the file is, and can check a
// session as a whole. Ids of sessions are unique in a file; a streaming Reader
// does not check this, ReadLibrary does.
//
// # header
//
//	schema       required: "tierlab/v1"
//	name         required: the workload's name
//	provenance   required: {source (required), license, method, notes [text],
//	             fitted {name: number}}: where it comes from and how it was made
//	tokenizer    what the token counts refer to
//	run          present when the file records a replay; see Run
//
// # prefix
//
// A named run of tokens that sessions share, such as a system prompt.
//
//	name   required, unique
//	from   the name of a prefix defined earlier
//	keep   tokens of it that this prefix begins with; at most its length
//	add    required: new tokens behind them
//
// Its length is keep + add. Two prefixes share exactly what their chains of
// from and keep say.
//
// # session
//
//	id           required
//	arrival_ms   since the start of the recording; absent where unknown
//	origin       where its user is, as the topology names its origins; absent:
//	             placed by the origins' weights
//	tenant       who pays
//	budget       {usd, steps, tokens, deadline_ms}; 0 is no limit
//	data         {pii: true} keeps every step on the device, {residency: [region]}
//	             names the regions that may see the data; not both
//	labels       {name: text}
//
// # step
//
// One reasoning step: a model call, then the tool calls it asked for.
//
//	id         required, unique in its session, not beginning with @
//	after      what it waits for, a list of edges (below)
//	llm        required: the model call (below)
//	tools      the tool calls (below), all of which start when the answer is
//	           accepted
//	pii        true keeps this one step on the device; what it adds and answers
//	           may be kept by private steps only
//	messages   the recorded chat messages, a list kept as it is
//
// A step has three moments: start (it is due), llm_done (its answer is accepted)
// and tools_done (its last tool call is done; llm_done if it has none). An edge
// of after is
//
//	step       the id of another step; absent: the session's arrival
//	on         start, llm_done or tools_done (the default); the arrival only has
//	           start
//	delay_ms   passes between that moment and this step
//	cause      what passes in it: absent (machine time that needs no explanation,
//	           such as a stagger), tool+client (the source does not separate
//	           them), human, or unknown
//	inferred   true: an importer concluded the edge
//
// A step is due when the moment of every edge has passed by its delay. A step
// without edges is due at the arrival. Edges may name steps that stand later in
// the file. When the parts of a makespan are summed, a human delay counts as
// think and any other as tool: time of unknown cause is machine time, because
// leaving it out would flatter.
//
// llm is
//
//	output_tokens       required; a replay produces exactly as many
//	context             required: the prompt (below)
//	kind, task          what the call is for (classify, summarize, extract, plan,
//	                    code, ...; an open list) and the instruction's text
//	model               the model that the recording used
//	pin                 a model that the caller demands
//	modality            text (the default), vision, audio, embedding, image
//	difficulty          a number on the models' ability scale
//	latency_budget_ms   what the caller can bear
//	solved_by           models known to succeed at this step
//	failed_by           models known to fail at it; no model is in both
//	recorded_ms         how long the call took in the recording
//	recorded_ttft_ms    its time to first token
//
// context is the prompt as a delta, so that files stay linear in what is new:
//
//	from   a step's id, "@" and a prefix's name, or absent
//	keep   the first tokens of that step's prompt and then its answer, or of
//	       that prefix; at most as many as it holds; 0 without from
//	add    required: new tokens behind them
//
// The prompt is keep + add tokens long. Keeping less than all of the base is a
// branch or a reset. The base need not be a step that this one waits for, such
// as where two sub-agents share a prompt, but contexts and edges together must
// not form a cycle. New tokens are unlike any others: their ids follow from
// (workload, session, step, position), so every engine sees the same reuse.
//
// A tool call is
//
//	name          required
//	duration_ms   from the accepted answer to its result
//	bytes_in      of its arguments; bytes_out of its result
//	data          where the data it reads lives: home (the default), origin, a
//	              tier or a site
//	status        ok (the default), error, timeout
//	spawn         [step id]: every step of a sub-agent that this call starts; the
//	              call has no duration and no code then, and is done when all
//	              these steps are (their own tools included)
//	code          {language: javascript | wasm, source}: a program for the sandbox
//
// A step stands in at most one spawn list. Each spawned step waits for its
// owner's llm_done, or for a step of the same list or spawned by one of it;
// sub-agents of sub-agents stand in the lists of those. A step that waits for the owner's tools_done
// joins the sub-agent; one that waits for llm_done runs beside it.
//
// # outcome
//
// What happened to a step (step is set) or to the session (result is set), in
// a file that records a run. Times are since the start of the run.
//
//	session, status, start_ms, end_ms   required; session is the open one's id
//	template      the workload's session that this one repeats
//	step          a step of the session
//	llm_done_ms   when the step's answer was accepted
//	attempts      every try at the model call, see Attempt
//	result        the session's makespan, split and cost, see Result
//
// status is ok, invalid, rejected, error, timeout, cancelled, budget, killed,
// no_site or partial, as Status explains.
//
// # Versions
//
// A reader of tierlab/v1 refuses every other schema, and says so when it is a
// newer one. Within a version nothing is added, since an unknown field is an
// error: a typing mistake must not silently change a result. A later version
// may add optional fields and kinds; a reader of that version reads the earlier
// ones. Removing a field, or changing what one means, is a new schema stem.
//
// # Equal files
//
// The Writer gives equal bytes for equal records: fields in the order of the
// Go structs, optional ones only where they are not zero, maps by name. What
// the Reader accepts, the Writer writes in a form that reads and writes as
// itself.
//
// # Reading guide
//
// record.go and outcome.go are the format's structs, reader.go and writer.go its
// two directions, compile.go the checks of a session as a whole and what a
// replay gets (graph.go). The example of the package is a whole file.
package workloads
