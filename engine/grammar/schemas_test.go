package grammar

import "strings"

// long is a name as long as those that a schema does not give can be.
var long = strings.Repeat("a", maxNameLength)

// example is a schema with texts that its grammar allows and refuses. The
// allowed ones are documents of the schema; the refused ones may be too, where
// the grammar is narrower.
type example struct {
	name             string
	schema           string
	options          Options
	allowed, refused []string
}

var examples = []example{
	{"string", `{"type":"string"}`, Options{}, []string{
		`""`, `"abc"`, `"é漢😀"`, `"\n\"\\\/\u00e9\uFFFF\ud7ff"`, "\"\x7f\"",
	}, []string{
		`"`, `abc`, `"a"b`, "\"a\nb\"", `"\x"`, `"\u12g4"`, `"\ud83d\ude00"`, `"\uD83d"`, `"\uDFFF"`, "\"\xff\"", "\"\xc0\xaf\"", "\"\xed\xa0\x80\"", "\"\xc3\"", ` "a"`,
	}},
	{"lengths", `{"type":"string","minLength":2,"maxLength":3}`, Options{}, []string{
		`"ab"`, `"é漢😀"`, `"\n\u00e9"`,
	}, []string{`""`, `"a"`, `"é"`, `"abcd"`, `"\u00e9"`}},
	{"integer", `{"type":"integer"}`, Options{}, []string{"0", "-1", "120", "999999999999999"},
		[]string{"-0", "01", "1.0", "1e3", "+1", "-", "", "1000000000000000"}},
	{"number", `{"type":"number"}`, Options{}, []string{"0", "-0", "-1.50", "1e5", "1E-05", "0.000000000000001"},
		[]string{".5", "5.", "1e", "1e+", "00", "- 1", "1e100", "NaN"}},
	{"range", `{"type":"integer","minimum":-12,"exclusiveMaximum":105}`, Options{}, []string{"-12", "-9", "0", "7", "99", "104"},
		[]string{"-13", "-20", "105", "110", "200", "1000"}},
	{"probability", `{"type":"number","minimum":0,"maximum":1}`, Options{}, []string{"0", "1", "0.5", "0.999999999999999"},
		[]string{"-0.5", "1.0", "1.5", "2", "1e0"}},
	{"signed share", `{"type":"number","exclusiveMinimum":-1.5,"exclusiveMaximum":0}`, Options{}, []string{"-1"},
		[]string{"0", "-0.0", "-0.5", "-2"}},
	{"wide numbers", `{"type":"number","minimum":-1e300,"maximum":1e300}`, Options{}, []string{"-999999999999999", "0.5", "-0.5", "-12.25"},
		[]string{"1e5", "1000000000000000"}},
	{"boolean or null", `{"type":["boolean","null"]}`, Options{}, []string{"true", "false", "null"}, []string{"tru", "nulll", "True"}},
	{"enum", `{"enum":["a","ab","b\n",1,12,null,{"x":[1,2]}]}`, Options{}, []string{`"a"`, `"ab"`, `"b\n"`, "1", "12", "null", `{"x":[1,2]}`},
		[]string{`"abc"`, `"b"`, "2", "123", `{"x": [1,2]}`}},
	{"enum of a type", `{"type":"integer","enum":["a",1,1.5,2.0]}`, Options{}, []string{"1", "2.0"}, []string{`"a"`, "1.5", "2"}},
	{"const", `{"const":"a","enum":["b","a"],"type":"string"}`, Options{}, []string{`"a"`}, []string{`"b"`}},
	{"strict object", `{"type":"object","properties":{"a":{"type":"integer"},"b":{"type":"string"}},"required":["a","b"],"additionalProperties":false}`,
		Options{}, []string{`{"a":1,"b":"x"}`, `{"a":-12,"b":""}`},
		[]string{`{}`, `{"a":1}`, `{"b":"x","a":1}`, `{"a":1,"b":"x","c":1}`, `{"a":1, "b":"x"}`, `{"a":1,"b":"x",}`}},
	{"optional", `{"type":"object","properties":{"a":{"type":"null"},"ab":{"type":"null"},"b":{"type":"null"},"c":{"type":"null"}},"required":["b"]}`,
		Options{}, []string{`{"b":null}`, `{"a":null,"b":null}`, `{"a":null,"ab":null,"b":null,"c":null}`, `{"ab":null,"b":null}`, `{"b":null,"c":null}`},
		[]string{`{}`, `{"a":null}`, `{"a":null,"c":null}`, `{"b":null,"a":null}`, `{"b":null,"b":null}`, `{"b":null,"d":null}`, `{,"b":null}`}},
	{"all optional", `{"type":"object","properties":{"a":{"type":"null"},"b":{"type":"null"}}}`,
		Options{}, []string{`{}`, `{"a":null}`, `{"b":null}`, `{"a":null,"b":null}`}, []string{`{,}`, `{"a":null,}`, `{"b":null,"a":null}`}},
	{"others", `{"type":"object","properties":{"a":{"type":"null"},"éa":{"type":"null"},"q\"":{"type":"null"}},"required":["a"],"additionalProperties":{"type":"boolean"}}`,
		Options{MaxItems: 2}, []string{`{"a":null}`, `{"a":null,"b":true}`, `{"a":null,"ab":true,"é":false}`, `{"a":null,"éa":null,"x\u0061":true}`, `{"a":null,"q\"":null,"qq":true}`, `{"a":null,"èa":true}`},
		[]string{`{"b":true,"a":null}`, `{"a":null,"a":true}`, `{"a":null,"\u0061":true}`, `{"a":null,"éa":true}`, `{"a":null,"q\"":true}`, `{"a":null,"b":true,"c":true,"d":true}`, `{"a":null,"":true}`, `{"a":null,"b":1}`}},
	{"a long name", `{"type":"object","properties":{"` + long + `aa":{"type":"null"}},"additionalProperties":{"type":"null"}}`, Options{},
		[]string{`{"` + long + `":null}`, `{"` + long + `aa":null}`, `{"` + long[1:] + `b":null}`}, []string{`{"` + long + `a":null}`, `{"` + long + `b":null}`}},
	{"one limit twice", `{"type":"integer","minimum":3,"exclusiveMinimum":3,"exclusiveMaximum":6,"maximum":6}`, Options{}, []string{"4", "5"}, []string{"3", "6"}},
	{"two limits", `{"type":"integer","minimum":3,"exclusiveMinimum":1,"exclusiveMaximum":9,"maximum":6}`, Options{}, []string{"3", "6"}, []string{"2", "7"}},
	{"required by name alone", `{"type":"object","required":["x"]}`, Options{}, []string{`{"x":1}`, `{"x":[{"y":null}],"y":2}`}, []string{`{}`, `{"y":1}`, `{"x":1,"x":2}`}},
	{"no properties", `{"type":"object","properties":{}}`, Options{}, []string{`{}`}, []string{`{"a":1}`}},
	{"array", `{"type":"array","items":{"type":"integer"},"minItems":1,"maxItems":3}`, Options{}, []string{"[1]", "[1,2,3]"}, []string{"[]", "[1,2,3,4]", "[1,]", "[,1]", `["a"]`}},
	{"array up to the bound", `{"type":"array","items":{"type":"boolean"}}`, Options{MaxItems: 2}, []string{"[]", "[true,false]"}, []string{"[true,true,true]"}},
	{"no items", `{"type":"array","items":false}`, Options{}, []string{"[]"}, []string{"[1]"}},
	{"pairs", `{"type":"array","items":{"type":"array","items":{"type":"null"},"minItems":2,"maxItems":2}}`, Options{}, []string{"[[null,null]]", "[]"}, []string{"[[]]", "[[null]]"}},
	{"any", `{}`, Options{MaxDepth: 3}, []string{"1", `"a"`, "[]", "{}", `{"a":[1]}`, "[[1]]", "true"}, []string{"[[[1]]]", "[1 ,2]", "[1", "}"}},
	{"true", `true`, Options{MaxDepth: 1}, []string{"1", "[]", "{}"}, []string{"[1]"}},
	{"anyOf", `{"anyOf":[{"type":"string","maxLength":2},{"type":"integer"},{"type":"string","minLength":4,"maxLength":5}]}`, Options{},
		[]string{`"ab"`, `"abcd"`, "12"}, []string{`"abc"`, `"abcdef"`, "1.5"}},
	{"oneOf by type", `{"oneOf":[{"type":"string"},{"type":"number"},{"const":null}]}`, Options{}, []string{`"a"`, "1", "null"}, []string{"true"}},
	{"oneOf by kind", `{"oneOf":[{"$ref":"#/$defs/cat"},{"$ref":"#/$defs/dog"}],"$defs":{
		"cat":{"type":"object","properties":{"kind":{"const":"cat"},"name":{"type":"string"}},"required":["kind"]},
		"dog":{"type":"object","properties":{"kind":{"enum":["dog","hound"]},"age":{"type":"integer"}},"required":["kind","age"]}}}`, Options{},
		[]string{`{"kind":"cat"}`, `{"kind":"cat","name":"x"}`, `{"kind":"dog","age":3}`, `{"kind":"hound","age":0}`},
		[]string{`{"kind":"cat","age":3}`, `{"kind":"dog"}`, `{"kind":"cow"}`}},
	{"allOf of one", `{"allOf":[{"type":"null"}],"description":"d","default":1}`, Options{}, []string{"null"}, []string{"1"}},
	{"tree", `{"$ref":"#/$defs/node","$defs":{"node":{"type":"object","properties":{"a":{"type":"array","items":{"$ref":"#/$defs/node"}},"b":{"type":"integer"}},"required":["a"]}}}`,
		Options{MaxDepth: 3}, []string{`{"a":[]}`, `{"a":[{"a":[]},{"a":[],"b":1}],"b":2}`, `{"a":[{"a":[{"a":[]}]}]}`}, []string{`{}`, `{"a":[{"a":[{"a":[{"a":[]}]}]}]}`, `{"a":[{}]}`}},
	{"list to the root", `{"type":"object","properties":{"a":{"type":"integer"},"b":{"anyOf":[{"$ref":"#"},{"type":"null"}]}},"required":["a","b"],"additionalProperties":false}`,
		Options{MaxDepth: 2}, []string{`{"a":1,"b":null}`, `{"a":1,"b":{"a":2,"b":null}}`}, []string{`{"a":1,"b":{"a":2,"b":{"a":3,"b":null}}}`, `{"a":1}`}},
	{"types by keyword", `{"properties":{"a":{"type":"null"}},"maxLength":1}`, Options{}, []string{`{}`, `{"a":null}`, `"x"`}, []string{"1", `"xy"`}},
	{"escaped pointer", `{"$ref":"#/$defs/a~1b%25","$defs":{"a/b%":{"type":"null"}}}`, Options{}, []string{"null"}, []string{"1"}},
	{"spaces", `{"type":"object","properties":{"a":{"type":"array","items":{"type":"integer"}},"b":{"type":"null"}},"required":["a"]}`, Options{Spaces: true},
		[]string{`{"a": [1, 2], "b": null}`, `{"a":[1,2],"b":null}`, `{"a": [1,2], "b":null}`}, []string{`{"a":  [1]}`, `{ "a":[1]}`, `{"a":[1 ,2]}`, `{"a":[1] }`}},
	{"name in other script", `{"type":"object","properties":{"名\n":{"const":"漢\\"}},"required":["名\n"]}`, Options{}, []string{`{"名\n":"漢\\"}`}, []string{`{}`}},
}
