package gateway

import (
	"bytes"
	"encoding/json"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"tierlab/engine"
	"tierlab/engine/backend/cpu"
	"tierlab/engine/model"
	"tierlab/engine/tokenizer"
	"tierlab/engine/tokenizer/chat"
)

// TestCachedTokens holds that a second turn is told what of its prompt was
// cached, and that another salt shares nothing.
func TestCachedTokens(t *testing.T) {
	w := newWorld(t, nil)
	prompt := strings.Repeat("word ", 20)
	cached := func(extra string) int {
		a := w.post(t, completions, fmt.Sprintf(`{"prompt":%q,"max_tokens":1%s}`, prompt, extra))
		return parse[completion](t, a).usage(t).PromptTokensDetails.CachedTokens
	}
	if n := cached(""); n != 0 {
		t.Errorf("at first %d tokens are cached", n)
	}
	if n := cached(""); n < 64 || n >= 100 {
		t.Errorf("then %d of 100 are", n)
	}
	if n := cached(`,"cache_salt":"other"`); n != 0 {
		t.Errorf("with another salt %d are", n)
	}
	if n := cached(`,"cache_salt":"other","session":"s","keep_ms":60000,"priority":-3`); n < 64 {
		t.Errorf("and then %d", n)
	}
	eventually(t, "the last context is retained", func() bool { return w.engine.Stats().Cache.Charge > 0 })
}

// usage reads what completion holds as any.
func (c completion) usage(t *testing.T) usage {
	t.Helper()
	b, err := json.Marshal(c.Usage)
	var u usage
	if err == nil {
		err = json.Unmarshal(b, &u)
	}
	if err != nil {
		t.Fatal(err)
	}
	return u
}

// TestStop holds that stop strings and tokens end an output and are not part
// of it.
func TestStop(t *testing.T) {
	w := newWorld(t, nil)
	whole := parse[completion](t, w.post(t, completions, `{"prompt":"abc","max_tokens":12,"return_token_ids":true}`)).Choices[0]
	if len(whole.Text) < 12 || len(whole.TokenIDs) != 12 {
		t.Fatalf("the output is %q", whole.Text)
	}
	mark := string([]rune(whole.Text)[6:9])
	before, _, _ := strings.Cut(whole.Text, mark)
	quoted, err := json.Marshal(mark)
	if err != nil {
		t.Fatal(err)
	}
	for _, body := range []string{
		fmt.Sprintf(`{"prompt":"abc","max_tokens":12,"stop":%s}`, quoted),
		fmt.Sprintf(`{"prompt":"abc","max_tokens":12,"stop":["never there",%s]}`, quoted),
	} {
		c := parse[completion](t, w.post(t, completions, body)).Choices[0]
		if c.Text != before || *c.FinishReason != "stop" {
			t.Errorf("%s gave %q (%s), want %q", body, c.Text, *c.FinishReason, before)
		}
	}
	c := parse[completion](t, w.post(t, completions, fmt.Sprintf(`{"prompt":"abc","max_tokens":12,"stop_token_ids":[%d]}`, whole.TokenIDs[3]))).Choices[0]
	if *c.FinishReason != "stop" || !strings.HasPrefix(whole.Text, c.Text) || len(c.Text) >= len(whole.Text) {
		t.Errorf("a stop token gave %q (%s)", c.Text, *c.FinishReason)
	}
}

// TestTimings holds the engine's figures to what they are figures of.
func TestTimings(t *testing.T) {
	w := newWorld(t, slowDevice(4*time.Millisecond))
	check := func(kind string, got *timings) {
		t.Helper()
		if got == nil || got.Output != 6 || got.Prompt != 3 || got.Prefill < 3.5 || got.Decode < 5*3.5 || got.Queue < 0 {
			t.Errorf("%s: %+v for 6 tokens of 4 ms", kind, got)
		}
	}
	body := `{"prompt":"abc","max_tokens":6,"ignore_eos":true,"return_timings":true,"stream":%v}`
	check("whole", parse[completion](t, w.post(t, completions, fmt.Sprintf(body, false))).Timings)
	list := events(t, w.post(t, completions, fmt.Sprintf(body, true)).body)
	var last completion
	if err := json.Unmarshal([]byte(list[len(list)-1]), &last); err != nil {
		t.Fatal(err)
	}
	check("stream", last.Timings)
	chatBody := `{` + hello + `,"max_tokens":2,"return_timings":true}`
	if got := parse[chatCompletion](t, w.post(t, chatPath, chatBody)).Timings; got == nil || got.Output == 0 {
		t.Errorf("chat: %+v", got)
	}
}

