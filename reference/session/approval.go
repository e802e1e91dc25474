package session

import (
	"fmt"

	"tierlab/workloads"
)

// approve takes in a person's word on a tool call.
func (a *actor) approve(id toolID, ok bool, by, why string) error {
	if id.step < 0 || int(id.step) >= len(a.life.steps) || id.tool < 0 || int(id.tool) >= len(a.life.steps[id.step].tools) {
		return fmt.Errorf("session %q: it has no tool call %d at step %d", a.id, id.tool+1, id.step+1)
	}
	t := a.life.tool(id.step, id.tool)
	if !t.asked || t.verdict != nil || t.done {
		return fmt.Errorf("session %q: tool call %d at step %d waits for nobody's approval", a.id, id.tool+1, id.step+1)
	}
	a.log(&approved{Step: id.step, Tool: id.tool, OK: ok, By: by, Why: why})
	if !ok {
		a.denied(id)
		return nil
	}
	if a.fundTool(id) {
		a.launch(id, false)
	}
	return nil
}

// denied answers a call that a person has refused.
func (a *actor) denied(id toolID) {
	v := a.life.tool(id.step, id.tool).verdict
	why := "refused by " + v.By
	if v.Why != "" {
		why += ": " + v.Why
	}
	a.toolEnds(id, toolEnd{status: workloads.StatusError, failure: why})
}
