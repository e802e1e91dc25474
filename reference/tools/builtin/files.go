package builtin

import (
	"context"
	"encoding/json"
	"path"
	"strings"

	"tierlab/internal/spell"
	"tierlab/reference/tools"
)

// The files of a session's workspace are keys of its state under filePrefix, so
// that they are branched, moved and replayed with it.
const (
	filePrefix = "file/"
	maxFile    = 256 << 10 // bytes
	maxShown   = 64 << 10  // bytes that file_read returns at once
)

// files are file_write, file_read, file_list, file_delete and file_edit. Their
// effects are writes to the session's state only, so all of them are Pure.
func files() []tools.Tool {
	const filePath = `"path":{"type":"string","minLength":1,"maxLength":400}`
	tool := func(name, description, input, output string, run func(context.Context, *tools.Call) (tools.Result, error)) tools.Tool {
		return tools.Tool{Name: name, Description: description, Input: json.RawMessage(input), Output: json.RawMessage(output),
			Repeat: tools.Pure, Stateful: true, Run: run}
	}
	return []tools.Tool{
		tool("file_write", "Write a text file of your workspace. One that is there is replaced; folders need not be made.",
			`{"type":"object","properties":{`+filePath+`,"content":{"type":"string"}},"required":["path","content"],"additionalProperties":false}`,
			`{"type":"object","properties":{"bytes":{"type":"integer"},"replaced":{"type":"boolean"}},"required":["bytes","replaced"],"additionalProperties":false}`,
			typed(fileWrite)),
		tool("file_read", "Read a text file of your workspace, from line and for as many lines as asked, or to its end.",
			`{"type":"object","properties":{`+filePath+`,"line":{"type":"integer","minimum":1},"lines":{"type":"integer","minimum":1}},"required":["path"],"additionalProperties":false}`,
			`{"type":"object","properties":{"content":{"type":"string"},"lines":{"type":"integer"},"more":{"type":"boolean"}},"required":["content","lines","more"],"additionalProperties":false}`,
			typed(fileRead)),
		tool("file_list", "List the files of your workspace, or of one folder and those in it.",
			`{"type":"object","properties":{"folder":{"type":"string","maxLength":400}},"additionalProperties":false}`,
			`{"type":"object","properties":{"files":{"type":"array","items":{"type":"object","properties":{"path":{"type":"string"},"bytes":{"type":"integer"}},"required":["path","bytes"]}},"more":{"type":"boolean"}},"required":["files","more"],"additionalProperties":false}`,
			typed(fileList)),
		tool("file_delete", "Delete a file of your workspace.",
			`{"type":"object","properties":{`+filePath+`},"required":["path"],"additionalProperties":false}`,
			`{"type":"object","properties":{"deleted":{"type":"boolean"}},"required":["deleted"],"additionalProperties":false}`,
			typed(fileDelete)),
		tool("file_edit", "Replace a text in a file of your workspace by another. It has to be there exactly once, unless all is set.",
			`{"type":"object","properties":{`+filePath+`,"old":{"type":"string","minLength":1},"new":{"type":"string"},"all":{"type":"boolean"}},"required":["path","old","new"],"additionalProperties":false}`,
			`{"type":"object","properties":{"replaced":{"type":"integer"}},"required":["replaced"],"additionalProperties":false}`,
			typed(fileEdit)),
	}
}

func fileWrite(_ context.Context, c *tools.Call, a struct{ Path, Content string }) (tools.Result, error) {
	if err := checkPath(a.Path); err != nil {
		return tools.Fail("%v", err), nil
	}
	if len(a.Content) > maxFile {
		return tools.Fail("the content has %d bytes: a file has at most %d", len(a.Content), maxFile), nil
	}
	_, replaced := c.State.Get(filePrefix + a.Path)
	if !replaced {
		if other := inTheWay(c.State, a.Path); other != "" {
			return tools.Fail("path %s: there is a file %s, and one name cannot be a file and a folder", quoted(a.Path), quoted(other)), nil
		}
	}
	type written struct {
		Bytes    int  `json:"bytes"`
		Replaced bool `json:"replaced"`
	}
	return change(written{len(a.Content), replaced}, tools.Write{Key: filePrefix + a.Path, Value: []byte(a.Content)})
}

