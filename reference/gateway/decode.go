package gateway

import (
	"encoding/json"
	"errors"
	"io"
	"maps"
	"mime"
	"net/http"
	"os"
	"reflect"
	"slices"
	"strings"
	"time"

	"tierlab/internal/spell"
)

// readBody reads a request's JSON text within the limits on size and time.
func (s *Server) readBody(w http.ResponseWriter, r *http.Request) ([]byte, *apiError) {
	if kind, _, err := mime.ParseMediaType(r.Header.Get("Content-Type")); err != nil || kind != "application/json" {
		return nil, newError(http.StatusUnsupportedMediaType, typeInvalid, "",
			"The body must be JSON, with the header Content-Type: application/json; it is %q.", r.Header.Get("Content-Type"))
	}
	tooLarge := newError(http.StatusRequestEntityTooLarge, typeInvalid, "request_too_large",
		"The body is larger than the server's limit of %d bytes.", s.cfg.MaxBody)
	if r.ContentLength > s.cfg.MaxBody {
		return nil, tooLarge
	}
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, s.cfg.MaxBody))
	var limit *http.MaxBytesError
	switch {
	case err == nil:
		// The connection is read on, to notice that the client has gone away; the
		// body's deadline would look the same. A writer without deadlines, as tests
		// have, reads without them.
		_ = http.NewResponseController(w).SetReadDeadline(time.Time{})
		return body, nil
	case errors.As(err, &limit):
		return nil, tooLarge
	case errors.Is(err, os.ErrDeadlineExceeded):
		return nil, newError(http.StatusRequestTimeout, typeInvalid, "", "The body did not arrive within %s.", s.cfg.BodyTimeout)
	}
	return nil, invalid("", "The body ended early: %v.", err)
}

// decode reads a JSON object into a request, which is a pointer to a struct.
// Each of the object's names must be a field, or be known to the rules.
func decode(body []byte, request any, rules parameters) *apiError {
	var object map[string]json.RawMessage
	if err := json.Unmarshal(body, &object); err != nil {
		return badJSON(err)
	}
	if object == nil {
		return invalid("", "The body must be a JSON object; it is null.")
	}
	known := fieldNames(reflect.TypeOf(request).Elem())
	for _, name := range slices.Sorted(maps.Keys(object)) {
		if err := rules.check(name, object[name], known); err != nil {
			return err
		}
	}
	if err := json.Unmarshal(body, request); err != nil {
		return badJSON(err)
	}
	return nil
}

// badJSON words a complaint of encoding/json for someone who does not know Go.
func badJSON(err error) *apiError {
	var syntax *json.SyntaxError
	var kind *json.UnmarshalTypeError
	var api *apiError
	switch {
	case errors.As(err, &api):
		return api
	case errors.As(err, &syntax):
		return invalid("", "The body is not valid JSON: %v (at byte %d).", syntax, syntax.Offset)
	case errors.As(err, &kind) && kind.Field == "":
		return invalid("", "The body must be a JSON object; it is %s.", article(kind.Value))
	case errors.As(err, &kind):
		// encoding/json names embedded structs too, of which clients know nothing.
		field := strings.TrimPrefix(strings.TrimPrefix(kind.Field, "common."), "conversation.")
		return invalid(field, "%s must be %s; it is %s.", field, typeName(kind.Type), article(kind.Value))
	}
	return invalid("", "The body cannot be read: %v.", err)
}

// typeName says in JSON's words what a Go type takes.
func typeName(t reflect.Type) string {
	if named, ok := reflect.Zero(t).Interface().(interface{ takes() string }); ok {
		return named.takes()
	}
	switch t.Kind() {
	case reflect.Bool:
		return "true or false"
	case reflect.String:
		return "a string"
	case reflect.Int, reflect.Int32, reflect.Int64:
		return "a whole number"
	case reflect.Float32, reflect.Float64:
		return "a number"
	case reflect.Slice:
		return "an array"
	case reflect.Pointer:
		return typeName(t.Elem())
	}
	return "an object"
}

// article puts "a" or "an" before what encoding/json calls a value.
func article(value string) string {
	if value == "" {
		return "something else"
	}
	if strings.ContainsRune("aeiou", rune(value[0])) {
		return "an " + value
	}
	return "a " + value
}

