// Package repo holds the repository's own rules, as tests.
//
// The rules are: import arrows run one way (arrows_test.go); packages that
// decide are pure (purity_test.go); files and functions stay short enough to
// read (size_test.go); every package says what it is, and no text holds words
// that promise later work or paths of somebody's machine (text_test.go); links
// and paths in the Markdown files lead somewhere, and the README's commands run
// (markdown_test.go, readme_test.go). A failing rule says what to do instead.
package repo