// TestMetrics reads the figures that dashboards of vLLM read.
func TestMetrics(t *testing.T) {
	w := newWorld(t, nil)
	prompt := strings.Repeat("x", 40)
	for range 2 {
		w.post(t, completions, fmt.Sprintf(`{"prompt":%q,"max_tokens":5,"ignore_eos":true}`, prompt))
	}
	w.post(t, completions, `{"prompt":7}`)
	eventually(t, "the engine has counted", w.idle)
	text := w.get(t, "/metrics").body
	value := func(series string) float64 {
		t.Helper()
		found := regexp.MustCompile(`(?m)^` + regexp.QuoteMeta(series) + ` (\S+)$`).FindStringSubmatch(text)
		if found == nil {
			t.Errorf("there is no %s", series)
			return -1
		}
		v, _ := strconv.ParseFloat(found[1], 64)
		return v
	}
	const label = `{model_name="test-model"}`
	for series, want := range map[string]float64{
		"vllm:num_requests_running" + label:                                                             0,
		"vllm:num_requests_waiting" + label:                                                             0,
		"vllm:kv_cache_usage_perc" + label:                                                              0,
		"vllm:num_preemptions_total" + label:                                                            0,
		"vllm:prompt_tokens_total" + label:                                                              80,
		"vllm:generation_tokens_total" + label:                                                          10,
		"vllm:prefix_cache_queries_total" + label:                                                       80,
		"vllm:prefix_cache_hits_total" + label:                                                          32,
		"vllm:request_prompt_tokens_sum" + label:                                                        80,
		"vllm:request_generation_tokens_count" + label:                                                  2,
		"vllm:time_to_first_token_seconds_count" + label:                                                2,
		"vllm:inter_token_latency_seconds_count" + label:                                                8,
		"vllm:request_time_per_output_token_seconds_count" + label:                                      2,
		"vllm:e2e_request_latency_seconds_count" + label:                                                2,
		"vllm:request_queue_time_seconds_count" + label:                                                 2,
		"vllm:request_prefill_time_seconds_count" + label:                                               2,
		"vllm:request_decode_time_seconds_count" + label:                                                2,
		"vllm:request_inference_time_seconds_count" + label:                                             2,
		"vllm:request_params_max_tokens_sum" + label:                                                    10,
		"vllm:iteration_tokens_total_count" + label:                                                     10,
		`vllm:request_success_total{finished_reason="length",model_name="test-model"}`:                  2,
		`vllm:request_success_total{finished_reason="stop",model_name="test-model"}`:                    0,
		`tierlab_http_responses_total{model_name="test-model",path="` + completions + `",status="400"}`: 1,
		"tierlab_requests_refused_total" + label:                                                        0,
	} {
		if got := value(series); got != want {
			t.Errorf("%s is %v, want %v", series, got, want)
		}
	}
}

// TestUsage holds the bound on the memory's use between what is certain.
func TestUsage(t *testing.T) {
	w := newWorld(t, slowDevice(2*time.Millisecond))
	conn := dial(t, w)
	conn.post(completions, `{"prompt":"`+strings.Repeat("x", testContext/2)+`","max_tokens":1000,"ignore_eos":true,"stream":true}`)
	eventually(t, "its prompt is in the memory", func() bool { return w.engine.Stats().Sched.Produced > 0 })
	text := w.get(t, "/metrics").body
	found := regexp.MustCompile(`vllm:kv_cache_usage_perc{\S* (\S+)`).FindStringSubmatch(text)
	if v, err := strconv.ParseFloat(found[1], 64); err != nil || v < 0.5 || v > 1 {
		t.Errorf("a request with half of the memory uses %s", found[1])
	}
}

// TestLog holds what a line of the access log says.
func TestLog(t *testing.T) {
	var log bytes.Buffer
	w := newWorld(t, func(s *setup) {
		s.config.Log = slog.New(slog.NewJSONHandler(&log, nil))
	})
	r := httptest.NewRequest("POST", completions, strings.NewReader(`{"prompt":"abc","max_tokens":4,"ignore_eos":true}`))
	r.Header.Set("Content-Type", "application/json")
	w.server.ServeHTTP(httptest.NewRecorder(), r)
	var line map[string]any
	if err := json.Unmarshal(log.Bytes(), &line); err != nil {
		t.Fatalf("%v in %s", err, log.String())
	}
	for name, want := range map[string]any{"id": "0", "method": "POST", "path": completions, "status": 200.0, "prompt": 3.0, "cached": 0.0, "output": 4.0, "finish": "length"} {
		if line[name] != want {
			t.Errorf("%s is %v, want %v", name, line[name], want)
		}
	}
}