// fieldNames are the JSON names of a struct's fields and of the structs that
// it embeds.
func fieldNames(t reflect.Type) []string {
	var names []string
	for f := range t.Fields() {
		if name, _, _ := strings.Cut(f.Tag.Get("json"), ","); name != "" {
			names = append(names, name)
		} else if f.Anonymous {
			names = append(names, fieldNames(f.Type)...)
		}
	}
	return names
}

// parameters say what becomes of names that are no field of a request.
type parameters struct {
	// ignored do not change the output.
	ignored []string
	// refused would, and are not done: only the values listed pass, which ask
	// for what is done anyway.
	refused map[string][]any
}

// maxParameter is the longest name that is repeated, or compared with others.
const maxParameter = 64

// check refuses a name that is neither a field nor harmless.
func (p parameters) check(name string, value json.RawMessage, fields []string) *apiError {
	if slices.Contains(fields, name) || slices.Contains(p.ignored, name) {
		return nil
	}
	neutral, ok := p.refused[name]
	switch {
	case len(name) > maxParameter:
		return invalid("", "There is no parameter %.*s...", maxParameter, name)
	case !ok:
		return invalid(name, "There is no parameter %s%s", name, spell.Hint(name, fields))
	}
	var v any
	if err := json.Unmarshal(value, &v); err != nil {
		return badJSON(err)
	}
	if v == nil || slices.ContainsFunc(neutral, func(n any) bool { return reflect.DeepEqual(n, v) }) {
		return nil
	}
	if len(neutral) == 0 {
		return unsupported(name, "%s is not supported: leave it out.", name)
	}
	only, _ := json.Marshal(neutral[0]) // a constant of the tables below
	return unsupported(name, "%s is not supported: leave it out, or set it to %s.", name, only)
}

// chatParameters are the names that OpenAI's and vLLM's chat requests may have
// beside chatRequest's fields.
func chatParameters() parameters {
	p := completionParameters()
	p.refused["functions"] = nil     // before tools, which replaced them
	p.refused["function_call"] = nil // likewise
	p.refused["audio"] = nil
	p.refused["modalities"] = []any{[]any{"text"}}
	p.refused["reasoning_effort"] = []any{"none"}
	p.refused["web_search_options"] = nil
	p.refused["chat_template"] = nil
	p.refused["chat_template_kwargs"] = []any{map[string]any{}}
	p.refused["add_generation_prompt"] = []any{true}
	p.refused["continue_final_message"] = []any{false}
	p.refused["add_special_tokens"] = []any{false}
	delete(p.refused, "suffix")
	return p
}

// tokenizeParameters are likewise those of vLLM's /tokenize.
func tokenizeParameters() parameters {
	return parameters{refused: map[string][]any{
		"add_generation_prompt":  {true},
		"continue_final_message": {false},
		"chat_template":          nil,
		"chat_template_kwargs":   {map[string]any{}},
	}}
}

// completionParameters are likewise those beside completionRequest's fields.
func completionParameters() parameters {
	return parameters{
		ignored: []string{"user", "metadata", "store", "service_tier", "safety_identifier", "prompt_cache_key",
			"prompt_cache_retention", "prompt_cache_options", "prediction", "verbosity"},
		refused: map[string][]any{
			"logit_bias":                 {map[string]any{}},
			"presence_penalty":           {0.0},
			"frequency_penalty":          {0.0},
			"repetition_penalty":         {1.0},
			"best_of":                    {1.0},
			"echo":                       {false},
			"suffix":                     {""},
			"min_tokens":                 {0.0},
			"use_beam_search":            {false},
			"length_penalty":             {1.0},
			"early_stopping":             {false},
			"bad_words":                  {[]any{}},
			"allowed_token_ids":          nil,
			"include_stop_str_in_output": {false},
			"skip_special_tokens":        {true},
			"truncate_prompt_tokens":     nil,
			"prompt_logprobs":            nil,
			"logits_processors":          nil,
			"guided_json":                nil,
			"guided_regex":               nil,
			"guided_choice":              nil,
			"guided_grammar":             nil,
			"structured_outputs":         nil,
		},
	}
}
