package tokenizer

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
)

const (
	fileName = "tokenizer.json"

	// maxFile bounds the size of a file that is read, in bytes. That of Llama 3
	// has 17 million.
	maxFile = 256 << 20
)

// Open reads a vocabulary from a tokenizer.json file, or from the folder that
// holds one. Errors name the file and the field.
func Open(path string) (*BPE, error) {
	info, err := os.Stat(path)
	if err == nil && info.IsDir() {
		dir := path
		path = filepath.Join(dir, fileName)
		if info, err = os.Stat(path); errors.Is(err, fs.ErrNotExist) {
			return nil, missing(dir)
		}
	}
	if err != nil {
		return nil, fmt.Errorf("tokenizer: %w", err)
	}
	if info.Size() > maxFile {
		return nil, fmt.Errorf("%s has %d bytes; at most %d are read", path, info.Size(), maxFile)
	}
	data, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("tokenizer: %w", err)
	}
	b, err := parse(data)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return b, nil
}

// missing says what a folder without tokenizer.json has in its place.
func missing(dir string) error {
	for _, other := range []string{"tokenizer.model", "vocab.json"} {
		if _, err := os.Stat(filepath.Join(dir, other)); err == nil {
			return fmt.Errorf("%s has no %s, and its %s is not read: convert it, as save_pretrained of a fast tokenizer of transformers does",
				dir, fileName, other)
		}
	}
	return fmt.Errorf("%s has no %s: copy the file of that name from where the model comes from", dir, fileName)
}

// file is what is read of a tokenizer.json. Truncation and padding are for
// batches of a training and change nothing here.
type file struct {
	AddedTokens   []addedToken `json:"added_tokens"`
	Normalizer    *component   `json:"normalizer"`
	PreTokenizer  *component   `json:"pre_tokenizer"`
	PostProcessor *component   `json:"post_processor"`
	Decoder       *component   `json:"decoder"`
	Model         bpeModel     `json:"model"`
}

type addedToken struct {
	ID         int32  `json:"id"`
	Content    string `json:"content"`
	SingleWord bool   `json:"single_word"`
	LStrip     bool   `json:"lstrip"`
	RStrip     bool   `json:"rstrip"`
	Normalized bool   `json:"normalized"`
	Special    bool   `json:"special"`
}

// component is a normalizer, pre-tokenizer, post-processor or decoder, with the
// fields of all kinds that are read.
type component struct {
	Type string `json:"type"`

	Normalizers   []component `json:"normalizers"`
	PreTokenizers []component `json:"pretokenizers"`
	Processors    []component `json:"processors"`

	AddPrefixSpace   bool  `json:"add_prefix_space"`
	UseRegex         *bool `json:"use_regex"` // true if absent
	IndividualDigits bool  `json:"individual_digits"`

	Pattern  struct{ Regex, String *string } `json:"pattern"`
	Behavior string                          `json:"behavior"`
	Invert   bool                            `json:"invert"`

	Single        []piece                          `json:"single"`
	SpecialTokens map[string]struct{ IDs []int32 } `json:"special_tokens"`
}

// piece is one of a template's: a special token, or the text.
type piece struct {
	SpecialToken *struct{ ID string }
	Sequence     *struct{ ID string }
}

type bpeModel struct {
	Type         string           `json:"type"`
	Dropout      *float64         `json:"dropout"`
	WordPrefix   *string          `json:"continuing_subword_prefix"`
	WordSuffix   *string          `json:"end_of_word_suffix"`
	ByteFallback bool             `json:"byte_fallback"`
	IgnoreMerges bool             `json:"ignore_merges"`
	Vocab        map[string]int32 `json:"vocab"`
	Merges       []pair           `json:"merges"`
}

// pair is a merge: "a b" in older files, ["a", "b"] in newer ones.
type pair [2]string

func (p *pair) UnmarshalJSON(data []byte) error {
	if data[0] == '[' {
		var list []string
		if err := json.Unmarshal(data, &list); err != nil || len(list) != 2 {
			return fmt.Errorf("model.merges: %s is not a pair of strings", data)
		}
		*p = pair(list)
		return nil
	}
	var s string
	if err := json.Unmarshal(data, &s); err != nil {
		return fmt.Errorf("model.merges: %s is neither a string nor a pair of strings", data)
	}
	left, right, ok := strings.Cut(s, " ")
	if !ok || strings.Contains(right, " ") {
		return fmt.Errorf("model.merges: %q is not two tokens with a space between", s)
	}
	*p = pair{left, right}
	return nil
}

// parse builds a tokenizer of a file's content.
func parse(data []byte) (*BPE, error) {
	var f file
	if err := json.Unmarshal(data, &f); err != nil {
		return nil, err
	}
	b := &BPE{class: newClasses(), words: newCache(), added: make(map[int32]added)}
	if err := b.setNormalizer(f.Normalizer, "normalizer"); err != nil {
		return nil, err
	}
	if err := b.setVocabulary(&f); err != nil {
		return nil, err
	}
	if err := b.setPreTokenizer(f.PreTokenizer); err != nil {
		return nil, err
	}
	if err := b.setPrefix(f.PostProcessor, "post_processor"); err != nil {
		return nil, err
	}
	if f.Decoder == nil || f.Decoder.Type != "ByteLevel" {
		return nil, fmt.Errorf("decoder: %s; a byte-level BPE has ByteLevel", f.Decoder)
	}
	return b, nil
}

// String is a component's type, for messages.
func (c *component) String() string {
	if c == nil {
		return "there is none"
	}
	return fmt.Sprintf("type is %q", c.Type)
}
