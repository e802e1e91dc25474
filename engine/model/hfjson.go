package model

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"reflect"
)

// tokenIDs reads a field that has an id, a list of ids, or null.
func tokenIDs(field string, text json.RawMessage) ([]int32, error) {
	if len(text) == 0 || string(text) == "null" {
		return nil, nil
	}
	var one int32
	if json.Unmarshal(text, &one) == nil {
		return []int32{one}, nil
	}
	var list []int32
	if json.Unmarshal(text, &list) != nil {
		return nil, fmt.Errorf("%s is %.40s, where a token id, a list of them or null belongs", field, text)
	}
	return list, nil
}

// readConfig reads a folder's config.json and the end tokens of its
// generation_config.json.
func readConfig(dir string) (Config, error) {
	path := filepath.Join(dir, "config.json")
	text, err := os.ReadFile(path)
	if err != nil {
		return Config{}, err
	}
	c, err := ParseConfig(folderName(dir), text)
	if err != nil {
		return Config{}, fmt.Errorf("%s: %w", path, err)
	}
	path = filepath.Join(dir, "generation_config.json")
	text, err = os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return c, nil
	}
	if err != nil {
		return Config{}, err
	}
	var g struct {
		EOS json.RawMessage `json:"eos_token_id"`
	}
	if err := unmarshal(text, &g); err != nil {
		return Config{}, fmt.Errorf("%s: %w", path, err)
	}
	ids, err := tokenIDs("eos_token_id", g.EOS)
	if err != nil {
		return Config{}, fmt.Errorf("%s: %w", path, err)
	}
	if len(ids) > 0 {
		c.EOS = ids
	}
	if err := c.Validate(); err != nil {
		return Config{}, fmt.Errorf("%s: %w", path, err)
	}
	return c, nil
}

// folderName is a folder's own name, for messages and for an API's list of models.
func folderName(dir string) string {
	if abs, err := filepath.Abs(dir); err == nil {
		dir = abs
	}
	return filepath.Base(dir)
}

// unmarshal is json.Unmarshal with errors that name the line or the field.
func unmarshal(text []byte, v any) error {
	err := json.Unmarshal(text, v)
	var syntax *json.SyntaxError
	var kind *json.UnmarshalTypeError
	switch {
	case errors.As(err, &syntax):
		return fmt.Errorf("line %d: %w", 1+bytes.Count(text[:min(int(syntax.Offset), len(text))], []byte("\n")), err)
	case errors.As(err, &kind) && kind.Field == "":
		return fmt.Errorf("it is a JSON %s; a JSON object belongs there", kind.Value)
	case errors.As(err, &kind):
		return fmt.Errorf("%s is a JSON %s, where %s belongs", kind.Field, kind.Value, jsonKind(kind.Type))
	}
	return err
}

// jsonKind is what JSON calls a value of a Go type.
func jsonKind(t reflect.Type) string {
	switch t.Kind() {
	case reflect.Pointer:
		return jsonKind(t.Elem())
	case reflect.Bool:
		return "true or false"
	case reflect.String:
		return "a string"
	case reflect.Slice:
		return "an array"
	case reflect.Struct, reflect.Map:
		return "an object"
	case reflect.Float32, reflect.Float64:
		return "a number"
	}
	return "a whole number"
}
