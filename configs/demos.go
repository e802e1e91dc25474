package configs

import "embed"

// Demos holds demos/*.yaml, scripted models (package hub says what a script is).
//
//go:embed demos/*.yaml
var Demos embed.FS