// inTheWay is a file that p would make a folder of, or that lies in p.
func inTheWay(s tools.State, p string) string {
	for folder := path.Dir(p); folder != "."; folder = path.Dir(folder) {
		if _, ok := s.Get(filePrefix + folder); ok {
			return folder
		}
	}
	if below := s.List(filePrefix + p + "/"); len(below) > 0 {
		return strings.TrimPrefix(below[0], filePrefix)
	}
	return ""
}

// noFile is the failure for a file that is not there.
func noFile(s tools.State, p string) tools.Result {
	if err := checkPath(p); err != nil {
		return tools.Fail("%v", err)
	}
	var names []string
	for _, key := range s.List(filePrefix) {
		names = append(names, strings.TrimPrefix(key, filePrefix))
	}
	return tools.Fail("there is no file %s%s", quoted(p), spell.Hint(p, names))
}

func fileRead(_ context.Context, c *tools.Call, a struct {
	Path        string
	Line, Lines int
}) (tools.Result, error) {
	content, ok := c.State.Get(filePrefix + a.Path)
	if !ok {
		return noFile(c.State, a.Path), nil
	}
	type read struct {
		Content string `json:"content"`
		Lines   int    `json:"lines"` // of the file
		More    bool   `json:"more"`
	}
	var shown strings.Builder
	r, wanted := read{}, 0
	for line := range strings.Lines(string(content)) {
		r.Lines++
		if r.Lines < max(a.Line, 1) {
			continue
		}
		wanted++
		if a.Lines > 0 && wanted > a.Lines || r.More || shown.Len() > 0 && shown.Len()+len(line) > maxShown {
			r.More = true
			continue
		}
		shown.WriteString(line)
	}
	r.Content = shown.String()
	return answer(r)
}

func fileList(_ context.Context, c *tools.Call, a struct{ Folder string }) (tools.Result, error) {
	prefix := filePrefix
	if folder := strings.TrimSuffix(a.Folder, "/"); folder != "" && folder != "." {
		if err := checkPath(folder); err != nil {
			return tools.Fail("folder: %v", err), nil
		}
		prefix += folder + "/"
	}
	type file struct {
		Path  string `json:"path"`
		Bytes int    `json:"bytes"`
	}
	type list struct {
		Files []file `json:"files"`
		More  bool   `json:"more"`
	}
	l := list{Files: []file{}}
	for _, key := range c.State.List(prefix) {
		if len(l.Files) == maxKVs {
			l.More = true
			break
		}
		content, _ := c.State.Get(key)
		l.Files = append(l.Files, file{strings.TrimPrefix(key, filePrefix), len(content)})
	}
	return answer(l)
}

func fileDelete(_ context.Context, c *tools.Call, a struct{ Path string }) (tools.Result, error) {
	if _, ok := c.State.Get(filePrefix + a.Path); !ok {
		return noFile(c.State, a.Path), nil
	}
	return change(map[string]bool{"deleted": true}, tools.Write{Key: filePrefix + a.Path})
}

func fileEdit(_ context.Context, c *tools.Call, a struct {
	Path, Old, New string
	All            bool
}) (tools.Result, error) {
	content, ok := c.State.Get(filePrefix + a.Path)
	if !ok {
		return noFile(c.State, a.Path), nil
	}
	n := strings.Count(string(content), a.Old)
	switch {
	case n == 0:
		return tools.Fail("file %s does not hold %s: read it, and copy the text exactly", quoted(a.Path), quoted(a.Old)), nil
	case n > 1 && !a.All:
		return tools.Fail("file %s holds %s %d times: take a longer text that is there once, or set all", quoted(a.Path), quoted(a.Old), n), nil
	case len(content)+n*(len(a.New)-len(a.Old)) > maxFile:
		return tools.Fail("file %s would have more than %d bytes", quoted(a.Path), maxFile), nil
	}
	text := strings.ReplaceAll(string(content), a.Old, a.New)
	return change(map[string]int{"replaced": n}, tools.Write{Key: filePrefix + a.Path, Value: []byte(text)})
}