// TestPanic holds that a mistake of ours answers one request and no more.
func TestPanic(t *testing.T) {
	w := newWorld(t, nil)
	handler := w.server.logged("/boom", func(http.ResponseWriter, *http.Request) { panic("a mistake") })
	a := httptest.NewRecorder()
	handler.ServeHTTP(a, httptest.NewRequest("GET", "/boom", nil))
	if a.Code != 500 || !strings.Contains(a.Body.String(), `"type":"server_error"`) || strings.Contains(a.Body.String(), "a mistake") {
		t.Errorf("%d %s", a.Code, a.Body)
	}
}

// TestNoTemplate holds that a model without a chat template completes text and
// refuses conversations.
func TestNoTemplate(t *testing.T) {
	w := newWorld(t, func(s *setup) { s.config.Template, s.config.Begin = nil, []int32{256} })
	if p := parseProblem(t, w.post(t, chatPath, `{`+hello+`}`)); !strings.Contains(p.Message, "/v1/completions") {
		t.Errorf("%+v", p)
	}
	if p := parseProblem(t, w.post(t, "/tokenize", `{`+hello+`}`)); *p.Param != "messages" {
		t.Errorf("%+v", p)
	}
	if got := parse[tokenized](t, w.post(t, "/tokenize", `{"prompt":"a"}`)); fmt.Sprint(got.Tokens) != "[256 97]" {
		t.Errorf("a text begins as %v", got.Tokens)
	}
	if got := parse[tokenized](t, w.post(t, "/tokenize", `{"prompt":"a","add_special_tokens":false}`)); fmt.Sprint(got.Tokens) != "[97]" {
		t.Errorf("without the first token: %v", got.Tokens)
	}
}

// TestRandomWeights runs the smallest real model: however random its weights,
// a required tool call is valid, a seed repeats an output, and a stream says
// the same as a whole response.
func TestRandomWeights(t *testing.T) {
	shape, err := model.Preset("tiny")
	if err != nil {
		t.Fatal(err)
	}
	device, err := cpu.Open(cpu.Config{Source: model.Seeded(shape, 1), Numerics: "f32", Threads: 1, Slots: 4, Budget: 256, BlockTokens: 32, Blocks: 128})
	if err != nil {
		t.Fatal(err)
	}
	words, err := tokenizer.NewBytes(shape.Vocab)
	if err != nil {
		t.Fatal(err)
	}
	metrics := NewMetrics("tiny", shape.Context)
	e, err := engine.New(engine.Config{Backend: device, Tokenizer: words, Observer: metrics, End: shape.EOS})
	if err != nil {
		t.Fatal(err)
	}
	defer e.Close()
	s, err := New(Config{Engine: e, Metrics: metrics, Model: "tiny", Template: chat.Llama3{}})
	if err != nil {
		t.Fatal(err)
	}
	web := httptest.NewServer(s)
	defer web.Close()
	w := &world{e, s, web.URL}
	tools := `"tools":[{"type":"function","function":{"name":"weather","parameters":` + cityTool + `}}]`
	for seed := range 3 {
		body := fmt.Sprintf(`{`+hello+`,%s,"tool_choice":"required","max_tokens":150,"seed":%d`, tools, seed)
		first := parse[chatCompletion](t, w.post(t, chatPath, body+`}`)).Choices[0]
		var arguments struct{ City string }
		if len(first.Message.ToolCalls) != 1 || json.Unmarshal([]byte(first.Message.ToolCalls[0].Function.Arguments), &arguments) != nil ||
			arguments.City != "Rome" && arguments.City != "Oslo" || first.FinishReason != finishToolCalls {
			t.Fatalf("%+v", first)
		}
		var streamed string
		for _, event := range events(t, w.post(t, chatPath, body+`,"stream":true}`).body) {
			var c chatChunk
			if err := json.Unmarshal([]byte(event), &c); err != nil {
				t.Fatal(err)
			}
			for _, call := range c.Choices[0].Delta.ToolCalls {
				streamed += call.Function.Arguments
			}
		}
		if streamed != first.Message.ToolCalls[0].Function.Arguments {
			t.Errorf("the stream calls with %s, the whole response with %s", streamed, first.Message.ToolCalls[0].Function.Arguments)
		}
	}
}
